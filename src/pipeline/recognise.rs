//! Finds the conversation of a request: the one that the caller names, or the one of its history.
//!
//! The look-up runs while the upstream works on the answer. Where the history is not in the isolate's memory, it is one query of
//! D1; an answer that begins first waits for it at most [`LAST_WAIT_MS`], and is then sent without the name of its conversation. The
//! look-up goes on beside it, and the record waits for that. What the request adds travels with its record.

use std::pin::pin;

use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, select};
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
#[derive(Default)]
pub struct Recognised {
    /// The conversation, if the request named none in a header.
    pub id: Option<String>,
    state: State,
}

#[derive(Default)]
enum State {
    /// The request named its conversation and nothing of it is archived, so that no look-up was needed.
    #[default]
    Named,
    /// The hashes of the history, and what is known of it.
    LookedUp(Box<(Fingerprint, Remembered)>),
    /// The answer did not wait for D1.
    Late(Late),
}

/// A look-up that goes on.
struct Late {
    lookup: Box<Begun>,
    stored: oneshot::Receiver<Remembered>,
}

impl Recognised {
    /// Whether the request named its conversation and nothing of it is archived.
    pub fn is_named(&self) -> bool {
        matches!(self.state, State::Named)
    }

    /// Whether the conversation has no name yet.
    pub fn is_unnamed(&self) -> bool {
        matches!(&self.state, State::Late(late) if late.lookup.named.is_none())
    }

    /// The same when all of it is known.
    pub async fn complete(self) -> Self {
        match self.state {
            State::Late(late) => {
                let Late { lookup, stored } = late;
                lookup.conclude(stored.await.unwrap_or_default())
            }
            state => Self { id: self.id, state },
        }
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

/// What is known of the conversation of a request without asking D1.
enum Step {
    Done(Recognised),
    Ask(Box<Begun>, LocalBoxFuture<'static, Remembered>),
}

/// A look-up for which D1 is asked.
struct Begun {
    print: Fingerprint,
    remembered: Remembered,
    /// The conversation, if the request names it.
    named: Option<String>,
    started_ms: u64,
}

impl Begun {
    fn conclude(self, stored: Remembered) -> Recognised {
        let Self { print, mut remembered, named, started_ms } = self;
        remembered.merge(stored);
        // Of one that has a name, what is known says which messages the archive has already.
        let id = named.or_else(|| match judge(&print, &remembered) {
            Recognition::Known(id) => Some(id),
            Recognition::New if print.history.is_none() => print.last_words.and_then(conversations::who_said),
            Recognition::Branch { .. } | Recognition::New => None,
        });
        let id = id.unwrap_or_else(|| print.root.conversation_id(started_ms));
        Recognised { id: Some(id), state: State::LookedUp(Box::new((print, remembered))) }
    }
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
        Some(match self.begin(transcript, inbound).await {
            Step::Done(recognised) => recognised,
            Step::Ask(lookup, asking) => lookup.conclude(asking.await),
        })
    }

    /// What `serving` results in, and the conversation if it is looked up [meanwhile](Lookup::Meanwhile). `serving` is polled first:
    /// the request is on its way before any of it is decoded.
    pub async fn meanwhile<T>(
        &self,
        serving: impl Future<Output = T>,
        transcript: &mut Transcript,
        inbound: &Inbound<'_>,
    ) -> (T, Option<Recognised>) {
        if self.lookup != Lookup::Meanwhile {
            return (serving.await, None);
        }
        let mut serving = pin!(serving);
        let beginning = pin!(self.begin(transcript, Some(inbound)));
        let (served, begun) = match select(serving.as_mut(), beginning).await {
            Either::Left((served, beginning)) => (Some(served), beginning.await),
            Either::Right((begun, _)) => (None, begun),
        };
        match (served, begun) {
            (Some(served), Step::Done(recognised)) => (served, Some(recognised)),
            (None, Step::Done(recognised)) => (serving.await, Some(recognised)),
            (Some(served), Step::Ask(lookup, asking)) => (served, Some(self.wait(lookup, asking).await)),
            (None, Step::Ask(lookup, asking)) => match select(serving, asking).await {
                Either::Left((served, asking)) => (served, Some(self.wait(lookup, asking).await)),
                Either::Right((stored, serving)) => (serving.await, Some(lookup.conclude(stored))),
            },
        }
    }

    /// Waits for D1 as long as an answer that has begun may. Afterwards the look-up goes on beside the answer.
    async fn wait(&self, lookup: Box<Begun>, mut asking: LocalBoxFuture<'static, Remembered>) -> Recognised {
        // What a later round calls its conversation is what the first one found.
        if self.exchange.round.is_some() {
            return lookup.conclude(asking.await);
        }
        // The timer is set only if it is needed.
        let last_wait = pin!(async { Timer::after_ms(LAST_WAIT_MS).await });
        if let Either::Left((stored, _)) = select(asking.as_mut(), last_wait).await {
            return lookup.conclude(stored);
        }
        let (tell, stored) = oneshot::channel();
        self.exchange.tasks.wait_until(async move {
            // The record may have been lost meanwhile.
            drop(tell.send(asking.await));
        });
        let id = lookup.named.clone();
        Recognised { id, state: State::Late(Late { lookup, stored }) }
    }

    /// What can be said without D1.
    async fn begin(&self, transcript: &mut Transcript, inbound: Option<&Inbound<'_>>) -> Step {
        let Self { exchange, principal, .. } = *self;
        if !transcript.is_readable() {
            return Step::Done(Recognised::default());
        }
        if transcript.unread_bytes() > LARGE_BYTES {
            Timer::after_ms(1).await;
        }
        if let Some(Ok(request)) = inbound.map(Inbound::canonical) {
            transcript.keep_read_request(request);
        }
        let Some(request) = transcript.request() else { return Step::Done(Recognised::default()) };
        let named = named(exchange).or_else(|| named_in_body(&request));
        if named.is_some() && principal.store == StorePolicy::None {
            return Step::Done(Recognised { id: named, state: State::Named });
        }
        let print = fingerprint(&exchange.settings, principal, &request);
        let (remembered, query) = conversations::known(&principal.key_id, &print, named.as_deref());
        let begun = Begun { print, remembered, named, started_ms: exchange.started_ms };
        match query {
            None => Step::Done(begun.conclude(Remembered::default())),
            Some(query) => {
                let env = exchange.env.clone();
                Step::Ask(Box::new(begun), Box::pin(async move { conversations::stored(&env, &query).await }))
            }
        }
    }
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
            let (mut remembered, query) =
                conversations::known(&principal.key_id, &print, Some(conversation_id));
            if let Some(query) = query {
                remembered.merge(conversations::stored(env, &query).await);
            }
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
