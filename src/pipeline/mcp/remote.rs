//! One message to a server over streamable HTTP, and what came of it.
//!
//! Every request has its address checked anew, a time-out and a limit of bytes; redirects are not followed; the server's token and
//! headers are masked in everything that it answers. What the server says before the end extends the time-out, and what it asks is
//! answered, by the person who attends the request where there is one. A request that is dropped is aborted.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use futures::FutureExt;
use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::secrets::Secret;
use nexus_edge_core::secrets::redactor::{Place, Redactor};
use nexus_edge_mcp::client::{Incoming, Said, answer_to};
use nexus_edge_mcp::elicitation;
use nexus_edge_mcp::mrtr::lifted;
use nexus_edge_mcp::progress::Patience;
use nexus_edge_mcp::rpc::{Id, Limits, Message, Request, Response, parse_message};
use worker::AbortController;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;

use super::call::Audience;
use super::person::{About, Questions};
use crate::host::Host;
use crate::pipeline::ask::may_ask;
use crate::platform::bytes::{self, Chunks};
use crate::platform::http::{self, Headers, Received, Sent};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// Bytes of an answer.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// Milliseconds after which no sign of life extends a request.
const MAX_MS: u64 = 600_000;
/// Requests of a server that are answered while one is waited for.
const MAX_ANSWERS: u32 = 20;
const EVENTS: &str = "text/event-stream";

/// A server to be asked.
pub struct Remote<'a> {
    record: &'a McpServerRecord,
    token: Option<Secret>,
    headers: BTreeMap<String, String>,
    redactor: Redactor,
    host: Host,
}

/// What came of a message.
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// The session that a legacy server gave.
    pub session: Option<String>,
    /// The response to the request; `None` where there is none.
    pub response: Option<Response>,
}

/// Why nothing came.
pub enum Nothing {
    /// It took too long.
    Silence,
    /// The connection could not be made, or broke.
    Gone,
    /// The address must not be asked.
    Refused,
}

impl<'a> Remote<'a> {
    /// The server of a record.
    ///
    /// # Errors
    /// An internal error where its token or its headers cannot be opened.
    pub fn of(host: &Host, record: &'a McpServerRecord) -> Result<Self, ApiError> {
        let open = |sealed: &Option<String>, field: &str| {
            let open = |sealed: &String| host.settings.keyring.open(sealed, &record.seal_context(field));
            sealed.as_ref().map(open).transpose().map_err(|error| {
                log_error("mcp server", &format_args!("{}: {field}: {error}", record.id));
                ApiError::internal()
            })
        };
        let token = open(&record.token_sealed, "token")?;
        let headers: BTreeMap<String, String> = match open(&record.headers_sealed, "headers")? {
            Some(json) => serde_json::from_str(json.expose()).map_err(|_| ApiError::internal())?,
            None => BTreeMap::new(),
        };
        let secrets = token.as_ref().map(Secret::expose).into_iter();
        let redactor = Redactor::new(secrets.chain(headers.values().map(String::as_str)), Place::Content);
        Ok(Self { record, token, headers, redactor, host: host.clone() })
    }

    /// Its record.
    pub fn record(&self) -> &McpServerRecord {
        self.record
    }

    /// Sends a message and waits for the response to the request `id`; for none where there is no `id`. What the server says before it
    /// goes to the audience.
    pub async fn tell(
        &self,
        message: &Message,
        id: Option<&Id>,
        headers: &[(String, String)],
        audience: Audience<'_>,
    ) -> Result<Told, Nothing> {
        // Also after a response: a stream may go on behind it.
        let aborts = AbortsWhenDropped::default();
        let hearing = Hearing::new(self, &self.record.url, headers, audience);
        let asking = async {
            let received = self.post(&self.record.url, message, headers, &aborts).await?;
            let session = received.header("mcp-session-id").map(str::to_owned);
            let status = received.status;
            let response = match id {
                Some(id) => self.response(&received, id, &hearing).await?,
                None => None,
            };
            Ok(Told { status, session, response })
        };
        self.patiently(|| hearing.heard_ms(), asking).await
    }

