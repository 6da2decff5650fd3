//! One request from the entry point to the answer, with its ids, settings and connection to the platform.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use nexus_edge_core::access::audit::change::Changes;
use nexus_edge_core::access::person::{Person, Scope};
use nexus_edge_core::access::scim_client::ScimClientRecord;
use nexus_edge_core::access::{ApiKeyRecord, Principal, credential};
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::http::header_list::HeaderList;
use nexus_edge_core::http::passing::query_to_upstream;
use nexus_edge_core::http::request_id;
use nexus_edge_core::provider::Provider;
use nexus_edge_core::secrets::pii::{KeyRedaction, Pii, Place};
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_core::stats::app::app_of;
use nexus_edge_telemetry::trace::Trace;
use worker::{Url, web_sys};

mod answer;
mod attendant;
mod body;
mod origin;
mod person;

pub use answer::{error_headers, error_response, json, json_bytes, set_header};
pub use attendant::{Asker, Attendant};
pub use body::unread_body;

use crate::host::Host;
use crate::platform::bytes::Body;
use crate::platform::executor;
use crate::platform::http::RequestHead;
use crate::platform::{new_ulid, now_ms, random_bytes};
use crate::store::sign_in::SignedIn;

/// A request in progress.
pub struct Exchange {
    head: RequestHead,
    body: RequestBody,
    host: Host,
    /// The caller's dialect.
    pub caller_dialect: CallerDialect,
    /// The `x-request-id` of the answer.
    pub request_id: String,
    /// When the request arrived, in milliseconds since the epoch.
    pub started_ms: u64,
    /// Headers of every answer to the request.
    pub notes: RefCell<Vec<(&'static str, String)>>,
    /// Id of the request's usage event.
    pub event_id: String,
    /// Of an internal request: for whom it runs.
    pub internal_owner: Option<KeyOwner>,
    /// In a session: the turn with the question of this answer.
    pub asked_by: Option<String>,
    /// Regenerates an answer: a cached response must not be used.
    pub wants_anew: bool,
    /// Of a turn of a session: who attends the calls of its tools.
    pub attendant: Option<Rc<dyn Attendant>>,
    /// Of a round of a request whose tools the gateway runs: what is known of the rounds before it.
    pub round: Option<Round>,
    /// Its trace, if it is recorded.
    pub trace: Option<Rc<Trace>>,
    /// What the caller's key says of personal data.
    pub key_redaction: Cell<KeyRedaction>,
    /// What an operation of the admin API changed, for the audit log.
    pub changes: RefCell<Changes>,
    person: OnceCell<Person>,
    scope: OnceCell<Scope>,
    signed_in: OnceCell<Rc<SignedIn>>,
    directory: OnceCell<Rc<ScimClientRecord>>,
    signed_by: OnceCell<Rc<ApiKeyRecord>>,
    held_body: OnceCell<Body>,
}

/// What an operation that admitted no person reaches.
const NOTHING: &Scope = &Scope::Owners(Vec::new());

/// The body of a request.
enum RequestBody {
    /// In the platform's request.
    Caller(web_sys::Request),
    /// In memory, for an internal request.
    Here(Vec<u8>),
    /// In memory, for a round; the caller is that of the request.
    Round(Vec<u8>, Option<web_sys::Request>),
}

/// What a round of a request knows of the rounds before it.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// What they cost, in millionths of a dollar.
    pub spent_micros: u64,
    /// Their conversation.
    pub conversation_id: Option<String>,
}

/// The key to which something belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// Public id of the key.
    pub key_id: String,
    /// SHA-256 of the secret with which the owner was authenticated first. A personalized key has nothing else by which it is
    /// found; an API key may have another secret by now.
    pub key_hash: String,
}

/// An internal request, made by the gateway for the owner of a key.
pub struct InternalRequest {
    /// For whom it is made.
    pub owner: KeyOwner,
    /// Id of the usage event.
    pub event_id: String,
    /// The conversation that it belongs to.
    pub conversation_id: String,
    /// The turn of a session with the question: this one, or for a regeneration an earlier one. `None` if there is no
    /// question.
    pub asked_by: Option<String>,
    /// Regenerates an answer: a cached response must not be used.
    pub wants_anew: bool,
    /// Who attends the calls of its tools.
    pub attendant: Option<Rc<dyn Attendant>>,
    /// A Chat Completions body.
    pub body: Vec<u8>,
}

