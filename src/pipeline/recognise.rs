//! Finds the conversation of a request: the one that the caller names, or the one of its history.
//!
//! The look-up runs while the upstream works on the answer, so it delays no byte. Where the history is not in the isolate's
//! memory, it is one query of D1; what the request adds travels with its record.

use nexus_edge_core::access::{Principal, StorePolicy};
use nexus_edge_core::conversation::archive::Fresh;
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
use crate::settings::{self, Settings};
use crate::store::conversations;

/// Before a larger request is decoded, pending output gets the chance to be sent.
const LARGE_BYTES: usize = 64 * 1024;

/// The conversation that the caller names in a header; of a later round that of the first one.
pub fn named(exchange: &Exchange) -> Option<String> {
    if let Some(id) = exchange.round.as_ref().and_then(|round| round.conversation_id.clone()) {
        return Some(id);
    }
    let named = exchange.header("x-conversation-id").or_else(|| exchange.header("x-session-id"));
    named.as_deref().and_then(request_id::accept).map(str::to_owned)
}

/// The conversation of a request before its history was looked at.
pub enum Conversation {
    /// The caller names it in a header.
    Named(String),
    /// They do not: a new one, until its history is recognised.
    New(String),
}

impl Conversation {
    /// That of a request.
    pub fn of(exchange: &Exchange) -> Self {
        named(exchange).map_or_else(|| Self::New(new_ulid(exchange.started_ms)), Self::Named)
    }

    /// Its id.
    pub fn id(&self) -> &str {
        let (Self::Named(id) | Self::New(id)) = self;
        id
    }
}

/// The result of recognition.
#[derive(Debug, Default)]
pub struct Recognised {
    /// The conversation, if the request named none in a header.
    pub id: Option<String>,
    /// The hashes of the history, and what is known of it.
    looked_up: Option<(Fingerprint, Remembered)>,
}

impl Recognised {
    /// Whether the request named its conversation and nothing of it is archived, so that no look-up was needed.
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
    let in_header = named(exchange);
    let named = in_header.clone().or_else(|| named_in_body(&request));
    if named.is_some() && principal.store == StorePolicy::None {
        return Recognised { id: named, looked_up: None };
    }
    let print = fingerprint(&exchange.settings, principal, &request);
    let remembered = conversations::get(&exchange.env, &principal.key_id, &print, named.as_deref()).await;
    if named.is_some() {
        // What is known says which messages the archive has already.
        return Recognised { id: named, looked_up: Some((print, remembered)) };
    }
    let id = match judge(&print, &remembered) {
        Recognition::Known(id) => Some(id),
        Recognition::New if print.history.is_none() => print.last_words.and_then(conversations::who_said),
        Recognition::Branch { .. } | Recognition::New => None,
    };
    let id = id.unwrap_or_else(|| print.root.conversation_id(exchange.started_ms));
    Recognised { id: Some(id), looked_up: Some((print, remembered)) }
}

/// Hashes are made under a secret: what is stored of them tells nothing of what was said.
fn fingerprint(settings: &Settings, principal: &Principal, request: &ChatRequest) -> Fingerprint {
    Fingerprint::of(&format!("{} {}", settings.keyring.hashing_secret(), principal.key_id), request)
}

/// `metadata.session_id`, or `metadata.conversation_id`.
fn named_in_body(request: &ChatRequest) -> Option<String> {
    let metadata = request.metadata.as_ref()?.to_value();
    let named = metadata.get("session_id").or_else(|| metadata.get("conversation_id"))?;
    named.as_str().and_then(request_id::accept).map(str::to_owned)
}

/// Notes, after the answer, the state of the conversation. The result of the earlier look-up is reused.
pub async fn remember(
    env: &Env,
    principal: &Principal,
    request: &ChatRequest,
    reply: &[Part],
    conversation_id: &str,
    recognised: Recognised,
) -> Remembrance {
    let (print, mut remembered) = match (recognised.looked_up, settings::get(env)) {
        (Some(looked_up), _) => looked_up,
        (None, Ok(settings)) => {
            let print = fingerprint(&settings, principal, request);
            let named = Some(conversation_id);
            let remembered = conversations::get(env, &principal.key_id, &print, named).await;
            (print, remembered)
        }
        (None, Err(_)) => return Remembrance { fresh: Fresh::All, parent: None, turn: String::new() },
    };
    if let Some(meanwhile) = conversations::held(print.root) {
        remembered.merge(meanwhile);
    }
    let remembrance = remembered.note_turn(&print, print.with_reply(reply), conversation_id);
    conversations::hold(&print, remembered, conversation_id);
    remembrance
}
