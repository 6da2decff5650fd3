//! The items that stand for lists of tools, calls and requests for agreement.
//!
//! `OpenAI`'s API reference: `McpListTools`, `McpCall`, `McpApprovalRequest`, `McpApprovalResponse`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nexus_edge_core::json::lenient::Object;
use nexus_edge_core::json::splice::quote;
use serde::{Deserialize, Serialize};

use crate::json::as_object;
use crate::merge::rounds::Told;
use crate::tool::Shown;

/// Before the id of a call in the id of its item.
pub(crate) const CALL_ID: &str = "mcp_";
/// Before the call in the id of a request for agreement.
const REQUEST_ID: &str = "mcpr_";

/// A call that waits for agreement. It is the id of the request, as an answer to that has nothing else where the history is not sent
/// back. It needs no seal: callers may call the tool themselves, and what they may call is checked when it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agreement {
    /// The id of the call.
    #[serde(rename = "c")]
    pub(crate) call_id: String,
    /// The name of the function.
    #[serde(rename = "n")]
    pub(crate) name: String,
    /// The arguments.
    #[serde(rename = "a")]
    pub(crate) arguments: String,
}

/// The call that a request for agreement is about; `None` if its id is not one of ours.
#[must_use]
pub(crate) fn agreement_of(id: &str) -> Option<Agreement> {
    let bytes = URL_SAFE_NO_PAD.decode(id.strip_prefix(REQUEST_ID)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// A list of tools.
pub(super) fn list_item(id: &str, label: &str, tools: &str) -> String {
    format!(
        "{{\"id\":{},\"type\":\"mcp_list_tools\",\"server_label\":{},\"tools\":{tools}}}",
        quote(id),
        quote(label)
    )
}

/// A call, with its result if there is one.
pub(super) fn call_item(
    id: &str,
    shown: &Shown,
    arguments: &str,
    status: &str,
    result: Option<&Told>,
    agreed_by: Option<&str>,
) -> String {
    let quoted = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quote);
    let output = result.filter(|told| !told.is_error).map(|told| told.text.as_str());
    let error = result.filter(|told| told.is_error).map(|told| told.text.as_str());
    format!(
        "{{\"id\":{},\"type\":\"mcp_call\",\"status\":\"{status}\",\"approval_request_id\":{},\"arguments\":{},\"error\":{},\"name\":{},\"output\":{},\"server_label\":{}}}",
        quote(id),
        quoted(agreed_by),
        quote(arguments),
        quoted(error),
        quote(&shown.name),
        quoted(output),
        quote(&shown.server),
    )
}

/// A request for agreement to a call, given by the item of its function.
pub(super) fn approval_item(call: &Object<'_>, shown: &Shown) -> String {
    let text = |name: &str| call.text(name).unwrap_or_default().into_owned();
    let arguments = as_object(&text("arguments")).to_owned();
    let agreement = Agreement { call_id: text("call_id"), name: text("name"), arguments };
    let id = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&agreement).unwrap_or_default());
    format!(
        "{{\"id\":\"{REQUEST_ID}{id}\",\"type\":\"mcp_approval_request\",\"arguments\":{},\"name\":{},\"server_label\":{}}}",
        quote(&agreement.arguments),
        quote(&shown.name),
        quote(&shown.server),
    )
}
