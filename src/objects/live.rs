//! The Durable Object through which requests are watched while they end.
//!
//! There is one, globally. A watcher opens a stream of events here, and isolates tell it of requests that have ended, but only
//! while there are watchers: as long as there are, [`Circuits`](super::circuits) hears so every few seconds and passes it on with
//! answers that isolates get anyway. Everything is in memory. If the object is restarted, its streams end, and those who held
//! them open new ones.
//!
//! | | body | answer |
//! |---|---|---|
//! | `POST /watch` | a [`Watch`] | a stream of events; 429 if there are too many |
//! | `POST /tell` | a list of usage events | for how many milliseconds more it wants to be told |
//!
//! What the streams guarantee is in [`nexus_edge_stats::live`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Poll, Waker};

use nexus_edge_api::stats::LoggedRequest;
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_stats::live::{Ended, Watch, Watchers};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Method, Request, RequestInit, Response, ResponseBody, Result, State, durable_object,
};

use super::circuits;
use crate::platform::executor::Tasks;
use crate::platform::now_ms;
use crate::platform::promise::Timer;

/// Milliseconds for which isolates go on telling after they heard that there are watchers.
const WATCHED_FOR_MS: u64 = 10_000;
/// Seconds after which that is said again.
const SAY_EVERY_S: u64 = 3;
/// Most bytes of one message from an isolate.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The object that tells all watchers.
#[durable_object(fetch)]
pub struct Live {
    hub: Rc<Hub>,
}

struct Hub {
    env: Env,
    tasks: Tasks,
    watchers: RefCell<Watchers>,
    /// The streams that wait for something to be sent, by the numbers of their watchers.
    waiting: RefCell<HashMap<u64, Waker>>,
    is_ticking: Cell<bool>,
}

impl DurableObject for Live {
    fn new(state: State, env: Env) -> Self {
        let hub = Hub {
            env,
            tasks: Tasks::of_object(&state),
            watchers: RefCell::default(),
            waiting: RefCell::default(),
            is_ticking: Cell::new(false),
        };
        Self { hub: Rc::new(hub) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let body = request.bytes().await?;
        match path.as_str() {
            _ if body.len() > MAX_MESSAGE_BYTES => Response::error("too large", 413),
            "/watch" => match serde_json::from_slice(&body) {
                Ok(watch) => self.hub.watch(watch),
                Err(_) => Response::error("not a watch", 400),
            },
            "/tell" => match serde_json::from_slice::<Vec<UsageEvent>>(&body) {
                Ok(events) => Response::ok(self.hub.tell(&events).to_string()),
                Err(_) => Response::error("not a list of events", 400),
            },
            _ => Response::error("unknown request", 404),
        }
    }
}

impl Hub {
    /// Opens a stream of events.
    fn watch(self: &Rc<Self>, watch: Watch) -> Result<Response> {
        let Some(id) = self.watchers.borrow_mut().open(watch, now_ms()) else {
            return Response::error("too many watchers", 429);
        };
        let watching = Watching { hub: Rc::clone(self), id };
        let pieces = futures::stream::poll_fn(move |context| {
            let hub = &watching.hub;
            let taken = hub.watchers.borrow_mut().take(id, now_ms());
            match taken {
                None => Poll::Ready(None),
                Some(text) if text.is_empty() => {
                    hub.waiting.borrow_mut().insert(id, context.waker().clone());
                    Poll::Pending
                }
                Some(text) => {
                    Poll::Ready(Some(Ok::<JsValue, JsValue>(Uint8Array::from(text.as_bytes()).into())))
                }
            }
        });
        self.start_ticking();
        let stream = wasm_streams::ReadableStream::from_stream(pieces).into_raw();
        Response::from_body(ResponseBody::Stream(stream))
    }

    /// Tells all watchers, and answers for how many milliseconds more it wants to be told.
    fn tell(&self, events: &[UsageEvent]) -> u64 {
        let now = now_ms();
        let render = |event: &UsageEvent, is_own: bool| {
            let row = LoggedRequest::of(event).map(|row| if is_own { row.for_holder() } else { row });
            row.and_then(|row| serde_json::to_string(&row)).unwrap_or_default()
        };
        let is_watched = {
            let mut watchers = self.watchers.borrow_mut();
            for event in events {
                watchers.tell(&Ended::new(event, &render), now);
            }
            !watchers.is_empty()
        };
        self.wake();
        if is_watched { WATCHED_FOR_MS } else { 0 }
    }

    /// Wakes the streams for which something waits.
    fn wake(&self) {
        let due: Vec<u64> = self.watchers.borrow().waited_for().collect();
        let wakers: Vec<Waker> = {
            let mut waiting = self.waiting.borrow_mut();
            due.iter().filter_map(|id| waiting.remove(id)).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ticks every second for as long as there are watchers.
    fn start_ticking(self: &Rc<Self>) {
        if self.is_ticking.replace(true) {
            return;
        }
        let hub = Rc::clone(self);
        self.tasks.wait_until(async move {
            let mut seconds: u64 = 0;
            while !hub.watchers.borrow().is_empty() {
                if seconds.is_multiple_of(SAY_EVERY_S) {
                    circuits::say_watched(&hub.env, WATCHED_FOR_MS).await;
                }
                seconds += 1;
                Timer::after_ms(1_000).await;
                hub.watchers.borrow_mut().tick(now_ms());
                hub.wake();
            }
            hub.is_ticking.set(false);
        });
    }
}

/// A watcher whose stream is open. The end of the stream, from either side, closes it.
struct Watching {
    hub: Rc<Hub>,
    id: u64,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.hub.watchers.borrow_mut().close(self.id);
        self.hub.waiting.borrow_mut().remove(&self.id);
    }
}

/// Tells the object of requests that have ended. Answers for how many milliseconds more it wants to be told.
pub async fn tell(env: &Env, events: &[UsageEvent]) -> Result<u64> {
    let mut answer = call(env, "tell", serde_json::to_string(events)?).await?;
    let text = answer.text().await?;
    text.parse()
        .map_err(|_| worker::Error::RustError(format!("unexpected answer of the live object: {text}")))
}

/// Opens a stream of events. The status of the answer says whether it is one.
pub async fn watch(env: &Env, watch: &Watch) -> Result<Response> {
    call(env, "watch", serde_json::to_string(watch)?).await
}

async fn call(env: &Env, what: &str, body: String) -> Result<Response> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let request = Request::new_with_init(&format!("http://live/{what}"), &init)?;
    env.durable_object("LIVE")?.get_by_name("world")?.fetch_with_request(request).await
}
