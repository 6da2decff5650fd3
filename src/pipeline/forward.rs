//! Operations without translation: embeddings, images, audio, rerank, moderations. The request goes to a provider
//! that offers the operation, with the upstream's name of the model spliced in if it differs, and the answer is
//! returned unchanged unless a guard changes its texts.
//!
//! Failover works as for chats: the same route, keys, circuit breakers, concurrency limits and deadlines, and the
//! same trail. Only an upload, which is streamed, cannot be sent twice: there is no failover once it was sent.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::inbound::{Inbound, with_model};
use nexus_edge_core::dialect::openai::response;
use nexus_edge_core::dialect::operation::Operation;
use nexus_edge_core::dialect::pipe::StreamFacts;
use nexus_edge_core::dialect::references;
use nexus_edge_core::dialect::registry;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::multipart::boundary;
use nexus_edge_core::provider::Call;
use nexus_edge_core::routing::bound::Demand;
use nexus_edge_core::routing::health::Caller;
use nexus_edge_core::routing::retry::Failure;
use nexus_edge_core::routing::{Candidate, Route};
use nexus_edge_core::secrets::redactor::Place;
use nexus_edge_core::stats::Outcome;
use nexus_edge_failover::{Answer, Question, Refused, Trail};
use nexus_edge_guards::spoken::{Form, has_texts};
use worker::wasm_bindgen::JsValue;

use super::admission::{self, Admission, Slot};
use super::admit::Shortening;
use super::failed::{AttemptError, Failed, Reply};
use super::guard::Guards;
use super::received::{self, has_body};
use super::record::{RequestRecord, set_cost, set_price_source};
use super::relay;
use super::resolve;
use super::settle;
use super::transport::Connection;
use super::upload::{Progress, Upload};
use super::upstream;
use super::upstream_health::{Hold, asked_rest_ms};
use super::{admit, authenticate, native_responses, ownership, recognise};
use crate::exchange::{Exchange, set_header};
use crate::platform::bytes::Body;
use crate::platform::http::{Headers, Received, Response, ResponseBody};
use crate::platform::{new_ulid, now_ms};
use crate::store::snapshot;

/// A larger answer, by its `content-length`, is forwarded without inspection.
const MAX_LOOKED_AT_BYTES: usize = 4 << 20;

/// Forwards a request for `operation`.
pub async fn forward(exchange: &Exchange, operation: Operation) -> Result<Response, ApiError> {
    let principal = authenticate::authenticate(exchange).await?;
    let conversation = recognise::named(exchange).unwrap_or_else(|| new_ulid(exchange.started_ms));
    let mut settlement = settle::begin(exchange, &principal, conversation);
    let served = serve(exchange, operation, &principal, settlement.record()).await;
    settlement.record().note_overhead(exchange);
    settlement.record().note_guards(exchange);
    match served {
        Ok((forwarded, hold)) => {
            let Forwarded { status, headers, body, bytes, facts, .. } = forwarded;
            set_header(&headers, "x-nexus-attempts", &settlement.record().trail.attempts().to_string());
            let record = settlement.record();
            set_price_source(&headers, record);
            record.event.status = status;
            record.event.answer_bytes = bytes;
            record.note_facts(&facts);
            operation.attribute(&mut record.event.usage);
            set_cost(&headers, record);
            settlement.keep_hold(hold);
            // The platform pipes the stream from now on, and closes the upstream if the caller disconnects.
            settlement.finish(Outcome::Completed);
            Ok(Response::new(status, headers, body))
        }
        Err(Reply::Gateway(error)) => {
            settlement.refuse(&error, exchange.is_caller_gone());
            Err(error)
        }
        Err(Reply::Upstream { status, headers, bytes }) => {
            set_header(&headers, "x-nexus-attempts", &settlement.record().trail.attempts().to_string());
            Ok(relay::relay_error(exchange, status, headers, bytes, settlement))
        }
    }
}

