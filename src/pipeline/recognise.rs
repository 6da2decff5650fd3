//! Which conversation does a request belong to? The one that the caller names, or the one that its history says.
//!
//! The look-up runs while the upstream works on the answer: it delays no byte. At most one read of KV is made for a
//! request; what else there is to find out is found out after the answer, when it is remembered.

use nexus_edge_core::access::Principal;
use nexus_edge_core::conversation::archive::Fresh;
use nexus_edge_core::conversation::{Fingerprint, Recognition, Remembered, recognise as judge};
use nexus_edge_core::dialect::canonical::{ChatRequest, Part};
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::http::request_id;
use worker::Env;

use crate::exchange::Exchange;
use crate::platform::new_ulid;
use crate::platform::timer::Timer;
use crate::store::conversations;

/// What names the requests by which a session's summary is made.
const SUMMARY_SUFFIX: &str = ".summary";

/// A request of more bytes is neither recognised nor archived: reading it would hold up everybody else in the isolate.
const MAX_READ_BYTES: usize = 4 << 20;

/// Before a larger request is read, what was just sent gets the chance to leave.
const LARGE_BYTES: usize = 64 * 1024;

/// Whether a request is small enough to be read for its own sake.
pub fn is_readable(transcript: &Transcript) -> bool {
    transcript.unread_bytes() <= MAX_READ_BYTES
}

/// The conversation of the requests that summarise a session.
pub fn summary_of(session_id: &str) -> String {
    format!("{session_id}{SUMMARY_SUFFIX}")
}

/// Whether a conversation is the gateway talking to itself.
pub fn is_summary(conversation_id: &str) -> bool {
    conversation_id.ends_with(SUMMARY_SUFFIX)
}

/// The conversation that the caller names in a header.
pub fn named(exchange: &Exchange) -> Option<String> {
    let named = exchange.header("x-conversation-id").or_else(|| exchange.header("x-session-id"));
    named.as_deref().and_then(request_id::accept).map(str::to_owned)
}

/// The conversation of a request that names none in a header.
pub async fn recognise(
    exchange: &Exchange,
    principal: &Principal,
    transcript: &mut Transcript,
) -> Option<String> {
    if !is_readable(transcript) {
        return None;
    }
    if transcript.unread_bytes() > LARGE_BYTES {
        Timer::after_ms(1).await;
    }
    let request = transcript.request()?;
    if let Some(named) = named_in_body(&request) {
        return Some(named);
    }
    let print = Fingerprint::of(&principal.key_id, &request);
    let found = match print.history.or(print.last_words) {
        Some(key) => conversations::get(&exchange.env, key).await,
        None => None,
    };
    match judge(print.question, print.history.is_some(), found.as_ref()) {
        Recognition::Known(id) => Some(id),
        Recognition::Branch { .. } | Recognition::New => Some(new_ulid(exchange.started_ms)),
    }
}

/// `metadata.session_id`, or `metadata.conversation_id`.
fn named_in_body(request: &ChatRequest) -> Option<String> {
    let metadata = request.metadata.as_ref()?.to_value();
    let named = metadata.get("session_id").or_else(|| metadata.get("conversation_id"))?;
    named.as_str().and_then(request_id::accept).map(str::to_owned)
}

/// What is found out after the answer.
pub struct Remembrance {
    /// Which messages of the request were not there before.
    pub fresh: Fresh,
    /// The conversation that was branched off, if the request goes on from an earlier point of one.
    pub parent: Option<String>,
}

/// Remembers, after the answer, how the conversation stands.
pub async fn remember(
    env: &Env,
    principal: &Principal,
    request: &ChatRequest,
    reply: &[Part],
    conversation_id: &str,
) -> Remembrance {
    let caller = &principal.key_id;
    let print = Fingerprint::of(caller, request);
    let mut remembrance = Remembrance { fresh: Fresh::All, parent: None };
    if let Some(history) = print.history {
        match conversations::get(env, history).await {
            Some(mut found) => {
                let is_new = found.continue_with(print.question, conversation_id);
                if found.conversation == conversation_id {
                    remembrance.fresh = if is_new { Fresh::SinceLastAnswer } else { Fresh::Nothing };
                } else {
                    remembrance.parent = Some(found.conversation.clone());
                    if !is_new {
                        remembrance.fresh = Fresh::Nothing;
                    }
                }
                if is_new {
                    conversations::put(env, history, found).await;
                }
            }
            None => {
                for ancestor in &print.ancestors {
                    let found = conversations::get(env, *ancestor).await;
                    if let Some(found) = found.filter(|found| found.conversation != conversation_id) {
                        remembrance.parent = Some(found.conversation);
                        break;
                    }
                }
            }
        }
    }
    let answered = Fingerprint::with_reply(caller, request, reply);
    conversations::put(env, answered, Remembered::new(conversation_id)).await;
    if let Some(last_words) = print.last_words {
        conversations::put(env, last_words, Remembered::new(conversation_id)).await;
    }
    remembrance
}