    /// Sends a message for which no response is waited, in the background. `open` is kept until it is taken.
    pub(super) fn tell_later(
        &self,
        to: String,
        message: Message,
        headers: Vec<(String, String)>,
        open: impl Sized + 'static,
    ) {
        let (host, record) = (self.host.clone(), self.record.clone());
        self.host.tasks.wait_until(async move {
            if let Ok(remote) = Remote::of(&host, &record) {
                let aborts = AbortsWhenDropped::default();
                let posting = remote.post(&to, &message, &headers, &aborts);
                // A server that does not take it has nothing to stop, or waits in vain.
                let began_ms = now_ms();
                let _ = remote.patiently(|| began_ms, posting).await;
            }
            drop(open);
        });
    }

    /// What comes of this before the server has been silent for too long: `heard_ms` says when something was last heard.
    pub(super) async fn patiently<T>(
        &self,
        heard_ms: impl Fn() -> u64,
        asking: impl Future<Output = Result<T, Nothing>>,
    ) -> Result<T, Nothing> {
        let (began_ms, timeout_ms) = (now_ms(), u64::from(self.record.timeout_ms));
        pin_mut!(asking);
        loop {
            let mut patience = Patience::new(began_ms, timeout_ms, timeout_ms.max(MAX_MS));
            patience.heard(heard_ms());
            let left_ms = patience.ends_at().saturating_sub(now_ms());
            if left_ms == 0 {
                return Err(Nothing::Silence);
            }
            if let Either::Left((told, _)) = select(&mut asking, Timer::after_ms(left_ms)).await {
                return told;
            }
        }
    }

    /// Posts a message, and does not read the answer.
    pub(super) async fn post(
        &self,
        url: &str,
        message: &Message,
        headers: &[(String, String)],
        aborts: &AbortsWhenDropped,
    ) -> Result<Received, Nothing> {
        let sent = self.headers("application/json, text/event-stream", headers);
        sent.set("content-type", "application/json");
        let body: JsValue = Uint8Array::from(message.to_line().as_bytes()).into();
        self.send(url, "POST", &sent, &body, aborts).await
    }

    /// Asks for the stream of events of HTTP+SSE, and does not read it.
    pub(super) async fn get_events(&self, aborts: &AbortsWhenDropped) -> Result<Received, Nothing> {
        let sent = self.headers(EVENTS, &[]);
        self.send(&self.record.url, "GET", &sent, &JsValue::UNDEFINED, aborts).await
    }

    fn headers(&self, accept: &str, headers: &[(String, String)]) -> Headers {
        let sent = Headers::new();
        // First: what the protocol needs is not replaced.
        for (name, value) in &self.headers {
            crate::exchange::set_header(&sent, name, value);
        }
        sent.set("user-agent", "nexus-edge");
        sent.set("accept", accept);
        if let Some(token) = &self.token {
            sent.set("authorization", &format!("Bearer {}", token.expose()));
        }
        for (name, value) in headers {
            crate::exchange::set_header(&sent, name, value);
        }
        sent
    }

    async fn send(
        &self,
        url: &str,
        method: &str,
        headers: &Headers,
        body: &JsValue,
        aborts: &AbortsWhenDropped,
    ) -> Result<Received, Nothing> {
        if !may_ask(url, self.host.settings.allow_private_upstreams) {
            return Err(Nothing::Refused);
        }
        let signal = aborts.0.signal();
        let sent = Sent { url, method, headers, body, signal: Some(&signal), other_signal: None };
        http::fetch(sent).await.map_err(|_| Nothing::Gone)
    }

    async fn response(
        &self,
        received: &Received,
        id: &Id,
        hearing: &Hearing<'_>,
    ) -> Result<Option<Response>, Nothing> {
        let Some(stream) = received.body() else { return Ok(None) };
        if !is_events(received) {
            let body = bytes::read_chunks(stream, MAX_BYTES, None).await.map_err(|_| Nothing::Gone)?;
            let message = self.read(&body.into_bytes());
            return Ok(message.and_then(|message| response_to(message, id, received.status)));
        }
        let mut chunks = Chunks::new(stream, None);
        let mut incoming = Incoming::new(MAX_BYTES, MAX_BYTES);
        while let Some(chunk) = hearing.questions.beside(chunks.next()).await.map_err(|_| Nothing::Gone)? {
            let said = incoming.push(&chunk.to_vec()).map_err(|_| Nothing::Gone)?;
            if let Some(response) = hearing.take(said, id, received.status) {
                return Ok(Some(response));
            }
        }
        Ok(None)
    }