async fn serve(
    exchange: &Exchange,
    operation: Operation,
    principal: &Principal,
    record: &mut RequestRecord,
) -> Result<(Forwarded, Hold), Reply> {
    let conversation = record.event.conversation_id.clone();
    let content_type = exchange.header("content-type").unwrap_or_default();
    if let Some(boundary) = boundary(&content_type) {
        let mut upload = Upload::begin(exchange, boundary, Rc::clone(&record.uploaded)).await?;
        let snapshot = snapshot::current(exchange).await.map_err(ApiError::from)?;
        if snapshot.checks_named(principal, admit::pays(exchange, principal, &snapshot)) {
            upload.refuse_second_model(boundary)?;
        }
        let length = exchange.header("content-length").and_then(|length| length.parse().ok());
        let demand = || Demand::of_upload(operation, length);
        let guards = Guards::of(exchange, &snapshot, principal, &upload.model());
        if let Some(guards) = &guards {
            record.acted = Rc::clone(guards.acted());
        }
        let mut route = plan(exchange, operation, principal, &upload.model(), record, demand).await?;
        // It is consumed by sending it, and the body of one request cannot be sent by another.
        route.max_attempts = 1;
        route.hedge_after_ms = None;
        let sent = Sent::Upload { upload: RefCell::new(Some(upload)), content_type: &content_type };
        let RequestRecord { trail, admission, .. } = record;
        let admission = admission.as_ref();
        let guards = guards.as_ref();
        let conversation = &conversation;
        let asking = Forwarding { exchange, principal, operation, conversation, sent, admission, guards };
        return failover(&asking, &route, trail).await;
    }
    let mut body = exchange.body().await?;
    record.event.request_bytes = body.bytes.len() as u64;
    if let Some(named) = operation.default_model().and_then(|model| with_model(&body.bytes, model)) {
        body = Body::from_bytes(named);
    }
    let snapshot = snapshot::current(exchange).await.map_err(ApiError::from)?;
    let model = Inbound::parse_any(&body.bytes)?.model.into_owned();
    let guards = Guards::of(exchange, &snapshot, principal, &model);
    if let Some(guards) = &guards {
        record.acted = Rc::clone(guards.acted());
        if let Some(guarded) = guards.request(&body.bytes).await? {
            body = Body::from_bytes(guarded);
        }
    }
    let inbound = Inbound::parse_any(&body.bytes)?;
    snapshot.check_named(principal, &inbound, admit::pays(exchange, principal, &snapshot))?;
    let demand = || Demand::of_operation(&inbound, operation);
    let route = plan(exchange, operation, principal, &inbound.model, record, demand).await?;
    record.note_prompt_estimate(inbound.estimate_prompt_tokens());
    let RequestRecord { trail, admission, .. } = record;
    let (sent, admission) = (Sent::Json { inbound: &inbound, body: &body }, admission.as_ref());
    let (conversation, guards) = (&conversation, guards.as_ref());
    let asking = Forwarding { exchange, principal, operation, conversation, sent, admission, guards };
    failover(&asking, &route, trail).await
}

async fn failover(
    asking: &Forwarding<'_>,
    route: &Route,
    trail: &mut Trail,
) -> Result<(Forwarded, Hold), Reply> {
    let mut served = nexus_edge_failover::serve(asking, route, trail).await;
    admission::note_end(asking.exchange, asking.admission, &mut served);
    served
}

/// The route of the model.
async fn plan(
    exchange: &Exchange,
    operation: Operation,
    principal: &Principal,
    model: &str,
    record: &mut RequestRecord,
    demand: impl FnOnce() -> Demand,
) -> Result<Route, ApiError> {
    record.note_request(model, false);
    operation.name().clone_into(&mut record.event.dialect);
    let snapshot = snapshot::current(exchange).await?;
    let offer = |candidate: &Candidate| call_of(candidate, operation).map(|_| ());
    let mut route = resolve::resolve_operation(exchange, &snapshot, principal, model, offer)?;
    record.note_logical_model(&route);
    record.admission =
        admit::admit(exchange, principal, &snapshot, model, &mut route, Shortening::None, demand).await?;
    Ok(route)
}

