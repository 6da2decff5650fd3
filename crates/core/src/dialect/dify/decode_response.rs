//! Decodes an unstreamed answer.

use super::error;
use super::ids::DifyIds;
use super::wire::{Reply, finish_of};
use crate::dialect::canonical::{ChatResponse, Choice, ErrorInfo, FinishReason, Part};
use crate::json::lenient::{self, Piece, Spare, settled};

/// Decodes an answer with a success status, and its ids.
pub fn decode(body: &[u8]) -> Result<(ChatResponse, DifyIds), ErrorInfo> {
    let reply: Reply = lenient::read(body, &Spare::default())
        .map_err(|error| ErrorInfo::unreadable(format!("The answer is not as documented: {error}.")))?;
    read(reply, body)
}

/// The answer in a reply, or its error. `body` is what it was read from.
pub fn read(mut reply: Reply, body: &[u8]) -> Result<(ChatResponse, DifyIds), ErrorInfo> {
    let data = reply.data();
    if let Some(error) = error::of_workflow(&data) {
        return Err(error);
    }
    reply.answer = reply.answer.or_else(|| data.output().map(Piece));
    let is_paused = reply.event.as_deref() == Some("workflow_paused");
    if reply.answer.is_none() && !is_paused {
        return Err(
            error::in_answer(reply, body).unwrap_or_else(|| ErrorInfo::unreadable("The answer has no text."))
        );
    }
    let mut metadata = reply.metadata.take().unwrap_or_default();
    let usage = metadata.usage();
    let citations = metadata.citations();
    let text = settled(reply.answer.take().unwrap_or_default().into());
    let is_said = !text.is_empty() || !citations.is_empty();
    let parts = is_said.then_some(Part::Text { text, citations, cache: None });
    let finish = if is_paused { FinishReason::Pause } else { finish_of(&data) };
    let response = ChatResponse {
        created: reply.created(),
        id: reply.message_id.clone().or(reply.id),
        choices: vec![Choice { parts: parts.into_iter().collect(), finish: Some(finish), logprobs: None }],
        usage,
        ..ChatResponse::default()
    };
    let ids = DifyIds {
        conversation_id: reply.conversation_id,
        message_id: reply.message_id,
        task_id: reply.task_id,
    };
    Ok((response, ids))
}
