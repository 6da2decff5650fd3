//! Finds the conversation of a request: the one that the caller names, or the one of its history.
//!
//! The look-up runs while the upstream works on the answer. Where the history is not in the isolate's memory, it is one query of
//! D1; an answer that begins first waits for it at most [`LAST_WAIT_MS`], and is then sent without the name of its conversation,
//! which is looked up again for the record. What the request adds travels with its record.

use std::pin::pin;

use futures::future::{Either, join, select};
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

/// How much longer an answer that has begun waits for the name of its conversation. A query takes longer where the database is
/// far away or busy; the caller can do without the name, and the record gets it in any case.
const LAST_WAIT_MS: u64 = 100;
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
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// The request named its conversation and nothing of it is archived, so that no look-up was needed.
    #[default]
    Named,
    /// The hashes of the history, and what is known of it.
    LookedUp(Box<(Fingerprint, Remembered)>),
    /// The answer did not wait for the look-up. The name of the conversation in a header, if there is one.
    Late(Option<String>),
}

impl Recognised {
    /// Whether the request named its conversation and nothing of it is archived.
    pub fn is_named(&self) -> bool {
        matches!(self.state, State::Named)
    }

    /// Whether the conversation has no name yet.
    pub fn is_unnamed(&self) -> bool {
        matches!(self.state, State::Late(None))
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
        let Self { exchange, principal, .. } = *self;
        let about = About {
            env: &exchange.env,
            settings: &exchange.settings,
            principal,
            started_ms: exchange.started_ms,
            in_header: named(exchange),
        };
        Some(recognise(about, transcript, inbound).await)
    }

    /// What `serving` results in, and the conversation if it is looked up [meanwhile](Lookup::Meanwhile). `serving` is polled first:
    /// the request is on its way before any of it is decoded.
    pub async fn meanwhile<T>(
        &self,
        serving: impl Future<Output = T>,
        transcript: &mut Transcript,
        inbound: &Inbound<'_>,
    ) -> (T, Option<Recognised>) {
        let (mut serving, mut looking) =
            (pin!(serving), pin!(self.at(Lookup::Meanwhile, transcript, Some(inbound))));
        // What a later round calls its conversation is what the first one found.
        if self.exchange.round.is_some() {
            return join(serving, looking.as_mut()).await;
        }
        match select(serving.as_mut(), looking.as_mut()).await {
            Either::Right((recognised, serving)) => (serving.await, recognised),
            Either::Left((served, looking)) => {
                // The timer is set only if it is needed.
                let wait = pin!(async { Timer::after_ms(LAST_WAIT_MS).await });
                let recognised = match select(looking, wait).await {
                    Either::Left((recognised, _)) => recognised,
                    Either::Right(_) => {
                        Some(Recognised { id: None, state: State::Late(named(self.exchange)) })
                    }
                };
                (served, recognised)
            }
        }
    }
}

/// The conversation of a request whose answer did not wait for it; any other result as it is.
pub async fn late(
    env: &Env,
    principal: &Principal,
    started_ms: u64,
    transcript: &mut Transcript,
    recognised: Recognised,
) -> Recognised {
    match (recognised.state, settings::get(env)) {
        (State::Late(in_header), Ok(settings)) => {
            let about = About { env, settings: &settings, principal, started_ms, in_header };
            recognise(about, transcript, None).await
        }
        (state, _) => Recognised { id: recognised.id, state },
    }
}

/// The request whose conversation is looked up.
struct About<'a> {
    env: &'a Env,
    settings: &'a Settings,
    principal: &'a Principal,
    started_ms: u64,
    in_header: Option<String>,
}

async fn recognise(
    about: About<'_>,
    transcript: &mut Transcript,
    inbound: Option<&Inbound<'_>>,
) -> Recognised {
    let About { env, settings, principal, started_ms, in_header } = about;
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
    let named = in_header.or_else(|| named_in_body(&request));
    if named.is_some() && principal.store == StorePolicy::None {
        return Recognised { id: named, state: State::Named };
    }
    let print = fingerprint(settings, principal, &request);
    let remembered = conversations::get(env, &principal.key_id, &print, named.as_deref()).await;
    if named.is_some() {
        // What is known says which messages the archive has already.
        return Recognised { id: named, state: State::LookedUp(Box::new((print, remembered))) };
    }
    let id = match judge(&print, &remembered) {
        Recognition::Known(id) => Some(id),
        Recognition::New if print.history.is_none() => print.last_words.and_then(conversations::who_said),
        Recognition::Branch { .. } | Recognition::New => None,
    };
    let id = id.unwrap_or_else(|| print.root.conversation_id(started_ms));
    Recognised { id: Some(id), state: State::LookedUp(Box::new((print, remembered))) }
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
    let (print, mut remembered) = match (recognised.state, settings::get(env)) {
        (State::LookedUp(looked_up), _) => *looked_up,
        (_, Ok(settings)) => {
            let print = fingerprint(&settings, principal, request);
            let named = Some(conversation_id);
            let remembered = conversations::get(env, &principal.key_id, &print, named).await;
            (print, remembered)
        }
        (_, Err(_)) => return Remembrance { fresh: Fresh::All, parent: None, turn: String::new() },
    };
    if let Some(meanwhile) = conversations::held(print.root) {
        remembered.merge(meanwhile);
    }
    let remembrance = remembered.note_turn(&print, print.with_reply(reply), conversation_id);
    conversations::hold(&print, remembered, conversation_id);
    remembrance
}
