//! The Durable Object that shares open circuits and cool-downs of upstreams between isolates.
//!
//! There is one, globally. Its entries live for minutes at most and isolates repeat them, so everything is in memory:
//! an eviction loses nothing that matters for long.
//!
//! Request and answer are lists of [`SharedState`]: the sender's changes, and all that is known. Because every isolate with traffic
//! asks every few seconds, the answer also says whether requests are watched ([`super::live`]): a header has the milliseconds for
//! which that holds. `POST /watched` with this number sets it.

use std::cell::{Cell, RefCell};

use nexus_edge_core::routing::health::{SharedRegistry, SharedState};
use worker::{DurableObject, Env, Method, Request, RequestInit, Response, Result, State, durable_object};

use crate::platform::now_ms;

/// Most bytes of one message from an isolate.
const MAX_MESSAGE_BYTES: usize = 256 << 10;

/// For how many milliseconds isolates should tell of requests that have ended.
const WATCHED_HEADER: &str = "x-nexus-watched-ms";

/// The shared health registry.
#[durable_object(fetch)]
pub struct Circuits {
    known: RefCell<SharedRegistry>,
    /// Until when requests are watched, in milliseconds since the epoch.
    watched_until_ms: Cell<u64>,
}

/// What an isolate hears.
pub struct Heard {
    /// What blocks upstreams.
    pub states: Vec<SharedState>,
    /// For how many milliseconds requests that have ended are to be told.
    pub watched_for_ms: u64,
}

impl DurableObject for Circuits {
    fn new(_state: State, _env: Env) -> Self {
        Self { known: RefCell::default(), watched_until_ms: Cell::new(0) }
    }

    /// Takes a list of the sender's changes, and answers all known states.
    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let body = request.bytes().await?;
        if body.len() > MAX_MESSAGE_BYTES {
            return Response::error("too large", 413);
        }
        if request.path() == "/watched" {
            let for_ms = String::from_utf8(body).ok().and_then(|text| text.parse::<u64>().ok());
            self.watched_until_ms.set(now_ms().saturating_add(for_ms.unwrap_or_default()));
            return Response::ok("");
        }
        let Ok(news) = serde_json::from_slice::<Vec<SharedState>>(&body) else {
            return Response::error("not a list of states", 400);
        };
        let now = now_ms();
        let states = {
            let mut known = self.known.borrow_mut();
            known.add(news, now);
            serde_json::to_vec(known.states())?
        };
        let answer = Response::builder();
        let answer = match self.watched_until_ms.get().saturating_sub(now) {
            0 => answer,
            left_ms => answer.with_header(WATCHED_HEADER, &left_ms.to_string())?,
        };
        answer.from_bytes(states)
    }
}

/// Sends changes to the shared registry and returns what it knows.
pub async fn exchange(env: &Env, news: &[SharedState]) -> Result<Heard> {
    let mut answer = call(env, "", serde_json::to_string(news)?).await?;
    let watched_for_ms = answer.headers().get(WATCHED_HEADER)?.and_then(|text| text.parse().ok());
    let states = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(Heard { states, watched_for_ms: watched_for_ms.unwrap_or_default() })
}

/// Lets all isolates know that requests are watched for so many milliseconds.
pub async fn say_watched(env: &Env, for_ms: u64) -> Result<()> {
    call(env, "watched", for_ms.to_string()).await.map(|_| ())
}

async fn call(env: &Env, what: &str, body: String) -> Result<Response> {
    let stub = env.durable_object("CIRCUITS")?.get_by_name("world")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let request = Request::new_with_init(&format!("http://circuits/{what}"), &init)?;
    stub.fetch_with_request(request).await
}
