//! Encodes an unstreamed answer (<https://ai.google.dev/api/generate-content#generatecontentresponse>).

use std::borrow::Cow;

use super::encode_contents::bare_signature;
use super::encode_media::media_part;
use super::wire::{CandidateOut, ContentOut, FunctionCallOut, PartOut, ResponseOut, to_line};
use super::{citations, finish, logprobs, signature, usage};
use crate::dialect::canonical::{ChatResponse, Choice, Json, Part, ReplyContext};
use crate::time::rfc3339;

/// Encodes an answer.
pub(super) fn encode(response: &ChatResponse, context: &ReplyContext) -> Vec<u8> {
    to_line(&ResponseOut {
        candidates: response
            .choices
            .iter()
            .enumerate()
            .map(|(index, choice)| candidate(index, choice))
            .collect(),
        usage_metadata: response.usage.as_ref().map(usage::write),
        model_version: response.model.as_deref().unwrap_or(&context.model),
        create_time: Some(rfc3339(response.created.unwrap_or(context.created))),
        response_id: response.id.as_deref().unwrap_or(&context.unique),
    })
}

fn candidate(index: usize, choice: &Choice) -> CandidateOut<'_> {
    let texts = choice.parts.iter().filter_map(|part| match part {
        Part::Text { text, citations, .. } if !citations.is_empty() => {
            Some((text.as_str(), citations.as_slice()))
        }
        _ => None,
    });
    let (citation_metadata, grounding_metadata) = citations::write(texts);
    let mut parts = Vec::with_capacity(choice.parts.len());
    for part in &choice.parts {
        write_part(part, &mut parts);
    }
    CandidateOut {
        content: Some(ContentOut { role: Some("model"), parts }),
        finish_reason: choice.finish.as_ref().map(finish::write),
        index,
        citation_metadata,
        grounding_metadata,
        logprobs_result: choice.logprobs.as_ref().and_then(logprobs::write),
    }
}

fn write_part<'a>(part: &'a Part, parts: &mut Vec<PartOut<'a>>) {
    match part {
        Part::Text { text, .. } | Part::Refusal { text } if !text.is_empty() => parts.push(text_part(text)),
        Part::Thinking { text, signature } if !text.is_empty() => {
            parts.push(PartOut {
                thought_signature: signature.as_deref().map(signature::for_clients),
                ..thought(text)
            });
        }
        Part::Thinking { signature: Some(signature), .. } => {
            let before = parts
                .last_mut()
                .filter(|last| last.text.is_some() && !last.thought && last.thought_signature.is_none());
            match before {
                Some(text) => text.thought_signature = Some(signature::for_clients(signature)),
                None => parts.push(signed(signature)),
            }
        }
        Part::RedactedThinking { data } => parts.push(redacted(data)),
        Part::ProviderBlock { origin, block } => parts.push(redacted(&origin.seal(block))),
        Part::ToolCall { id, name, arguments, signature, .. } => {
            parts.push(call(id, name, arguments, signature.as_deref()));
        }
        Part::Image { media, .. } => parts.extend(media_part(media, "image/png", None)),
        Part::Audio { media } => parts.extend(media_part(media, "audio/wav", None)),
        Part::File { media, .. } => parts.extend(media_part(media, "application/octet-stream", None)),
        _ => {}
    }
}

/// A piece of text.
pub(super) fn text_part(text: &str) -> PartOut<'_> {
    PartOut { text: Some(Cow::Borrowed(text)), ..PartOut::default() }
}

/// A piece of reasoning.
pub(super) fn thought(text: &str) -> PartOut<'_> {
    PartOut { thought: true, ..text_part(text) }
}

/// An encrypted thinking block of another vendor, which the caller sends back unchanged.
pub(super) fn redacted(data: &str) -> PartOut<'static> {
    PartOut { thought_signature: Some(Cow::Owned(signature::wrap_redacted(data))), ..thought("") }
}

/// A signature without content.
pub(super) fn signed(signature: &str) -> PartOut<'_> {
    PartOut { thought_signature: Some(signature::for_clients(signature)), ..bare_signature("") }
}

/// A function call.
pub(super) fn call<'a>(
    id: &'a str,
    name: &'a str,
    arguments: &str,
    signature: Option<&'a str>,
) -> PartOut<'a> {
    PartOut {
        function_call: Some(FunctionCallOut { id: Some(id), name, args: Json::arguments_object(arguments) }),
        thought_signature: signature.map(signature::for_clients),
        ..PartOut::default()
    }
}
