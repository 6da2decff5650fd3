//! One message to a server over streamable HTTP, and what came of it.
//!
//! Every request has its address checked anew, a time-out and a limit of bytes; redirects are not followed; the server's token and
//! headers are masked in everything that it answers. What the server says before the end extends the time-out. A request that is
//! dropped is aborted.

use std::cell::Cell;
use std::collections::BTreeMap;

use futures::future::{Either, select};
use futures::pin_mut;
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::secrets::Secret;
use nexus_edge_core::secrets::redactor::{Place, Redactor};
use nexus_edge_core::sse::{EventReader, Segment};
use nexus_edge_mcp::progress::Patience;
use nexus_edge_mcp::rpc::{Id, Limits, Message, Notification, Response, parse_message};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, web_sys};

use super::call::Notes;
use crate::host::Host;
use crate::pipeline::ask::may_ask;
use crate::platform::bytes::{self, Chunks};
use crate::platform::http::{self, Headers, Received, Sent};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// Bytes of an answer.
const MAX_BYTES: usize = 16 << 20;
/// Milliseconds after which no sign of life extends a request.
const MAX_MS: u64 = 600_000;

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

    /// Where it is asked from.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Sends a message and waits for the response to the request `id`; for none where there is no `id`. What the server says before it
    /// goes to `notes`.
    pub async fn tell(
        &self,
        message: &Message,
        id: Option<&Id>,
        headers: &[(String, String)],
        notes: Option<&Notes>,
    ) -> Result<Told, Nothing> {
        if !may_ask(&self.record.url, self.host.settings.allow_private_upstreams) {
            return Err(Nothing::Refused);
        }
        let sent = Headers::new();
        // First: what the protocol needs is not replaced.
        for (name, value) in &self.headers {
            crate::exchange::set_header(&sent, name, value);
        }
        sent.set("user-agent", "nexus-edge");
        sent.set("content-type", "application/json");
        sent.set("accept", "application/json, text/event-stream");
        if let Some(token) = &self.token {
            sent.set("authorization", &format!("Bearer {}", token.expose()));
        }
        for (name, value) in headers {
            crate::exchange::set_header(&sent, name, value);
        }
        let body: JsValue = Uint8Array::from(message.to_line().as_bytes()).into();
        // Also after a response: a stream may go on behind it.
        let aborts = AbortsWhenDropped::default();
        let signal = aborts.0.signal();
        let (began_ms, timeout_ms) = (now_ms(), u64::from(self.record.timeout_ms));
        let heard_ms = Cell::new(began_ms);
        let hear = |notification| {
            heard_ms.set(now_ms());
            if let Some(notes) = notes {
                notes.take(notification);
            }
        };
        let asking = self.exchange(&sent, &body, &signal, id, &hear);
        pin_mut!(asking);
        loop {
            let mut patience = Patience::new(began_ms, timeout_ms, timeout_ms.max(MAX_MS));
            patience.heard(heard_ms.get());
            let left_ms = patience.ends_at().saturating_sub(now_ms());
            if left_ms == 0 {
                return Err(Nothing::Silence);
            }
            if let Either::Left((told, _)) = select(&mut asking, Timer::after_ms(left_ms)).await {
                return told;
            }
        }
    }

    async fn exchange(
        &self,
        headers: &Headers,
        body: &JsValue,
        signal: &web_sys::AbortSignal,
        id: Option<&Id>,
        hear: &impl Fn(Notification),
    ) -> Result<Told, Nothing> {
        let url = &self.record.url;
        let sent = Sent { url, method: "POST", headers, body, signal: Some(signal), other_signal: None };
        let received = http::fetch(sent).await.map_err(|_| Nothing::Gone)?;
        let session = received.header("mcp-session-id").map(str::to_owned);
        let status = received.status;
        let response = match id {
            Some(id) => self.response(&received, id, hear).await?,
            None => None,
        };
        Ok(Told { status, session, response })
    }

    async fn response(
        &self,
        received: &Received,
        id: &Id,
        hear: &impl Fn(Notification),
    ) -> Result<Option<Response>, Nothing> {
        let Some(stream) = received.body() else { return Ok(None) };
        let is_stream =
            received.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        if !is_stream {
            let body = bytes::read_chunks(stream, MAX_BYTES, None).await.map_err(|_| Nothing::Gone)?;
            let message = self.read(&body.into_bytes());
            return Ok(message.and_then(|message| response_to(message, id, received.status)));
        }
        let mut chunks = Chunks::new(stream, None);
        let mut reader = EventReader::new(MAX_BYTES);
        let mut found = None;
        while let Some(chunk) = chunks.next().await.map_err(|_| Nothing::Gone)? {
            reader.push(&chunk.to_vec(), |segment| {
                let Segment::Event(event) = segment else { return };
                match event.data().filter(|_| found.is_none()).and_then(|data| self.read(&data)) {
                    Some(Message::Notification(notification)) => hear(notification),
                    Some(message) => found = response_to(message, id, received.status),
                    None => {}
                }
            });
            if found.is_some() {
                break;
            }
        }
        Ok(found)
    }

    /// The message that a text is.
    fn read(&self, text: &[u8]) -> Option<Message> {
        let cleaned = self.redactor.clean(text);
        parse_message(cleaned.as_deref().unwrap_or(text), Limits::default()).ok()
    }
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
struct AbortsWhenDropped(AbortController);

impl Drop for AbortsWhenDropped {
    fn drop(&mut self) {
        std::mem::take(&mut self.0).abort();
    }
}
