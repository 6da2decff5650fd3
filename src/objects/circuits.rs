//! The Durable Objects that share open circuits and cool-downs of upstreams between isolates.
//!
//! An isolate asks every few seconds and seldom has news, so there are several, [`PARTS`], each of which knows everything: an isolate
//! asks one of them, chosen at random, and sends its changes to all. One object answers about a thousand requests a second, and where
//! isolates have little traffic each request asks. Their entries live for minutes at most and isolates repeat them, so everything is in
//! memory: an eviction loses nothing that matters for long.
//!
//! Request and answer are lists of [`SharedState`]: the sender's changes, and all that is known. Because every isolate with traffic
//! asks every few seconds, the answer also says whether requests are watched ([`super::live`]): a header has the milliseconds for
//! which that holds. `POST /watched` with this number sets it.
//!
//! `POST /ask` also answers the versions of the configuration and how old that reading of D1 is, in a header. An object reads them
//! again when it is asked and its reading is older than [`READ_EVERY_MS`], so the load on D1 does not grow with the number of isolates.
//! Without the header D1 did not answer.

use std::cell::{Cell, RefCell};

use futures::future::{Either, join, join_all, select};
use nexus_edge_core::routing::health::{SharedRegistry, SharedState};
use worker::{DurableObject, Env, Method, Request, RequestInit, Response, Result, State, durable_object};

use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms, random_u64};
use crate::store::versions::{self, Versions};

/// Number of objects.
const PARTS: u64 = 8;
/// Most bytes of one message from an isolate.
const MAX_MESSAGE_BYTES: usize = 256 << 10;

/// For how many milliseconds isolates should tell of requests that have ended.
const WATCHED_HEADER: &str = "x-nexus-watched-ms";
/// The versions of the configuration, and the age of their reading in milliseconds, separated by commas.
const VERSIONS_HEADER: &str = "x-nexus-versions";
/// Milliseconds for which a reading of the versions is told to those who ask.
const READ_EVERY_MS: u64 = 500;
/// Milliseconds that a request waits for the versions: D1 can be asked without the object.
const ASKED_FOR_MS: u64 = 3_000;

thread_local! {
    /// The object that this isolate asks, once it has asked.
    static OWN_PART: Cell<Option<u64>> = const { Cell::new(None) };
    /// What came with the versions and has not been taken.
    static HEARD: RefCell<Option<Heard>> = const { RefCell::new(None) };
}

/// The shared health registry.
#[durable_object(fetch)]
pub struct Circuits {
    env: Env,
    /// The last versions that were read, and when that began.
    versions: Cell<Option<(Versions, u64)>>,
    known: RefCell<SharedRegistry>,
    /// Until when requests are watched, in milliseconds since the epoch.
    watched_until_ms: Cell<u64>,
}

/// The versions as an object has read them.
#[derive(Clone, Copy)]
pub struct ReadVersions {
    /// The versions.
    pub versions: Versions,
    /// Milliseconds since the reading began, when the object answered.
    pub age_ms: u64,
}

/// What an isolate hears.
pub struct Heard {
    /// When it was asked for.
    pub asked_at_ms: u64,
    /// What blocks upstreams.
    pub states: Vec<SharedState>,
    /// For how many milliseconds requests that have ended are to be told.
    pub watched_for_ms: u64,
}

impl DurableObject for Circuits {
    fn new(_state: State, env: Env) -> Self {
        Self { env, versions: Cell::new(None), known: RefCell::default(), watched_until_ms: Cell::new(0) }
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
        let mut answer = Response::builder();
        if request.path() == "/ask"
            && let Some((Versions { catalog, keys }, read_at)) = self.versions(now).await
        {
            let age_ms = now_ms().saturating_sub(read_at);
            answer = answer.with_header(VERSIONS_HEADER, &format!("{catalog},{keys},{age_ms}"))?;
        }
        let answer = match self.watched_until_ms.get().saturating_sub(now) {
            0 => answer,
            left_ms => answer.with_header(WATCHED_HEADER, &left_ms.to_string())?,
        };
        answer.from_bytes(states)
    }
}

