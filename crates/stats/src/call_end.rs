//! How a call of a tool ended, as its record says it.

use nexus_edge_mcp::json::Members;
use nexus_edge_mcp::mrtr::InputRequired;
use nexus_edge_mcp::rpc::Outcome;
use serde::Deserialize;

use crate::tool_calls::{CallStatus, ToolCall};

/// Longest code in a record, in characters: codes of servers are theirs.
const MAX_CODE: usize = 64;

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEnd {
    /// How it ended.
    pub status: CallStatus,
    /// Why it has no result: a code of the gateway, or the number of a server's error.
    pub code: Option<String>,
    /// Bytes of the result.
    pub bytes: u64,
}

impl CallEnd {
    /// The end of a call that was answered.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Result(result) => {
                let is_error = || {
                    let members = Members::of(Some(result)).unwrap_or_default();
                    members.get("isError").is_some_and(|flag| flag.get() == "true")
                };
                let status = match InputRequired::read(result) {
                    Ok(Some(_)) | Err(_) => CallStatus::InputRequired,
                    Ok(None) if is_error() => CallStatus::ToolError,
                    Ok(None) => CallStatus::Ok,
                };
                Self { status, code: None, bytes: result.get().len() as u64 }
            }
            Outcome::Error(error) => {
                #[derive(Deserialize)]
                struct Data {
                    code: String,
                }
                let data = error.data.as_ref().map(|data| serde_json::from_str::<Data>(data.get()));
                match data {
                    Some(Ok(Data { code })) => Self::failed(&code),
                    _ => Self { status: CallStatus::ToolError, code: Some(error.code.to_string()), bytes: 0 },
                }
            }
        }
    }

    /// The end of a call that got no result.
    #[must_use]
    pub fn failed(code: &str) -> Self {
        let code = code.chars().take(MAX_CODE).collect();
        Self { status: CallStatus::Failed, code: Some(code), bytes: 0 }
    }

    /// The end of a call that was not made.
    #[must_use]
    pub fn refused(code: &str) -> Self {
        Self { status: CallStatus::Refused, ..Self::failed(code) }
    }

    /// Writes it into a record.
    pub fn write_to(self, call: &mut ToolCall) {
        (call.status, call.error_code, call.bytes_out) = (self.status, self.code, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_mcp::json::raw;
    use nexus_edge_mcp::rpc::RpcError;

    fn end(result: &str) -> CallStatus {
        CallEnd::of(&Outcome::Result(raw(result.to_owned()).unwrap())).status
    }

    #[test]
    fn results_and_errors_are_told_apart() {
        assert_eq!(end(r#"{"content":[]}"#), CallStatus::Ok);
        assert_eq!(end(r#"{"content":[],"isError":true}"#), CallStatus::ToolError);
        assert_eq!(end(r#"{"content":[{"isError":true}],"isError":false}"#), CallStatus::Ok);
        assert_eq!(end(r#"{"resultType":"input_required","inputRequests":{}}"#), CallStatus::InputRequired);
        let error = |data: Option<serde_json::Value>| {
            let error = RpcError::new(-32_050, "broken");
            CallEnd::of(&Outcome::Error(match data {
                Some(data) => error.with_data(&data),
                None => error,
            }))
        };
        let own = error(None);
        assert_eq!((own.status, own.code.as_deref()), (CallStatus::ToolError, Some("-32050")));
        let lost = error(Some(serde_json::json!({ "code": "agent_lost" })));
        assert_eq!((lost.status, lost.code.as_deref()), (CallStatus::Failed, Some("agent_lost")));
        let mut call = ToolCall::default();
        CallEnd::refused("tool_changed").write_to(&mut call);
        assert_eq!((call.status, call.error_code.as_deref()), (CallStatus::Refused, Some("tool_changed")));
    }
}
