//! The Durable Object that shares open circuits and cool-downs of upstreams between isolates.
//!
//! There is one, globally. Its entries live for minutes at most and isolates repeat them, so everything is in memory:
//! an eviction loses nothing that matters for long.
//!
//! Request and answer are lists of [`SharedState`]: the sender's changes, and all that is known.

use std::cell::RefCell;

use nexus_edge_core::routing::health::{SharedRegistry, SharedState};
use worker::{DurableObject, Env, Method, Request, RequestInit, Response, Result, State, durable_object};

use crate::platform::now_ms;

/// Most bytes of one message from an isolate.
const MAX_MESSAGE_BYTES: usize = 256 << 10;

/// The shared health registry.
#[durable_object(fetch)]
pub struct Circuits {
    known: RefCell<SharedRegistry>,
}

impl DurableObject for Circuits {
    fn new(_state: State, _env: Env) -> Self {
        Self { known: RefCell::default() }
    }

    /// Takes a list of the sender's changes, and answers all known states.
    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let body = request.bytes().await?;
        if body.len() > MAX_MESSAGE_BYTES {
            return Response::error("too large", 413);
        }
        let Ok(news) = serde_json::from_slice::<Vec<SharedState>>(&body) else {
            return Response::error("not a list of states", 400);
        };
        let mut known = self.known.borrow_mut();
        known.add(news, now_ms());
        Response::from_bytes(serde_json::to_vec(known.states())?)
    }
}

/// Sends changes to the shared registry and returns all of its states.
pub async fn exchange(env: &Env, news: &[SharedState]) -> Result<Vec<SharedState>> {
    let stub = env.durable_object("CIRCUITS")?.get_by_name("world")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(serde_json::to_string(news)?.into()));
    let request = Request::new_with_init("http://circuits/", &init)?;
    let mut answer = stub.fetch_with_request(request).await?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}
