//! Step 4: sends the request to one upstream, and waits until it is certain to answer.
//!
//! Until then nothing has reached the caller, so every failure may lead to failover: a refused connection, an error
//! status, an answer that cannot be parsed, a stream that is truncated or reports an error before its first token.

use std::rc::Rc;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{Answered, ErrorInfo, StreamFault};
use nexus_edge_core::dialect::dify::conversation_id_in;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::dialect::pipe::MAX_ANSWER_TEXT;
use nexus_edge_core::dialect::references::{IssuedPipe, Named};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::dialect::translation::{Translation, WholeAnswer};
use nexus_edge_core::dialect::veil::without_secrets;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::{Quirk, Transport};
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::routing::health::Caller;
use nexus_edge_core::routing::retry::Failure;
use nexus_edge_core::secrets::redactor;
use nexus_edge_failover::{Answer, Question, Refused};

use super::admission::{self, Admission, Slot};
use super::cache::{DROPPED, Place, Use};
use super::dify_app;
use super::failed::{AttemptError, Failed, Reply};
use super::guard::Guards;
use super::inside;
use super::received::{self, caller_headers, has_body, read_whole};
use super::stream_relay::StreamRelay;
use super::translate::{self, Memory};
use super::transport::Connection;
use super::upstream;
use super::upstream_health::asked_rest_ms;
use crate::exchange::{Exchange, set_header};
use crate::platform::bytes::Body;
use crate::platform::http::{Headers, Received};
use crate::platform::{log_error, now_ms, rarely};
use crate::store::dify;

const JSON: &str = "application/json; charset=utf-8";
const EVENTS: &str = "text/event-stream; charset=utf-8";

/// A request, for any candidate.
pub struct Asked<'a> {
    /// The exchange.
    pub exchange: &'a Exchange,
    /// The caller.
    pub principal: &'a Principal,
    /// The body as received.
    pub body: &'a Body,
    /// The same, parsed.
    pub inbound: &'a Inbound<'a>,
    /// Whether it is paid for, by credits or within a budget.
    pub pays: bool,
    /// Whether there is only one candidate.
    pub is_alone: bool,
    /// What it names of the provider's account.
    pub named: &'a Named,
    /// The conversation that it belongs to.
    pub conversation_id: &'a str,
    /// What it has taken of its limits.
    pub admission: Option<&'a Admission>,
    /// How it uses the cache.
    pub cache: &'a Use,
    /// What its texts and those of the answer are judged by.
    pub guards: Option<&'a Guards<'a>>,
}

/// An answer that is certain enough to be relayed.
pub struct Accepted {
    /// The status for the caller.
    pub status: u16,
    /// The headers for the caller.
    pub headers: Headers,
    /// The body.
    pub body: AcceptedBody,
    /// The request and, if unstreamed, the answer.
    pub transcript: Transcript,
    /// Milliseconds until the headers came.
    pub first_byte_ms: u64,
    /// Where it may be cached.
    pub place: Option<Place>,
}

/// The body of an answer.
pub enum AcceptedBody {
    /// A stream whose first token has arrived.
    Stream(Box<StreamRelay>),
    /// An unstreamed answer.
    Whole(Box<Whole>),
}

/// An answer that was read to its end.
pub struct Whole {
    /// The body for the caller.
    pub body: Body,
    /// What is recorded of it.
    pub answer: WholeAnswer,
    /// What to store of it.
    pub memory: Memory,
}

impl Question for Asked<'_> {
    type Answer = Accepted;
    type Reply = Reply;
    type Platform = Exchange;

    fn platform(&self) -> &Exchange {
        self.exchange
    }

    fn caller(&self) -> Caller {
        Caller::named(self.principal.tenant())
    }

    fn prompt_tokens(&self) -> u64 {
        self.inbound.estimate_prompt_tokens()
    }

    async fn admit(&self, candidate: &Candidate) -> Result<Option<Slot>, Refused> {
        admission::admit_attempt(self.exchange, self.admission, candidate).await
    }

    async fn ask(&self, candidate: &Candidate) -> Result<Accepted, Failed> {
        let answer = ask(self, candidate).await?;
        let first_byte_ms = answer.first_byte_ms;
        receive(self, candidate, answer).await.map_err(|failed| failed.after(first_byte_ms))
    }
}

impl Answer for Accepted {
    fn status(&self) -> u16 {
        self.status
    }

    fn first_byte_ms(&self) -> u64 {
        self.first_byte_ms
    }
}

/// The headers of an upstream's answer, and the means to read its body.
struct Begun {
    response: Received,
    connection: Connection,
    translation: Translation,
    memory: Memory,
    headers: Headers,
    first_byte_ms: u64,
}