impl InternalRequest {
    /// A request without a body and without a question.
    pub fn new(owner: &KeyOwner, event_id: String, conversation_id: String) -> Self {
        Self {
            owner: owner.clone(),
            event_id,
            conversation_id,
            asked_by: None,
            wants_anew: false,
            attendant: None,
            body: Vec::new(),
        }
    }
}

/// The id of a request: the caller's own if it is safe to echo.
pub fn request_id_of(head: &RequestHead, now_ms: u64) -> String {
    match head.headers.get("x-request-id").and_then(request_id::accept) {
        Some(id) => id.to_owned(),
        None => format!("req_{}", new_ulid(now_ms)),
    }
}

/// An exchange is a request at a host, and stands for the host where only that is wanted.
impl Deref for Exchange {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl Exchange {
    /// The exchange of a request from the platform.
    pub fn new(
        request: web_sys::Request,
        head: RequestHead,
        caller_dialect: CallerDialect,
        host: Host,
        id: String,
    ) -> Self {
        Self::begin(head, RequestBody::Caller(request), caller_dialect, host, id)
    }

    /// The exchange of an internal request. Its key is checked like that of any other request.
    pub fn internal(internal: InternalRequest, host: Host, request_id: String) -> Self {
        executor::works_for(&request_id);
        let mut headers = HeaderList::default();
        headers.set("content-type", "application/json");
        headers.set("x-session-id", &internal.conversation_id);
        let head = RequestHead {
            method: "POST".to_owned(),
            url: "http://gateway/v1/chat/completions".to_owned(),
            headers,
        };
        let body = RequestBody::Here(internal.body);
        let mut exchange = Self::begin(head, body, CallerDialect::OpenaiChat, host, request_id);
        exchange.event_id = internal.event_id;
        exchange.internal_owner = Some(internal.owner);
        exchange.asked_by = internal.asked_by;
        exchange.wants_anew = internal.wants_anew;
        exchange.attendant = internal.attendant;
        exchange
    }

    fn begin(
        head: RequestHead,
        body: RequestBody,
        caller_dialect: CallerDialect,
        host: Host,
        request_id: String,
    ) -> Self {
        let started_ms = now_ms();
        // The gateway's own request ids contain the id of the usage event, so that a row of the log is found by either.
        let is_own = head.headers.get("x-request-id").and_then(request_id::accept).is_none();
        let of_request = request_id.strip_prefix("req_").filter(|_| is_own);
        let event_id = of_request.map_or_else(|| new_ulid(started_ms), str::to_owned);
        let trace = host.settings.otlp.as_ref().and_then(|otlp| {
            Trace::begin(head.headers.get("traceparent"), otlp.sample, random_bytes().ok()?).map(Rc::new)
        });
        let exchange = Self::bare(head, body, caller_dialect, host, request_id, event_id, started_ms);
        Self { trace, ..exchange }
    }

    /// A round of this request: the same request by the same caller with another body, which begins now.
    pub fn round(&self, body: Vec<u8>, round: Round) -> Self {
        let (head, request_id, event_id) =
            (self.head.clone(), self.request_id.clone(), self.event_id.clone());
        let body = RequestBody::Round(body, self.request_of_caller().cloned());
        let host = self.host.clone();
        Self {
            internal_owner: self.internal_owner.clone(),
            asked_by: self.asked_by.clone(),
            wants_anew: self.wants_anew,
            round: Some(round),
            trace: self.trace.clone(),
            key_redaction: self.key_redaction.clone(),
            // A signature covers the request that the caller sent, and was checked with it.
            signed_by: self.signed_by.clone(),
            ..Self::bare(head, body, self.caller_dialect, host, request_id, event_id, now_ms())
        }
    }

