//! Finds the conversation of a request: the one that the caller names, or the one of its history.
//!
//! The look-up runs while the upstream works on the answer, so it delays no byte. At most one read of KV is made for
//! a request; the rest happens after the answer, when the conversation is stored.

use nexus_edge_core::access::Principal;
use nexus_edge_core::conversation::{
    Fingerprint, Lookup, Recognition, Remembered, Remembrance, recognise as judge,
};
use nexus_edge_core::dialect::canonical::{ChatRequest, Part};
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::http::request_id;
use worker::Env;

use crate::exchange::Exchange;
use crate::platform::new_ulid;
use crate::platform::promise::Timer;
use crate::store::conversations;

/// Before a larger request is decoded, pending output gets the chance to be sent.
const LARGE_BYTES: usize = 64 * 1024;

/// The conversation that the caller names in a header.
pub fn named(exchange: &Exchange) -> Option<String> {
    let named = exchange.header("x-conversation-id").or_else(|| exchange.header("x-session-id"));
    named.as_deref().and_then(request_id::accept).map(str::to_owned)
}

/// The result of recognition.
#[derive(Debug, Default)]
pub struct Recognised {
    /// The conversation, if the request named none in a header.
    pub id: Option<String>,
    /// The hashes of the history, and the stored entry found with them.
    looked_up: Option<(Fingerprint, Remembered)>,
}

impl Recognised {
    /// Whether the request named its conversation, so that no look-up was needed.
    pub fn is_named(&self) -> bool {
        self.looked_up.is_none()
    }
}

/// Recognises the conversation of a request at the configured time.
pub struct Recogniser<'a> {
    /// The request.
    pub exchange: &'a Exchange,
    /// Who asks.
    pub principal: &'a Principal,
    /// When to do it.
    pub lookup: Lookup,
}

impl Recogniser<'_> {
    /// Recognises the conversation if this is the configured time. `inbound`: the request of the transcript, if it
    /// was parsed already.
    pub async fn at(
        &self,
        time: Lookup,
        transcript: &mut Transcript,
        inbound: Option<&Inbound<'_>>,
    ) -> Option<Recognised> {
        if self.lookup != time {
            return None;
        }
        Some(recognise(self.exchange, self.principal, transcript, inbound).await)
    }
}

async fn recognise(
    exchange: &Exchange,
    principal: &Principal,
    transcript: &mut Transcript,
    inbound: Option<&Inbound<'_>>,
) -> Recognised {
    if !transcript.is_readable() {
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
    let remembered = conversations::get(&exchange.env, &print).await;
    let id = match judge(&print, &remembered) {
        Recognition::Known(id) => Some(id),
        Recognition::New if print.history.is_none() => print.last_words.and_then(conversations::who_said),
        Recognition::Branch { .. } | Recognition::New => None,
    };
    let id = id.unwrap_or_else(|| new_ulid(exchange.started_ms));
    Recognised { id: Some(id), looked_up: Some((print, remembered)) }
}

/// `metadata.session_id`, or `metadata.conversation_id`.
fn named_in_body(request: &ChatRequest) -> Option<String> {
    let metadata = request.metadata.as_ref()?.to_value();
    let named = metadata.get("session_id").or_else(|| metadata.get("conversation_id"))?;
    named.as_str().and_then(request_id::accept).map(str::to_owned)
}

/// Stores, after the answer, the state of the conversation. The result of the earlier look-up is reused.
pub async fn remember(
    env: &Env,
    principal: &Principal,
    request: &ChatRequest,
    reply: &[Part],
    conversation_id: &str,
    recognised: Recognised,
) -> Remembrance {
    let (print, mut remembered) = if let Some(looked_up) = recognised.looked_up {
        looked_up
    } else {
        let print = Fingerprint::of(&principal.key_id, request);
        let remembered = conversations::get(env, &print).await;
        (print, remembered)
    };
    if let Some(meanwhile) = conversations::held(print.root) {
        remembered.merge(meanwhile);
    }
    let remembrance = remembered.note_turn(&print, print.with_reply(reply), conversation_id);
    conversations::put(env, &print, remembered, conversation_id).await;
    remembrance
}
