//! What is asked of an endpoint, and how it is answered.

use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::{Item, Kind, page};
use nexus_edge_mcp::envelope::{Freshness, result_for};
use nexus_edge_mcp::json::{Members, string, to_raw};
use nexus_edge_mcp::rpc::{Id, Message, Outcome, Request, Response as RpcResponse, RpcError, code};
use nexus_edge_mcp::server::{Caller, ServerIdentity, http_status};
use nexus_edge_mcp::version::Era;

use super::endpoint::Face;
use crate::exchange::{self, Exchange};
use crate::platform::http::{Headers, Response};

/// Tools of a page.
const PAGE: usize = 200;
/// How long a client may keep a list.
pub(super) const FRESHNESS: Freshness = Freshness { ttl_ms: 30_000, public: false };

/// A request and who asks it, where.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) principal: &'a Principal,
    pub(super) face: &'a Face,
    pub(super) request: &'a Request,
    pub(super) caller: &'a Caller,
    pub(super) identity: &'a ServerIdentity,
    /// Whether the answer may be a stream of events.
    pub(super) reads_events: bool,
}

/// An answer: the status, and the response.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) response: RpcResponse,
}

impl Answered {
    /// An outcome of a request.
    pub(super) fn of(era: Era, id: Id, outcome: Outcome) -> Self {
        let response = RpcResponse { id: Some(id), outcome };
        Self { status: http_status(era, &response), response }
    }

    /// An error of the gateway as the answer to a request, in either era.
    pub(super) fn failed(id: &Id, error: &ApiError) -> Self {
        Self { status: 200, response: RpcResponse::error(Some(id.clone()), failure(error)) }
    }
}

/// The answers as a body; several share the status 200.
pub(super) fn written(answers: &[Answered], is_batch: bool) -> Response {
    let lines: Vec<String> =
        answers.iter().map(|answer| Message::from(answer.response.clone()).to_line()).collect();
    let status = answers.first().filter(|_| !is_batch).map_or(200, |answer| answer.status);
    let body = if is_batch { format!("[{}]", lines.join(",")) } else { lines.concat() };
    exchange::json_bytes(status, Headers::new(), body.into_bytes())
}

pub(super) fn refused(era: Era, id: &Id, error: RpcError) -> Answered {
    let response = RpcResponse::error(Some(id.clone()), error);
    Answered { status: http_status(era, &response), response }
}

/// The page of a list that a request asks for.
pub(super) fn page_of(asked: &Asked<'_>, kind: Kind, items: &[Item], unavailable: &[String]) -> Outcome {
    let params = Members::of(asked.request.params.as_deref()).unwrap_or_default();
    let page = match page(kind, items, params.text("cursor").as_deref(), PAGE) {
        Ok(page) => page,
        Err(fault) => return Outcome::Error(RpcError::invalid_params(fault.to_string())),
    };
    let mut result = Members::of(Some(&page.result)).unwrap_or_default();
    if !unavailable.is_empty() {
        let mut meta = Members::default();
        meta.set("nexus/unavailable", to_raw(&unavailable));
        result.set("_meta", meta.write());
    }
    let info = Some(&*asked.identity.info);
    Outcome::Result(result_for(asked.caller.version, kind.method(), &result.write(), info, FRESHNESS))
}

/// An error of the gateway inside an answer.
pub(super) fn failure(error: &ApiError) -> RpcError {
    let mut data = Members::default();
    data.set("code", string(error.code));
    if let Some(seconds) = error.retry_after_s {
        data.set("retry_after", to_raw(&seconds));
    }
    RpcError::new(code::INTERNAL, error.message.clone()).with_data(&data.write())
}