fn call_of(candidate: &Candidate, operation: Operation) -> Result<Call, ApiError> {
    candidate.upstream.call(operation, &candidate.upstream_model).ok_or_else(|| {
        let name = &candidate.upstream.record.name;
        let message = format!("The provider `{name}` of this model does not offer this operation.");
        ApiError::invalid("unsupported_operation", "model", message)
    })
}

/// The request, for any candidate.
struct Forwarding<'a> {
    exchange: &'a Exchange,
    principal: &'a Principal,
    operation: Operation,
    conversation: &'a str,
    sent: Sent<'a>,
    /// What it has taken of its limits.
    admission: Option<&'a Admission>,
    /// The guards that concern the request.
    guards: Option<&'a Guards<'a>>,
}

/// The body.
enum Sent<'a> {
    /// A body that can be sent again.
    Json { inbound: &'a Inbound<'a>, body: &'a Body },
    /// A body that can be sent only once.
    Upload { upload: RefCell<Option<Upload>>, content_type: &'a str },
}

/// An answer to be returned.
struct Forwarded {
    status: u16,
    headers: Headers,
    body: ResponseBody,
    /// Bytes of the body; of one that is piped, those that its upstream announces, or 0.
    bytes: u64,
    facts: StreamFacts,
    first_byte_ms: u64,
}

impl Answer for Forwarded {
    fn status(&self) -> u16 {
        self.status
    }

    fn first_byte_ms(&self) -> u64 {
        self.first_byte_ms
    }
}

impl Question for Forwarding<'_> {
    type Answer = Forwarded;
    type Reply = Reply;
    type Platform = Exchange;

    fn platform(&self) -> &Exchange {
        self.exchange
    }

    fn caller(&self) -> Caller {
        Caller::named(self.principal.tenant())
    }

    fn prompt_tokens(&self) -> u64 {
        match &self.sent {
            Sent::Json { inbound, .. } => inbound.estimate_prompt_tokens(),
            Sent::Upload { .. } => 0,
        }
    }

    async fn admit(&self, candidate: &Candidate) -> Result<Option<Slot>, Refused> {
        admission::admit_attempt(self.exchange, self.admission, candidate).await
    }

    async fn ask(&self, candidate: &Candidate) -> Result<Forwarded, Failed> {
        let exchange = self.exchange;
        let call = call_of(candidate, self.operation)
            .map_err(|error| AttemptError::new(Failure::CapabilityMismatch, error))?;
        let (body, content_type, progress) = self.body_for(candidate).await?;
        let request =
            upstream::build_request(exchange, self.principal, candidate, call, body, content_type).await?;
        let sent_ms = now_ms();
        let (response, connection) = match progress {
            None => upstream::send(exchange, candidate, &request).await?,
            Some(progress) => upstream::send_upload(exchange, candidate, &request, progress).await?,
        };
        let first_byte_ms = now_ms().saturating_sub(sent_ms);
        let received = self.receive(candidate, &response, connection, first_byte_ms).await;
        received.map_err(|failed| failed.after(first_byte_ms))
    }
}