/// Sends the request and waits for the headers of the answer.
async fn ask(asked: &Asked<'_>, candidate: &Candidate) -> Result<Begun, AttemptError> {
    let &Asked { exchange, principal, inbound, named, conversation_id, is_alone, .. } = asked;
    let (translation, memory) =
        translate::translate(exchange, principal, inbound, named, candidate, conversation_id, is_alone)
            .await?;
    let is_counted = !asked.pays && candidate.upstream.record.has_quirk(Quirk::CountedUsage);
    let translation = if is_counted { translation.asking_as_caller() } else { translation };
    let outbound = translation.outbound(inbound, &candidate.upstream_model);
    refuse_if_strict(exchange, &outbound.dropped)?;
    let sent_ms = now_ms();
    let chat = inside::Chat {
        model: &candidate.upstream_model,
        asked_model: &inbound.model,
        request_id: &exchange.request_id,
        body: &outbound.body,
    };
    let transport = candidate.upstream.provider().transport();
    let timeout_ms = candidate.first_byte_timeout_ms;
    let inside = match transport {
        Transport::Network => None,
        inside => rarely(inside::ask(&exchange.env, inside, &chat, timeout_ms)).await,
    };
    let (response, connection) = if let Some(response) = inside {
        (response?, Connection::none())
    } else {
        let operation = translation.operation(&candidate.upstream_model);
        let call = candidate.upstream.call(operation, &candidate.upstream_model);
        let call = call.ok_or_else(|| upstream::cannot(candidate))?;
        let body = asked.body.to_js(outbound.body);
        let request =
            upstream::build_request(exchange, principal, candidate, call, body.into(), "application/json")
                .await?;
        upstream::send(exchange, candidate, &request).await?
    };
    let first_byte_ms = now_ms().saturating_sub(sent_ms);
    let headers = caller_headers(exchange, candidate, &response, first_byte_ms);
    if !outbound.dropped.is_empty() {
        set_header(&headers, DROPPED, &outbound.dropped.join(", "));
    }
    Ok(Begun { response, connection, translation, memory, headers, first_byte_ms })
}

/// With `x-nexus-strict: true` a request with dropped parameters is refused.
fn refuse_if_strict(exchange: &Exchange, dropped: &[String]) -> Result<(), AttemptError> {
    let Some(first) = dropped.first() else { return Ok(()) };
    if !exchange.is_strict() {
        return Ok(());
    }
    let message = format!("The provider of this model cannot be told: {}.", dropped.join(", "));
    Err(ApiError::unsupported("unsupported_parameter", first, message).into())
}

/// Reads as much of the answer as decides whether it is one.
async fn receive(asked: &Asked<'_>, candidate: &Candidate, answer: Begun) -> Result<Accepted, Failed> {
    let status = answer.response.status;
    let stream_type = candidate.upstream.provider().stream_type();
    let is_stream = content_type(&answer.response).starts_with(stream_type) && status < 400;
    let is_judged_whole = asked.guards.is_some_and(Guards::judge_whole_answers);
    if is_stream && has_body(status) && answer.translation.wants_stream() && !is_judged_whole {
        return rarely(receive_stream(asked, candidate, answer)).await;
    }
    let Begun { response, connection, translation, memory, headers, first_byte_ms } = answer;
    let body = read_whole(candidate, &response).await?;
    connection.release();
    if let Memory::DifyConversation { name } = &memory
        && let Some(id) = conversation_id_in(&body.bytes)
    {
        rarely(dify::remember(&asked.exchange.env, name, &id)).await;
    }
    if !has_body(status) {
        let message = format!("The provider answered with the status {status}.");
        return Err(AttemptError::unreadable(message).into());
    }
    if let Some(stream_type) = translation.stream_content_type() {
        let is_streamed = translation.wants_stream() && status < 400;
        set_header(&headers, "content-type", if is_streamed { stream_type } else { JSON });
    }
    if status >= 400 {
        return Err(refused(asked, candidate, &translation, &response, headers, body));
    }
    let mut whole = translation.read(is_stream, &body.bytes).map_err(|error| {
        let name = &candidate.upstream.record.name;
        let error = without_secrets(error, &candidate.upstream.redactor(redactor::Place::Report));
        log_error("upstream answer", &format_args!("provider {name}: {}", error.message));
        broken_off(asked, candidate, error)
    })?;
    if let Some(is_stream) = whole.is_stream {
        set_header(&headers, "content-type", if is_stream { EVENTS } else { JSON });
    }
    let mut transcript = Transcript::default();
    match whole.answer.take() {
        Some(response) => transcript.keep_read_answer(Answered { response, is_whole: true }),
        None if body.bytes.len() <= MAX_ANSWER_TEXT => {
            transcript.keep_answer(asked.inbound.caller_dialect, Rc::clone(&body.bytes));
        }
        None => {}
    }
    let mut body = whole.body.take().map_or(body, Body::from_bytes);
    if let Some(guards) = asked.guards {
        let dialect = asked.inbound.caller_dialect;
        let stored = whole.kept.as_deref();
        let edited = rarely(guards.answer(dialect, &body.bytes, stored, &mut transcript)).await;
        if let Some(edited) = edited.map_err(AttemptError::from)? {
            whole.kept = edited.kept;
            body = Body::from_bytes(edited.told);
        }
    }
    if let Some(request) = translation.into_request() {
        transcript.keep_read_request(request);
    }
    let body = AcceptedBody::Whole(Box::new(Whole { body, answer: whole, memory }));
    let place = asked.cache.place(asked.exchange, candidate, &headers);
    Ok(Accepted { status, headers, body, transcript, first_byte_ms, place })
}