    /// The message that a text is.
    fn read(&self, text: &[u8]) -> Option<Message> {
        let cleaned = self.redactor.clean(text);
        parse_message(cleaned.as_deref().unwrap_or(text), Limits::default()).ok()
    }
}

/// What is heard of a request before its response.
pub(super) struct Hearing<'a> {
    remote: &'a Remote<'a>,
    /// Where, and with which headers, what the server asks is answered.
    answered_at: &'a str,
    headers: &'a [(String, String)],
    answers_left: Cell<u32>,
    audience: Audience<'a>,
    /// What it asks a person, to be asked while more is read.
    pub(super) questions: Questions<'a>,
    heard_ms: Rc<Cell<u64>>,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(
        remote: &'a Remote<'a>,
        answered_at: &'a str,
        headers: &'a [(String, String)],
        audience: Audience<'a>,
    ) -> Self {
        let (answers_left, heard_ms) = (Cell::new(MAX_ANSWERS), Rc::new(Cell::new(now_ms())));
        let questions = Questions::default();
        Self { remote, answered_at, headers, answers_left, audience, questions, heard_ms }
    }

    /// When something was heard last: now, while it is the server that waits.
    pub(super) fn heard_ms(&self) -> u64 {
        if self.questions.are_open() {
            self.heard_ms.set(now_ms());
        }
        self.heard_ms.get()
    }

    /// Takes what has come; the response to the request `id` if it is among it.
    pub(super) fn take(&self, said: Vec<Said>, id: &Id, status: u16) -> Option<Response> {
        let messages = said.into_iter().filter_map(|said| match said {
            Said::Message(text) => self.remote.read(&text),
            Said::Endpoint(_) => None,
        });
        for message in messages {
            match message {
                Message::Notification(notification) => {
                    self.heard_ms.set(now_ms());
                    if let Some(notes) = self.audience.notes {
                        notes.take(notification);
                    }
                }
                Message::Request(request) => self.answer(request),
                message @ Message::Response(_) => {
                    let response = response_to(message, id, status);
                    if response.is_some() {
                        return response;
                    }
                }
            }
        }
        None
    }

    fn answer(&self, request: Request) {
        let Some(left) = self.answers_left.get().checked_sub(1) else { return };
        self.answers_left.set(left);
        self.heard_ms.set(now_ms());
        let (remote, headers) = (self.remote, self.headers);
        let to = self.answered_at.to_owned();
        match self.audience.person.filter(|_| request.method == elicitation::METHOD) {
            None => remote.tell_later(to, answer_to(&request).into(), headers.to_vec(), ()),
            Some(person) => {
                let heard_ms = Rc::clone(&self.heard_ms);
                let answering = async move {
                    let answer = person.answers(lifted("", &request)).await;
                    // Until now it was the server that waited.
                    heard_ms.set(now_ms());
                    let answer = Response::result(request.id, answer).into();
                    remote.tell_later(to, answer, headers.to_vec(), ());
                };
                self.questions.add(About::Input, answering.boxed_local());
            }
        }
    }
}

/// Whether an answer is a stream of events.
pub(super) fn is_events(received: &Received) -> bool {
    received.header("content-type").is_some_and(|kind| kind.starts_with(EVENTS))
}

/// The response to the request `id` that a message is; an error without an id counts where the status says that there is one.
fn response_to(message: Message, id: &Id, status: u16) -> Option<Response> {
    match message {
        Message::Response(response) if response.id.as_ref() == Some(id) => Some(response),
        Message::Response(response) if response.id.is_none() && status >= 400 => Some(response),
        _ => None,
    }
}

/// Aborts a request when it is dropped: when it has ended, and when its caller has left.
#[derive(Default)]
pub(super) struct AbortsWhenDropped(AbortController);

impl Drop for AbortsWhenDropped {
    fn drop(&mut self) {
        std::mem::take(&mut self.0).abort();
    }
}
