//! A call of a legacy server over HTTP that waits for its client's input: one object for each.
//!
//! A legacy server asks in the stream of the call, and a modern client answers with another request, which cannot use the connection of
//! the first one. So the call is made here, by the same code as any other, and held between the two. Guarantees:
//! - a call is only gone on with by the key that made it, for the server that it was made for;
//! - it ends when its client leaves, and [`HOLD_MS`] after it began the server is told `cancel`;
//! - an end that comes while its client is asked is told when the client comes back, once, and kept until [`HOLD_MS`]; else a call leaves
//!   nothing in the object;
//! - nothing is stored: a call that is lost with its object is answered as one that there is not.

mod call;
mod client;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use futures::future::{Either, LocalBoxFuture, ready, select};
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::elicitation::{self, Action};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::mrtr::InputRequest;
use nexus_edge_mcp::rpc::{Notification, Outcome};
use serde_json::value::RawValue;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Request, Response, ResponseBody, ResponseBuilder, Result, State, durable_object,
};

use call::Said;
pub use call::{Begin, GoOn};
pub use client::{Held, HeldClient};

use crate::host::Host;
use crate::pipeline::mcp::{Call, Notes, Person, Server};
use crate::platform::executor::Tasks;
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// Milliseconds after the beginning of a call at which an open question is answered with `cancel`: before the call itself is given up.
const HOLD_MS: u64 = 570_000;
/// While a call is held, the alarm fires at this interval: it keeps the object in memory.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often it is looked whether the server has said something, in milliseconds.
const LISTEN_MS: u64 = 250;

/// One call.
#[durable_object(alarm)]
pub struct HeldCall {
    inside: Rc<Inside>,
}

struct Inside {
    state: State,
    env: Env,
    live: RefCell<Live>,
}

/// The call in memory.
#[derive(Default)]
struct Live {
    /// The key that made it, and its server; `None` where there is no call.
    of: Option<(String, String)>,
    /// Until when it is held.
    until_ms: u64,
    notes: Option<Notes>,
    /// Who hears of it, and the number of that listener.
    listener: Option<mpsc::UnboundedSender<Said>>,
    listeners: u64,
    question: Option<Question>,
    questions: u64,
    /// Dropped, it ends the call.
    stop: Option<oneshot::Sender<()>>,
    /// Its end, where none listened when it came.
    ended: Option<Said>,
}

struct Question {
    ask: String,
    params: Option<Box<RawValue>>,
    tell: oneshot::Sender<Box<RawValue>>,
}

impl Question {
    fn asked(&self) -> Said {
        Said::Asked { ask: self.ask.clone(), params: self.params.clone() }
    }
}