    /// An exchange of which nothing else is known yet.
    fn bare(
        head: RequestHead,
        body: RequestBody,
        caller_dialect: CallerDialect,
        host: Host,
        request_id: String,
        event_id: String,
        started_ms: u64,
    ) -> Self {
        Self {
            head,
            body,
            caller_dialect,
            host,
            request_id,
            started_ms,
            event_id,
            internal_owner: None,
            asked_by: None,
            wants_anew: false,
            attendant: None,
            round: None,
            trace: None,
            notes: RefCell::default(),
            key_redaction: Cell::default(),
            changes: RefCell::default(),
            person: OnceCell::new(),
            scope: OnceCell::new(),
            signed_in: OnceCell::new(),
            directory: OnceCell::new(),
            signed_by: OnceCell::new(),
            held_body: OnceCell::new(),
        }
    }

    /// The platform's request; `None` for an internal one.
    fn request_of_caller(&self) -> Option<&web_sys::Request> {
        match &self.body {
            RequestBody::Caller(request) => Some(request),
            RequestBody::Round(_, request) => request.as_ref(),
            RequestBody::Here(_) => None,
        }
    }

    /// What is searched for personal data in errors for the caller, if anything is.
    pub fn pii_in_errors(&self) -> Option<&Pii> {
        let settings = &self.settings;
        let is_replaced = self.key_redaction.get().replaces(settings.redact_pii.has(Place::Errors));
        is_replaced.then_some(&settings.pii)
    }

    /// The address of the request.
    pub fn url(&self) -> &str {
        &self.head.url
    }

    /// The request's method, in upper case.
    pub fn method(&self) -> &str {
        &self.head.method
    }

    /// Whether the method is one that changes nothing.
    pub fn only_reads(&self) -> bool {
        matches!(self.method(), "GET" | "HEAD")
    }

    /// The usage event of the request as it begins.
    pub fn event_of(&self, principal: &Principal, conversation_id: String) -> UsageEvent {
        UsageEvent {
            id: self.event_id.clone(),
            ts: self.started_ms,
            request_id: self.request_id.clone(),
            key_id: principal.key_id.clone(),
            owner: principal.owner.clone(),
            app: app_of(
                self.header("x-title").as_deref(),
                self.header("user-agent").as_deref(),
                self.header("referer").as_deref(),
            ),
            dialect: self.caller_dialect.name().to_owned(),
            conversation_id,
            tags: principal.tags.clone(),
            ..UsageEvent::default()
        }
    }

    /// A header of the request.
    pub fn header(&self, name: &str) -> Option<String> {
        self.head.headers.get(name).map(str::to_owned)
    }

    /// All headers of the request.
    pub fn headers(&self) -> &HeaderList {
        &self.head.headers
    }

    /// The API key of the request.
    pub fn credential(&self) -> Option<String> {
        // Google's own clients may send the key in the query; other callers should not, because URLs end up in logs.
        let in_query = || if self.caller_dialect == CallerDialect::Gemini { self.query("key") } else { None };
        credential::find(|name| self.header(name)).or_else(in_query)
    }

    /// Whether the caller accepts no dropped parameters.
    pub fn is_strict(&self) -> bool {
        self.head.headers.get("x-nexus-strict") == Some("true")
    }

    /// A parameter of the query string.
    pub fn query(&self, name: &str) -> Option<String> {
        let url = Url::parse(&self.head.url).ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The query string, not decoded.
    pub fn query_string(&self) -> Option<&str> {
        self.head.query()
    }

    /// The query string as far as it is forwarded to this kind of provider: versions of the dialect (`?beta=true`).
    pub fn query_to(&self, provider: &dyn Provider) -> String {
        let takes_query = provider.speaks(self.caller_dialect) && provider.takes_callers_query();
        self.query_string().filter(|_| takes_query).map(query_to_upstream).unwrap_or_default()
    }

    /// Fires when the caller disconnects; `None` for an internal request.
    pub fn caller_signal(&self) -> Option<web_sys::AbortSignal> {
        self.request_of_caller().map(web_sys::Request::signal)
    }

    /// Whether the caller has disconnected.
    pub fn is_caller_gone(&self) -> bool {
        self.caller_signal().is_some_and(|signal| signal.aborted())
    }

    /// Milliseconds since the request arrived.
    pub fn elapsed_ms(&self) -> u64 {
        now_ms().saturating_sub(self.started_ms)
    }
}