/// An error of the upstream.
#[inline(never)]
fn refused(
    asked: &Asked<'_>,
    candidate: &Candidate,
    translation: &Translation,
    response: &Received,
    headers: Headers,
    body: Body,
) -> Failed {
    let status = response.status;
    let bytes = body.into_bytes();
    let report = candidate.upstream.redactor(redactor::Place::Report);
    let header = |name: &str| response.header(name).map(|value| report.clean_text(value.to_owned()));
    let bytes = candidate.upstream.provider().error_body(&header, bytes);
    let info = translation.read_error(status, &bytes);
    let retry_after_ms = asked_rest_ms(response);
    let bytes = match translation.error(status, &bytes, &asked.exchange.request_id) {
        Some(translated) => {
            set_header(&headers, "content-type", JSON);
            translated
        }
        None => bytes,
    };
    Failed::of_upstream(status, info, retry_after_ms, Reply::Upstream { status, headers, bytes })
}

async fn receive_stream(asked: &Asked<'_>, candidate: &Candidate, answer: Begun) -> Result<Accepted, Failed> {
    let status = answer.response.status;
    let headers = answer.headers;
    if let Some(content_type) = answer.translation.stream_content_type() {
        set_header(&headers, "content-type", content_type);
    }
    set_header(&headers, "cache-control", "no-cache, no-transform");
    set_header(&headers, "x-accel-buffering", "no");
    let redactor = candidate.upstream.redactor(redactor::Place::Content);
    let mut pipe = answer.translation.pipe(&redactor);
    let caller_dialect = asked.inbound.caller_dialect;
    // The observer of the Responses API notes ids by itself.
    if matches!(answer.memory, Memory::Answer(_)) && caller_dialect != CallerDialect::OpenaiResponses {
        pipe = Box::new(IssuedPipe::new(pipe, caller_dialect));
    }
    if let Some(guards) = asked.guards {
        pipe = guards.pipe(pipe, caller_dialect, asked.inbound.as_array);
    }
    let mut relay = StreamRelay::new(
        asked.exchange,
        candidate,
        answer.response.body().as_ref(),
        pipe,
        answer.connection,
        answer.memory,
        dify_app::user(asked.principal, asked.inbound, candidate).as_deref(),
    );
    if let Err(error) = relay.wait_for_first_token().await {
        return Err(broken_off(asked, candidate, error));
    }
    let mut transcript = Transcript::default();
    if let Some(request) = answer.translation.into_request() {
        transcript.keep_read_request(request);
    }
    let place = asked.cache.place(asked.exchange, candidate, &headers);
    Ok(Accepted {
        status,
        headers,
        place,
        body: AcceptedBody::Stream(Box::new(relay)),
        transcript,
        first_byte_ms: answer.first_byte_ms,
    })
}

/// An answer that failed before its first token. No byte was sent to the caller, so the status reports it.
fn broken_off(asked: &Asked<'_>, candidate: &Candidate, error: ErrorInfo) -> Failed {
    match error.fault {
        Some(StreamFault::Truncated) => return received::broken_off(candidate).into(),
        Some(StreamFault::Idle) => {
            let error = ApiError::upstream_timeout("further data", candidate.idle_timeout_ms);
            return AttemptError::new(Failure::Stalled, error).into();
        }
        Some(StreamFault::Malformed) => return unreadable(candidate).into(),
        Some(StreamFault::UpstreamError | StreamFault::Blocked) | None => {}
    }
    let headers = Headers::new();
    set_header(&headers, "content-type", JSON);
    let error = without_secrets(error, &candidate.upstream.redactor(redactor::Place::Report));
    let bytes = registry::encode_error(asked.exchange.caller_dialect, &error, &asked.exchange.request_id);
    let reply = Reply::Upstream { status: error.status, headers, bytes };
    Failed::of_upstream(error.status, error, None, reply)
}

fn unreadable(candidate: &Candidate) -> AttemptError {
    let name = &candidate.upstream.record.name;
    AttemptError::unreadable(format!("The provider `{name}` answered with something that cannot be read."))
}

fn content_type(response: &Received) -> String {
    response.header("content-type").unwrap_or_default().to_ascii_lowercase()
}
