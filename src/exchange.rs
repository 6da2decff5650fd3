//! One request from the entry point to the answer, with its ids, settings and connection to the platform.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use nexus_edge_core::access::audit::change::{self, Changes};
use nexus_edge_core::access::person::{Need, Person, PersonId, Reach, Scope};
use nexus_edge_core::access::scim_client::ScimClientRecord;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::access::{ApiKeyRecord, Principal, credential};
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::registry;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::http::header_list::HeaderList;
use nexus_edge_core::http::hops;
use nexus_edge_core::http::pace::Pace;
use nexus_edge_core::http::passing::query_to_upstream;
use nexus_edge_core::http::{headers::is_valid_value, request_id};
use nexus_edge_core::provider::Provider;
use nexus_edge_core::row::table::Table;
use nexus_edge_core::secrets::pii::{KeyRedaction, Pii, Place};
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_core::stats::app::app_of;
use nexus_edge_telemetry::trace::Trace;
use worker::{Url, web_sys};

use crate::host::Host;
use crate::platform::bytes::{self, Body, ReadError};
use crate::platform::executor;
use crate::platform::http::{Headers, RequestHead, Response};
use crate::platform::{log_error, new_ulid, now_ms, random_bytes};
use crate::store::sign_in::SignedIn;

/// A body of a stated length up to this, in bytes, is read in one piece. In a larger one each pause is limited, too.
const MAX_AT_ONCE_BYTES: usize = 1 << 20;

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

    /// Notes that a record was created, changed or deleted.
    pub fn note_change<R: Table>(&self, before: Option<&R>, after: Option<&R>) {
        self.changes.borrow_mut().extend(change::between(before, after));
    }

    /// Notes that a setting was set, changed or removed.
    pub fn note_setting<T: serde::Serialize>(&self, name: &str, before: Option<&T>, after: Option<&T>) {
        let shown =
            |of: Option<&T>| of.and_then(|value| serde_json::to_value(value).ok()).unwrap_or_default();
        self.changes.borrow_mut().extend(change::of_value(name, shown(before), shown(after)));
    }

    /// Lets a person do what the operation is, as far as they may.
    ///
    /// # Errors
    /// `permission_denied` (403).
    pub fn admit(&self, person: Person, need: Need) -> Result<(), ApiError> {
        let reach = if self.only_reads() { Reach::Look } else { Reach::Manage };
        // Also one who may not, for the audit log.
        let scope = self.person.get_or_init(|| person).decide(need, reach)?;
        self.scope.get_or_init(|| scope);
        Ok(())
    }

    /// The person who calls, in operations of the admin API.
    ///
    /// # Errors
    /// `internal_error` (500) in operations that admit no person.
    pub fn person(&self) -> Result<&Person, ApiError> {
        self.person.get().ok_or_else(ApiError::internal)
    }

    /// The things that the operation may reach: in operations of the admin API those that the person may, else none.
    pub fn scope(&self) -> &Scope {
        self.scope.get().unwrap_or(NOTHING)
    }

    /// Notes the user who makes the request.
    pub fn sign_in(&self, session: Rc<SignedIn>) {
        self.person.get_or_init(|| session.person(self.started_ms));
        self.signed_in.get_or_init(|| session);
    }

    /// Notes the directory that makes the request.
    pub fn act_for(&self, client: Rc<ScimClientRecord>) {
        self.person.get_or_init(|| Person::known_as(PersonId::Directory(client.id.clone())));
        self.directory.get_or_init(|| client);
    }

    /// The directory that makes the request, in operations for directories.
    ///
    /// # Errors
    /// `internal_error` (500) in other operations.
    pub fn directory(&self) -> Result<&ScimClientRecord, ApiError> {
        self.directory.get().map(Rc::as_ref).ok_or_else(ApiError::internal)
    }

    /// Notes which user a request turned out to be of, for the audit log. It does not let them do anything.
    pub fn note_user(&self, user: &UserRecord) {
        self.person.get_or_init(|| Person::known_as(PersonId::User(user.id.clone())));
    }

    /// Notes which API key a request is of that changes something, for the audit log. It does not let it do anything.
    pub fn note_key(&self, key_id: &str) {
        self.person.get_or_init(|| Person::known_as(PersonId::Program(key_id.to_owned())));
    }

    /// Notes that the request turned out to be of the holder of the admin token, for the audit log. It does not let them do
    /// anything.
    pub fn note_admin(&self) {
        self.person.get_or_init(Person::with_admin_token);
    }

    /// The user who makes the request, in operations for those who are signed in.
    ///
    /// # Errors
    /// `internal_error` (500) in other operations.
    pub fn signed_in(&self) -> Result<&SignedIn, ApiError> {
        self.signed_in.get().map(Rc::as_ref).ok_or_else(ApiError::internal)
    }

    /// Notes that the request is signed by this key.
    pub fn sign(&self, key: Rc<ApiKeyRecord>) {
        self.signed_by.get_or_init(|| key);
    }

    /// The key that the request is signed by, if it is signed.
    pub fn signed_by(&self) -> Option<&Rc<ApiKeyRecord>> {
        self.signed_by.get()
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

    /// The origin under which the request arrived, such as `https://gateway.example`.
    pub fn own_origin(&self) -> String {
        Url::parse(&self.head.url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// The origin of the gateway's pages: that of the settings, or the one under which the request arrived.
    pub fn public_origin(&self) -> String {
        self.settings.public_url.clone().unwrap_or_else(|| self.own_origin())
    }

    /// Refuses a request that has been here before: an upstream of this deployment leads back to it.
    ///
    /// # Errors
    /// `request_loop` (508).
    pub fn refuse_loop(&self) -> Result<(), ApiError> {
        if !hops::has_passed(self.head.headers.get(hops::HEADER), &self.settings.deployment) {
            return Ok(());
        }
        let message =
            "This request has passed this gateway before: the server_url of a provider leads back to it.";
        Err(ApiError::new(508, ErrorKind::Server, "request_loop", message))
    }

    /// Refuses an address that is the one under which this request arrived.
    ///
    /// # Errors
    /// `invalid_value` for this field.
    pub fn refuse_own_address(&self, field: &str, url: Option<&String>) -> Result<(), ApiError> {
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
        match url.and_then(|url| origin(url)) {
            Some(given) if given == self.own_origin() => {
                let message = format!("`{field}` is the address of this gateway.");
                Err(ApiError::invalid("invalid_value", field, message))
            }
            _ => Ok(()),
        }
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

    /// Whether the request has a body.
    pub fn has_body(&self) -> bool {
        match &self.body {
            RequestBody::Caller(request) => {
                self.head.headers.get("content-length") != Some("0") && request.body().is_some()
            }
            RequestBody::Here(body) | RequestBody::Round(body, _) => !body.is_empty(),
        }
    }

    /// Reads the request's body before its handler does, for what must be known of it first.
    ///
    /// # Errors
    /// Those of [`Self::body`].
    pub async fn hold_body(&self) -> Result<&Body, ApiError> {
        let body = self.body().await?;
        Ok(self.held_body.get_or_init(|| body))
    }

    /// The request's body as a stream, refused if its stated length is over the limit; `None` if there is none.
    pub fn body_stream(&self) -> Result<Option<web_sys::ReadableStream>, ApiError> {
        self.declared_length(self.settings.max_body_bytes)?;
        if let Some(held) = self.held_body.get() {
            return Ok(Some(held.to_stream()));
        }
        Ok(match &self.body {
            RequestBody::Caller(request) => request.body(),
            RequestBody::Here(_) | RequestBody::Round(..) => None,
        })
    }

    /// The stated length of the request's body; an error if it is over the limit, or if the body is compressed: neither its
    /// size nor what it says would be known before it is decompressed.
    fn declared_length(&self, limit: usize) -> Result<Option<usize>, ApiError> {
        if let Some(coding) = self.header("content-encoding").filter(|coding| !is_identity(coding)) {
            let shown: String = coding.chars().take(50).collect();
            let message = format!("A request body must not be compressed, and this one is by `{shown}`.");
            return Err(ApiError::new(
                415,
                ErrorKind::InvalidRequest,
                "unsupported_content_encoding",
                message,
            ));
        }
        match self.header("content-length").and_then(|length| length.parse().ok()) {
            Some(length) if length > limit => Err(ApiError::too_large(limit)),
            declared => Ok(declared),
        }
    }

    /// The request's body, refused as soon as it is known to be over the limit.
    pub async fn body(&self) -> Result<Body, ApiError> {
        self.body_up_to(self.settings.max_body_bytes).await
    }

    /// The request's body, for an operation with a lower limit.
    pub async fn body_up_to(&self, limit: usize) -> Result<Body, ApiError> {
        let limit = limit.min(self.settings.max_body_bytes);
        let declared = self.declared_length(limit)?;
        if let Some(held) = self.held_body.get() {
            return if held.bytes.len() > limit { Err(ApiError::too_large(limit)) } else { Ok(held.clone()) };
        }
        let request = match &self.body {
            RequestBody::Caller(request) => request,
            RequestBody::Here(body) | RequestBody::Round(body, _) => {
                return Ok(Body::from_bytes(body.clone()));
            }
        };
        let Some(stream) = request.body() else { return Ok(Body::from_bytes(Vec::new())) };
        let pace = self.body_pace();
        // Accessed only here, because it locks the stream.
        let at_once = declared.filter(|bytes| *bytes <= MAX_AT_ONCE_BYTES);
        let at_once = at_once.and_then(|bytes| Some((bytes, request.array_buffer().ok()?)));
        let read = match at_once {
            Some((bytes, array_buffer)) => {
                bytes::read_at_once(array_buffer, Some(pace.for_all_ms(bytes))).await
            }
            None => bytes::read_chunks(stream, limit, Some(pace)).await,
        };
        read.map_err(|error| match error {
            ReadError::TooLarge => ApiError::too_large(limit),
            unread => unread_body(unread),
        })
    }

    /// How slowly the request's body may arrive.
    pub fn body_pace(&self) -> Pace {
        Pace::new(self.settings.body_timeout_ms)
    }
}

/// The error for a body that did not arrive.
pub fn unread_body(error: ReadError) -> ApiError {
    match error {
        ReadError::Idle => ApiError::body_too_slow(),
        ReadError::Broken | ReadError::TooLarge => {
            ApiError::invalid_json("The request body could not be read to its end.")
        }
    }
}

/// Whether a content coding leaves the bytes as they are.
fn is_identity(coding: &str) -> bool {
    coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity")
}

/// A JSON answer.
pub fn json(status: u16, body: &impl serde::Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(body).map_err(|error| {
        log_error("serialize", &error);
        ApiError::internal()
    })?;
    Ok(json_bytes(status, Headers::new(), body))
}

/// A response of serialised JSON with these additional headers.
pub fn json_bytes(status: u16, headers: Headers, body: Vec<u8>) -> Response {
    set_header(&headers, "content-type", "application/json; charset=utf-8");
    Response::bytes(status, headers, body)
}

/// The response for an error, in the caller's dialect.
pub fn error_response(error: &ApiError, caller_dialect: CallerDialect, request_id: &str) -> Response {
    json_bytes(
        error.status,
        error_headers(error),
        registry::encode_own_error(caller_dialect, error, request_id),
    )
}

/// The headers of the answer for an error.
pub fn error_headers(error: &ApiError) -> Headers {
    let headers = Headers::new();
    if let Some(seconds) = error.retry_after_s {
        set_header(&headers, "retry-after", &seconds.to_string());
    }
    if let Some(allow) = &error.allow {
        set_header(&headers, "allow", allow);
    }
    if error.status == 401 {
        set_header(&headers, "www-authenticate", "Bearer");
    }
    headers
}

/// Sets a header whose value may come from configuration; an invalid one is left out.
pub fn set_header(headers: &Headers, name: &str, value: &str) {
    if is_valid_value(value) {
        headers.set(name, value);
    }
}