impl Circuits {
    /// The versions, and when their reading began; `None` if D1 does not answer.
    async fn versions(&self, now: u64) -> Option<(Versions, u64)> {
        let last = self.versions.get();
        if let Some((_, read_at)) = last
            && now.saturating_sub(read_at) < READ_EVERY_MS
        {
            return last;
        }
        match versions::stored(&self.env).await {
            Ok(found) => {
                self.versions.set(Some((found, now)));
                Some((found, now))
            }
            Err(error) => {
                log_error("versions", &error);
                None
            }
        }
    }
}

/// The versions of the configuration. What else the object answers is there for [`take_heard`]. `None` if it does not answer in
/// time, or D1 does not answer it.
pub async fn versions(env: &Env) -> Option<ReadVersions> {
    let asked_at_ms = now_ms();
    let asking = Box::pin(call(env, own_part(), "ask", "[]".to_owned()));
    let answered = match select(asking, Timer::after_ms(ASKED_FOR_MS)).await {
        Either::Left((answered, _)) => answered,
        Either::Right(_) => return None,
    };
    let heard = async {
        let answer = answered?;
        let versions = answer.headers().get(VERSIONS_HEADER)?;
        Ok((versions, heard(answer, asked_at_ms).await?))
    };
    match heard.await {
        Ok((versions, heard)) => {
            HEARD.replace(Some(heard));
            versions.as_deref().and_then(read_versions)
        }
        Err(error) => {
            let error: worker::Error = error;
            log_error("circuits object", &error);
            None
        }
    }
}

fn read_versions(header: &str) -> Option<ReadVersions> {
    let mut numbers = header.split(',').map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let versions = Versions { catalog: next()?, keys: next()? };
    Some(ReadVersions { versions, age_ms: next()? })
}

/// What was heard with the versions, once.
pub fn take_heard() -> Option<Heard> {
    HEARD.take()
}

/// Sends changes to the shared registry and returns what it knows.
pub async fn exchange(env: &Env, news: &[SharedState]) -> Result<Heard> {
    let asked_at_ms = now_ms();
    let news_json = serde_json::to_string(news)?;
    let own = own_part();
    let asking = call(env, own, "", news_json.clone());
    let answer = if news.is_empty() {
        asking.await?
    } else {
        let telling = tell(env, "", &news_json, Some(own));
        join(asking, telling).await.0?
    };
    heard(answer, asked_at_ms).await
}

async fn heard(mut answer: Response, asked_at_ms: u64) -> Result<Heard> {
    let watched_for_ms = answer.headers().get(WATCHED_HEADER)?.and_then(|text| text.parse().ok());
    let states = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(Heard { asked_at_ms, states, watched_for_ms: watched_for_ms.unwrap_or_default() })
}

/// Lets all isolates know that requests are watched for so many milliseconds.
pub async fn say_watched(env: &Env, for_ms: u64) {
    tell(env, "watched", &for_ms.to_string(), None).await;
}

/// The object that this isolate asks.
fn own_part() -> u64 {
    OWN_PART.get().unwrap_or_else(|| {
        let part = random_u64() % PARTS;
        OWN_PART.set(Some(part));
        part
    })
}

/// Tells something to all objects but this one.
async fn tell(env: &Env, what: &str, body: &str, but: Option<u64>) {
    let parts = (0..PARTS).filter(|part| Some(*part) != but);
    let told = join_all(parts.map(|part| call(env, part, what, body.to_owned()))).await;
    for error in told.into_iter().filter_map(Result::err) {
        log_error("circuits object", &error);
    }
}

async fn call(env: &Env, part: u64, what: &str, body: String) -> Result<Response> {
    let stub = env.durable_object("CIRCUITS")?.get_by_name(&format!("part-{part}"))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let request = Request::new_with_init(&format!("http://circuits/{what}"), &init)?;
    stub.fetch_with_request(request).await
}
