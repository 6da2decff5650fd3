//! What a server wants back with the answers to its questions, as the client holds it: sealed.
//!
//! Guarantee: it is opened only for the key, the server and the request that it was given for, and for ten minutes. No state is passed on
//! as it is, in either direction.

use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::json::{Members, string, text_of};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::mrtr::{HeldState, InputResponses};
use nexus_edge_mcp::rpc::{RpcError, code};
use serde_json::value::RawValue;

use super::asked::failure;
use crate::host::Host;
use crate::pipeline::mcp::Server;
use crate::platform::{log_error, now_ms, random_bytes};

/// The member of parameters and results.
const STATE: &str = "requestState";

/// The error for a state that is not good for the request, or not any more.
pub(super) fn invalid_state() -> RpcError {
    let message = "`requestState` was not given for this request, or more than ten minutes ago";
    let data = serde_json::json!({ "code": "request_state_invalid" });
    RpcError::invalid_params(message).with_data(&data)
}

/// The states of one request.
pub(super) struct Held {
    /// What they are bound to; `None` where the method has none, or the parameters cannot be read.
    context: Option<String>,
}

impl Held {
    /// Those of a request with the server's own names in its parameters.
    pub(super) fn of(key_id: &str, server: &Server, method: Method, params: &RawValue) -> Self {
        let request = InputResponses::read(Some(params)).ok().filter(|_| method.may_need_input());
        let fingerprint = request.and_then(|request| request.fingerprint(method.as_str()).ok());
        let server = server.name();
        Self { context: fingerprint.map(|request| format!("mcp/state/{key_id}/{server}/{request}")) }
    }

    /// Whether the caller can be asked for input: not where the answer could not be told from one to another request.
    pub(super) const fn can_be_asked(&self) -> bool {
        self.context.is_some()
    }

    /// The parameters with the state that the server gave.
    ///
    /// # Errors
    /// The state was not given for this request, or too long ago.
    pub(super) fn opened(&self, host: &Host, params: &RawValue) -> Result<Box<RawValue>, RpcError> {
        let mut members = Members::of(Some(params)).unwrap_or_default();
        // Some clients write `null` for none.
        let Some(sealed) = members.get(STATE).filter(|state| state.get() != "null") else {
            return Ok(params.to_owned());
        };
        let (Some(context), Some(sealed)) = (&self.context, text_of(sealed)) else {
            return Err(invalid_state());
        };
        let opened = host.settings.keyring.open(&sealed, context).ok();
        let state = opened.and_then(|text| HeldState::read(text.expose(), now_ms()));
        let Some(state) = state else { return Err(invalid_state()) };
        members.set(STATE, string(&state));
        Ok(members.write())
    }

    /// A result that needs input with its state sealed.
    ///
    /// # Errors
    /// It cannot be sealed, or the request cannot be asked again.
    pub(super) fn sealed(
        &self,
        host: &Host,
        result: &RawValue,
        state: Option<String>,
    ) -> Result<Box<RawValue>, RpcError> {
        let Some(state) = state else { return Ok(result.to_owned()) };
        let Some(context) = &self.context else {
            let message = "the server asks for input, and this request cannot be asked again with it";
            return Err(RpcError::new(code::INTERNAL, message));
        };
        let failed = |error: &dyn std::fmt::Display| {
            log_error("mcp state", error);
            failure(&ApiError::internal())
        };
        let nonce = random_bytes().map_err(|error| failed(&error))?;
        let text = HeldState::new(state, now_ms()).to_text();
        let sealed = host.settings.keyring.seal(&text, context, nonce).map_err(|error| failed(&error))?;
        let mut members = Members::of(Some(result)).unwrap_or_default();
        members.set(STATE, string(&sealed));
        Ok(members.write())
    }
}
