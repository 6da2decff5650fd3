//! Calls of tools: who called which, and how that ended.

use nexus_edge_stats::tool_calls::ToolCall;
use serde::Serialize;

use crate::declare::operations;

operations! {
    "Tools";

    /// Search the calls of tools.
    ///
    /// The newest first, without what they said and what they returned. They are there a moment after their end, and for as many days as
    /// rows of the request log are in the database. A page looks at 20,000 rows at most: where few of them fit, it may have fewer rows
    /// than asked for, or none, and still be followed by another.
    SEARCH: Get "/tool-calls" ViewAllRequests / ViewOwnRequests, |it| it
        .number("from", 0..=1 << 53, "From this time on, in milliseconds since the epoch.").number("to", 0..=1 << 53, "Before this time.")
        .text("server", "Only those of this server: its id, `agent/{id}/{server}` or `agent/{id}`.").text("tool", "Only those of this tool.")
        .text("key", "Only those of this API key, by its id.").text("owner", "Only those of keys of this owner.")
        .choice("caller", &["mcp", "chat", "bridge"], "Only those that this called.")
        .choice("status", &["ok", "tool_error", "input_required", "refused", "failed", "cancelled"], "Only those that ended so.")
        .text("request_id", "Only those of the request with this `x-request-id`.").text("conversation", "Only those of this conversation.")
        .number("limit", 1..=500, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<ToolCallPage>(200, "A page of calls.");
}

/// A page of calls.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ToolCallPage {
    /// The calls, the newest first.
    pub tool_calls: Vec<ToolCall>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}