impl Forwarding<'_> {
    /// The body for this candidate, its content type, and how far it has been passed on if it is an upload.
    async fn body_for(
        &self,
        candidate: &Candidate,
    ) -> Result<(JsValue, &str, Option<Progress>), AttemptError> {
        let (inbound, body) = match &self.sent {
            Sent::Json { inbound, body } => (inbound, body),
            Sent::Upload { upload, content_type } => {
                let upload = upload.borrow_mut().take();
                let upload = upload.ok_or_else(ApiError::internal)?;
                let (body, progress) = upload.into_body(&candidate.upstream_model);
                return Ok((body, content_type, Some(progress)));
            }
        };
        let is_responses = self.operation == Operation::CompactResponse;
        let dialect = if is_responses { CallerDialect::OpenaiResponses } else { CallerDialect::OpenaiChat };
        let references = references::find(dialect, &body.bytes)?.references;
        ownership::check(self.exchange, self.principal, references.iter(), candidate).await?;
        let named = if is_responses {
            native_responses::check_previous(self.exchange, self.principal, inbound, candidate).await?;
            candidate.upstream.body_model(&candidate.upstream_model)
        } else {
            None
        };
        let model = named.as_deref().unwrap_or(&candidate.upstream_model);
        Ok((body.to_js(inbound.native_body(model, false)).into(), "application/json", None))
    }

    /// The guards that judge an answer, and how it is written; `None` if no guard does, or there are no texts in it.
    fn guarded(&self, response: &Received) -> Option<(&Guards<'_>, Form)> {
        let guards = self.guards.filter(|guards| has_texts(self.operation) && guards.judge_answers())?;
        Some((guards, Form::of(response.header("content-type")?)?))
    }

    /// The answer unchanged: inspected if it is JSON of a reasonable size, otherwise streamed.
    async fn receive(
        &self,
        candidate: &Candidate,
        response: &Received,
        connection: Connection,
        first_byte_ms: u64,
    ) -> Result<Forwarded, Failed> {
        let status = response.status;
        let headers = received::caller_headers(self.exchange, candidate, response, first_byte_ms);
        if !self.conversation.is_empty() {
            set_header(&headers, "x-conversation-id", self.conversation);
        }
        let is_json =
            response.header("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("json"));
        let is_large = response
            .header("content-length")
            .and_then(|length| length.parse().ok())
            .is_some_and(|length: usize| length > MAX_LOOKED_AT_BYTES);
        let guarded = if status < 400 && has_body(status) { self.guarded(response) } else { None };
        if status < 400 && has_body(status) && guarded.is_none() && (!is_json || is_large) {
            connection.release();
            let body = received::streamed(candidate, response);
            let bytes = received::announced_bytes(response);
            let facts = StreamFacts::default();
            return Ok(Forwarded { status, headers, body, bytes, facts, first_byte_ms });
        }
        let body = received::read_whole(candidate, response).await?;
        connection.release();
        if status >= 400 {
            return Err(self.refused(candidate, response, status, headers, body));
        }
        let mut body = body;
        if let Some((guards, form)) = guarded
            && let Some(told) = guards.forwarded(form, &body.bytes).await.map_err(AttemptError::from)?
        {
            body = Body::from_bytes(told);
        }
        let bytes = if has_body(status) { body.bytes.len() as u64 } else { 0 };
        let (facts, body) = if has_body(status) && is_json {
            match response::inspect_operation(&body.bytes) {
                Ok(facts) => (facts, body.into_response()),
                // An error with a success status.
                Err(error) => return Err(self.refused(candidate, response, error.status, headers, body)),
            }
        } else if has_body(status) {
            (StreamFacts::default(), body.into_response())
        } else {
            (StreamFacts::default(), ResponseBody::Empty)
        };
        Ok(Forwarded { status, headers, body, bytes, facts, first_byte_ms })
    }

    /// An error of the upstream, which is returned unchanged if no other candidate is left and it is JSON.
    fn refused(
        &self,
        candidate: &Candidate,
        response: &Received,
        status: u16,
        headers: Headers,
        body: Body,
    ) -> Failed {
        // An error with a success status was searched as content only.
        let bytes = body.cleaned(&candidate.upstream.redactor(Place::Report)).into_bytes();
        let info = candidate.upstream.record.codec().decode_error(status, &bytes);
        let Exchange { caller_dialect, request_id, .. } = self.exchange;
        let bytes = match registry::replace_unreadable_error(*caller_dialect, &bytes, &info, request_id) {
            Some(replaced) => {
                set_header(&headers, "content-type", "application/json");
                replaced
            }
            None => bytes,
        };
        Failed::of_upstream(status, info, asked_rest_ms(response), Reply::Upstream { status, headers, bytes })
    }
}