impl DurableObject for HeldCall {
    fn new(state: State, env: Env) -> Self {
        Self { inside: Rc::new(Inside { state, env, live: RefCell::default() }) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let inside = Rc::clone(&self.inside);
        let (path, body) = (request.path(), request.bytes().await?);
        match path.as_str() {
            "/begin" => begin(&inside, serde_json::from_slice(&body)?),
            "/go-on" => Ok(go_on(&inside, serde_json::from_slice(&body)?).await),
            "/cancel" => {
                inside.stop();
                Response::ok("")
            }
            _ => Response::error("unknown request", 404),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let inside = Rc::clone(&self.inside);
        let is_kept_in_vain = {
            let live = inside.live.borrow();
            live.ended.is_some() && now_ms() >= live.until_ms
        };
        if is_kept_in_vain {
            inside.stop();
        }
        if inside.live.borrow().of.is_some() {
            inside.keep_awake().await;
        }
        Response::ok("")
    }
}

/// Makes the call, and answers with what is heard of it.
fn begin(inside: &Rc<Inside>, begin: Begin) -> Result<Response> {
    let (stop, stopped) = oneshot::channel();
    {
        let mut live = inside.live.borrow_mut();
        if live.of.is_some() {
            return Response::error("there is a call already", 409);
        }
        live.of = Some((begin.key_id.clone(), begin.record.id.clone()));
        live.until_ms = now_ms() + HOLD_MS;
        live.notes = begin.wanted.clone().map(Notes::new);
        live.stop = Some(stop);
    }
    let listening = inside.listen();
    let task = Rc::clone(inside);
    inside.tasks().wait_until(async move {
        let asking = Box::pin(ask(&task, begin));
        let said = match select(asking, stopped).await {
            Either::Left((said, _)) => Some(said),
            // Dropping the request tells the server.
            Either::Right(_) => None,
        };
        task.end(said).await;
    });
    Ok(lines(listening))
}

async fn ask(inside: &Rc<Inside>, begin: Begin) -> Said {
    let Begin { record, key_id, tenant, method, params, capabilities, .. } = begin;
    let (Some(method), Ok(host)) = (Method::parse(&method), Host::new(&inside.env, inside.tasks())) else {
        return Said::Failed(ApiError::internal().message);
    };
    let (notes, until_ms) = {
        let live = inside.live.borrow();
        (live.notes.clone(), live.until_ms)
    };
    let person: Rc<dyn Person> = Rc::new(Client { inside: Rc::clone(inside), until_ms });
    let call = Call {
        params: &params,
        capabilities: &capabilities,
        tenant: &tenant,
        key_id: &key_id,
        notes: notes.as_ref(),
        person: Some(&person),
    };
    match Server::Remote(Rc::new(record)).ask(&host, method, &call).await {
        Ok(Outcome::Result(result)) => Said::Result(result),
        Ok(Outcome::Error(error)) => Said::Error(error),
        Err(error) => Said::Failed(error.message),
    }
}

/// Gives the answer to the open question, and answers with what is heard from then on.
async fn go_on(inside: &Rc<Inside>, go_on: GoOn) -> Response {
    let GoOn { key_id, server, ask, response } = go_on;
    if inside.live.borrow().of != Some((key_id, server)) {
        return ResponseBuilder::new().fixed(line(&Said::Gone));
    }
    let listening = inside.listen();
    let ended = inside.live.borrow_mut().ended.take();
    if ended.is_some() {
        inside.end(ended).await;
        return lines(listening);
    }
    let mut live = inside.live.borrow_mut();
    match (live.question.take(), response) {
        (Some(question), Some(response)) if question.ask == ask => {
            // The call may just have ended: then its end is heard.
            let _ = question.tell.send(response);
        }
        (Some(question), _) => {
            if let Some(listener) = live.listener.take() {
                let _ = listener.unbounded_send(question.asked());
            }
            live.question = Some(question);
        }
        // It was answered before.
        (None, _) => {}
    }
    drop(live);
    lines(listening)
}

impl Inside {
    fn tasks(&self) -> Tasks {
        Tasks::of_object(&self.state)
    }

    /// Ends the call. Nothing is heard of it any more.
    fn stop(&self) {
        let mut live = self.live.borrow_mut();
        let stop = live.stop.take();
        if live.ended.is_some() {
            *live = Live::default();
        }
        drop(live);
        drop(stop);
    }

    async fn keep_awake(&self) {
        if let Err(error) = self.state.storage().set_alarm(HEARTBEAT).await {
            log_error("held call", &error);
        }
    }

    /// A new listener, instead of another one.
    fn listen(self: &Rc<Self>) -> Listening {
        let (listener, told) = mpsc::unbounded();
        let mut live = self.live.borrow_mut();
        live.listener = Some(listener);
        live.listeners += 1;
        Listening {
            inside: Rc::clone(self),
            told,
            notes: live.notes.clone(),
            number: live.listeners,
            is_over: false,
        }
    }

    fn asks(&self, params: Option<Box<RawValue>>) -> oneshot::Receiver<Box<RawValue>> {
        let (tell, given) = oneshot::channel();
        let mut live = self.live.borrow_mut();
        live.questions += 1;
        let question = Question { ask: live.questions.to_string(), params, tell };
        if let Some(listener) = live.listener.take() {
            let _ = listener.unbounded_send(question.asked());
        }
        live.question = Some(question);
        given
    }

    async fn end(&self, said: Option<Said>) {
        let mut live = self.live.take();
        let has_alarm = live.questions > 0;
        match (live.listener.take(), said) {
            (Some(listener), Some(said)) => {
                let _ = listener.unbounded_send(said);
            }
            // The client is asked, and comes back with the answer. The alarm goes on until then.
            (None, Some(said)) => {
                self.live.replace(Live { question: None, stop: None, ended: Some(said), ..live });
                return;
            }
            (_, None) => {}
        }
        if has_alarm && let Err(error) = self.state.storage().delete_alarm().await {
            log_error("held call", &error);
        }
    }
}

/// The client of the call, who is asked through whom listens.
struct Client {
    inside: Rc<Inside>,
    until_ms: u64,
}

impl Person for Client {
    fn agrees(&self) -> LocalBoxFuture<'static, bool> {
        ready(false).boxed_local()
    }

    fn answers(&self, request: InputRequest) -> LocalBoxFuture<'static, Box<RawValue>> {
        let (inside, until_ms) = (Rc::clone(&self.inside), self.until_ms);
        async move {
            let given = inside.asks(request.params);
            inside.keep_awake().await;
            let left_ms = until_ms.saturating_sub(now_ms());
            if let Either::Left((Ok(answer), _)) = select(given, Timer::after_ms(left_ms)).await {
                return answer;
            }
            inside.live.borrow_mut().question = None;
            elicitation::result(Action::Cancel, None)
        }
        .boxed_local()
    }
}

/// Who hears of the call. Where they leave before the last line, the call ends.
struct Listening {
    inside: Rc<Inside>,
    told: mpsc::UnboundedReceiver<Said>,
    notes: Option<Notes>,
    number: u64,
    is_over: bool,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if !self.is_over && self.inside.live.borrow().listeners == self.number {
            self.inside.stop();
        }
    }
}

impl Listening {
    async fn next(&mut self) -> Option<Vec<u8>> {
        if self.is_over {
            return None;
        }
        loop {
            let said = if self.notes.is_some() {
                match select(self.told.next(), Timer::after_ms(LISTEN_MS)).await {
                    Either::Left((said, _)) => Some(said),
                    Either::Right(_) => None,
                }
            } else {
                Some(self.told.next().await)
            };
            let mut out = Vec::new();
            while let Some(Notification { method, params }) = self.notes.as_ref().and_then(Notes::next) {
                out.extend(line(&Said::Note { method, params }));
            }
            match said {
                Some(said) => {
                    self.is_over = true;
                    out.extend(said.as_ref().map(line).unwrap_or_default());
                    return Some(out);
                }
                None if out.is_empty() => {}
                None => return Some(out),
            }
        }
    }
}

fn line(said: &Said) -> Vec<u8> {
    let mut line = serde_json::to_vec(said).unwrap_or_default();
    line.push(b'\n');
    line
}

fn lines(listening: Listening) -> Response {
    let pieces = futures::stream::unfold(listening, |mut listening| async move {
        let piece = listening.next().await?;
        Some((Ok::<JsValue, JsValue>(Uint8Array::from(piece.as_slice()).into()), listening))
    });
    let stream = wasm_streams::ReadableStream::from_stream(pieces).into_raw();
    ResponseBuilder::new().body(ResponseBody::Stream(stream))
}
