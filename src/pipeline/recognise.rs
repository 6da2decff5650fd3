//! Which conversation does a request belong to? The one that the caller names, or the one that its history says.
//!
//! The look-up runs while the upstream works on the answer: it delays no byte. At most one read of KV is made for a
//! request; what else there is to find out is found out after the answer, when it is remembered.

use nexus_edge_core::access::Principal;
use nexus_edge_core::conversation::archive::Fresh;
use nexus_edge_core::conversation::{ChainKey, Fingerprint, Recognition, Remembered, recognise as judge};
use nexus_edge_core::dialect::canonical::{ChatRequest, Part};
use nexus_edge_core::dialect::inbound::Inbound;
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

/// What was found out about the conversation of a request.
#[derive(Debug, Default)]
pub struct Recognised {
    /// The conversation, if the request named none in a header.
    pub id: Option<String>,
    /// What the request says of its history, and what was found under that.
    looked_up: Option<(Fingerprint, Option<Remembered>)>,
}

impl Recognised {
    /// Whether the request itself named its conversation, so that nothing had to be looked up.
    pub fn is_named(&self) -> bool {
        self.looked_up.is_none()
    }
}

/// Recognises the conversation of a request that names none in a header. `inbound`: the same request, if the transcript is
/// of no other, as it was read for whoever needed that first.
pub async fn recognise(
    exchange: &Exchange,
    principal: &Principal,
    transcript: &mut Transcript,
    inbound: Option<&Inbound<'_>>,
) -> Recognised {
    if !is_readable(transcript) {
        return Recognised::default();
    }
    if transcript.unread_bytes() > LARGE_BYTES {
        Timer::after_ms(1).await;
    }
    if let Some(Ok(request)) = inbound.map(Inbound::canonical) {
        transcript.keep_read_request(request);
    }
    let Some(request) = transcript.request() else { return Recognised::default() };
    if let Some(named) = named_in_body(&request) {
        return Recognised { id: Some(named), looked_up: None };
    }
    let print = Fingerprint::of(&principal.key_id, &request);
    let found = match print.history.or(print.last_words) {
        Some(key) => conversations::get(&exchange.env, key).await,
        None => None,
    };
    let id = match judge(print.question, print.history.is_some(), found.as_ref()) {
        Recognition::Known(id) => id,
        Recognition::Branch { .. } | Recognition::New => new_ulid(exchange.started_ms),
    };
    // Under the last words of a request without a history is not its history.
    let of_history = found.filter(|_| print.history.is_some());
    Recognised { id: Some(id), looked_up: Some((print, of_history)) }
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

/// Remembers, after the answer, how the conversation stands. What was looked up before the answer is not looked up again.
pub async fn remember(
    env: &Env,
    principal: &Principal,
    request: &ChatRequest,
    reply: &[Part],
    conversation_id: &str,
    recognised: Recognised,
) -> Remembrance {
    let (print, of_history) = if let Some(looked_up) = recognised.looked_up {
        looked_up
    } else {
        let print = Fingerprint::of(&principal.key_id, request);
        let found = match print.history {
            Some(history) => conversations::get(env, history).await,
            None => None,
        };
        (print, found)
    };
    let remembrance = match print.history {
        Some(history) => go_on(env, &print, history, of_history, conversation_id).await,
        None => Remembrance { fresh: Fresh::All, parent: None },
    };
    conversations::put(env, print.with_reply(reply), Remembered::new(conversation_id)).await;
    // Only requests without a history are looked up by their last words.
    if let Some(last_words) = print.last_words.filter(|_| print.history.is_none()) {
        conversations::put(env, last_words, Remembered::new(conversation_id)).await;
    }
    remembrance
}

/// Notes how a history went on, or finds the conversation that it was branched off.
async fn go_on(
    env: &Env,
    print: &Fingerprint,
    history: ChainKey,
    found: Option<Remembered>,
    conversation_id: &str,
) -> Remembrance {
    let Some(mut found) = found else {
        return Remembrance { fresh: Fresh::All, parent: parent_of(env, print, conversation_id).await };
    };
    let is_new = found.continue_with(print.question, conversation_id);
    let is_branch = found.conversation != conversation_id;
    let parent = is_branch.then(|| found.conversation.clone());
    let fresh = match (is_new, is_branch) {
        (false, _) => Fresh::Nothing,
        (true, false) => Fresh::SinceLastAnswer,
        (true, true) => Fresh::All,
    };
    if is_new {
        conversations::put(env, history, found).await;
    }
    Remembrance { fresh, parent }
}

/// The conversation of an earlier state of the history. KV is asked only for the newest: reading all would cost a long
/// history more than the link is worth.
async fn parent_of(env: &Env, print: &Fingerprint, conversation_id: &str) -> Option<String> {
    let held = print.ancestors.iter().find_map(|ancestor| conversations::held(*ancestor));
    let found = match (held, print.ancestors.first()) {
        (None, Some(newest)) => conversations::get(env, *newest).await,
        (held, _) => held,
    };
    found.map(|found| found.conversation).filter(|parent| parent != conversation_id)
}
