//! A request on its way to a server, and its answer for the caller.

use futures::FutureExt;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::address::with_addresses;
use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::envelope::{Freshness, result_for};
use nexus_edge_mcp::json::Members;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::mrtr::InputRequired;
use nexus_edge_mcp::notes::{Wanted, without_token};
use nexus_edge_mcp::rpc::{Id, Outcome, RpcError, code};
use nexus_edge_mcp::server::{Caller, ServerIdentity, error_for};
use nexus_edge_mcp::version::Era;
use nexus_edge_stats::call_end::CallEnd;
use serde_json::value::RawValue;

use super::asked::{Answered, Asked, failure};
use super::endpoint::Face;
use super::held::Held;
use super::holding::held;
use super::underway::Underway;
use crate::host::Host;
use crate::pipeline::mcp::{Call, Calling, Notes, Server};
use crate::platform::{log_info, new_ulid, now_ms};

/// How long a client may keep what a server said without saying how long.
const NOT_FRESH: Freshness = Freshness { ttl_ms: 0, public: false };

/// A request on its way.
pub(super) struct Job {
    host: Host,
    server: Server,
    method: Method,
    /// The definition of the tool that is called, and the record of the call.
    tool: Option<(Item, Calling)>,
    params: Box<RawValue>,
    tenant: String,
    key_id: String,
    caller: Caller,
    identity: ServerIdentity,
    id: Id,
    /// Whether the caller sees the resources of several servers.
    is_beside_others: bool,
    held: Held,
    notes: Option<Notes>,
}

impl Job {
    /// The request with the server's own names in its parameters.
    ///
    /// # Errors
    /// It is asked again with a state that was not given for it.
    pub(super) fn new(
        asked: Asked<'_>,
        server: Server,
        method: Method,
        tool: Option<(Item, Calling)>,
        params: &RawValue,
    ) -> Result<Self, RpcError> {
        let Asked { exchange, principal, face, request, caller, identity, reads_events } = asked;
        let held = Held::of(&principal.key_id, &server, method, params);
        let params = &match held.opened(exchange, params) {
            Ok(params) => params,
            Err(error) => {
                if let Some((_, calling)) = tool {
                    calling.end(CallEnd::refused("request_state_invalid"));
                }
                return Err(error);
            }
        };
        let notes = reads_events.then(|| Notes::new(Wanted::by(caller, Id::Text(new_ulid(now_ms())))));
        let with_token = match &notes {
            Some(notes) => notes.wanted().params(params),
            None => without_token(params),
        };
        Ok(Self {
            host: (**exchange).clone(),
            server,
            method,
            tool,
            params: with_token.unwrap_or_else(|_| Members::default().write()),
            tenant: principal.tenant().to_owned(),
            key_id: principal.key_id.clone(),
            caller: caller.clone(),
            identity: identity.clone(),
            id: request.id.clone(),
            is_beside_others: matches!(face, Face::Several(selection) if !selection.is_of_tools()),
            held,
            notes,
        })
    }

    /// Sends it when it is waited for.
    pub(super) fn start(self) -> Underway {
        let notes = self.notes.clone();
        Underway::new(self.run().boxed_local(), notes)
    }

    async fn run(mut self) -> Answered {
        let era = self.caller.version.era();
        let began_ms = now_ms();
        let outcome = self.ask().await;
        self.note_end(&outcome, now_ms().saturating_sub(began_ms));
        let outcome = match outcome {
            Ok(Outcome::Result(result)) => self.passed_on(&result),
            Ok(Outcome::Error(error)) => Outcome::Error(error_for(era, self.method, error)),
            Err(error) => Outcome::Error(failure(&error)),
        };
        Answered::of(era, self.id, outcome)
    }

    /// The record of a call, and for all else a line of the log.
    fn note_end(&mut self, outcome: &Result<Outcome, ApiError>, took_ms: u64) {
        if let Some((_, calling)) = self.tool.take() {
            calling.end(match outcome {
                Ok(outcome) => CallEnd::of(outcome),
                Err(error) => CallEnd::failed(error.code),
            });
            return;
        }
        let word = match outcome {
            Ok(Outcome::Result(_)) => "answered",
            Ok(Outcome::Error(_)) => "refused",
            Err(_) => "failed",
        };
        let (key, server, method) = (&self.key_id, self.server.name(), self.method.as_str());
        log_info("mcp", &format_args!("key {key}: {server} {method} {word}, {took_ms} ms"));
    }

    async fn ask(&self) -> Result<Outcome, ApiError> {
        let can_be_asked = self.held.can_be_asked();
        let capabilities =
            if can_be_asked { self.caller.capabilities.write() } else { Members::default().write() };
        let call = Call {
            params: &self.params,
            capabilities: &capabilities,
            tenant: &self.tenant,
            key_id: &self.key_id,
            notes: self.notes.as_ref(),
            person: None,
        };
        if can_be_asked
            && let Some(outcome) = held(&self.host, &self.server, self.method, &self.caller, &call).await?
        {
            return Ok(outcome);
        }
        match &self.tool {
            Some((tool, _)) => self.server.call(&self.host, tool, &call).await,
            None => self.server.ask(&self.host, self.method, &call).await,
        }
    }

    /// A result of the server for this caller: what needs input that the caller cannot give is an error.
    fn passed_on(&self, result: &RawValue) -> Outcome {
        match InputRequired::read(result) {
            Ok(None) => {}
            Ok(Some(_)) if self.caller.version.era() == Era::Legacy => {
                let message = "the server needs input, which clients of this version cannot be asked for";
                return Outcome::Error(RpcError::new(code::INTERNAL, message));
            }
            Ok(Some(needed)) => {
                if let Some(error) = needed.refused_by(&self.caller.capabilities) {
                    return Outcome::Error(error);
                }
                return match self.held.sealed(&self.host, result, needed.state) {
                    Ok(result) => self.written(&result),
                    Err(error) => Outcome::Error(error),
                };
            }
            Err(_) => {
                let message = "the server asks for input in a way that is not of the protocol";
                return Outcome::Error(RpcError::new(code::INTERNAL, message));
            }
        }
        let result = if self.is_beside_others {
            with_addresses(self.method, result, &self.server.target(""))
        } else {
            result.to_owned()
        };
        self.written(&result)
    }

    fn written(&self, result: &RawValue) -> Outcome {
        let info = Some(&*self.identity.info);
        Outcome::Result(result_for(self.caller.version, self.method, result, info, NOT_FRESH))
    }
}
