//! Exports of the request log, the statistics and the archive.

use nexus_edge_core::input;
use nexus_edge_core::input::{boolean, one_of, text};
use nexus_edge_exports::format::Format;
use serde::Serialize;

use crate::declare::operations;
#[cfg(feature = "openapi")]
use crate::parameters::{export, log_filters, window};

#[cfg(feature = "openapi")]
const CURSOR: &str = "`next_cursor` at the end of an export that was not complete.";

#[cfg(feature = "openapi")]
fn requests<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    export(log_filters(it)).text("cursor", CURSOR)
}

#[cfg(feature = "openapi")]
fn statistics<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    use nexus_edge_stats::query::MAX_GROUPS;
    use nexus_edge_stats::series::Dimension;
    let names = Dimension::ALL.map(Dimension::as_str);
    export(window(it))
        .choice("by", &names, "The groups of this dimension instead of figures over time.")
        .choice("group_by", &names, "Figures over time for each of the largest groups.")
        .number("limit", 1..=MAX_GROUPS, "Groups; 10 is the default.")
}

#[cfg(feature = "openapi")]
fn conversations<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    export(it)
        .text("search", "Only those in which this was said.")
        .text("model", "Only those of this model.")
        .number(
            "from",
            0..=1 << 53,
            "Only those that went on after this time, in milliseconds since the epoch.",
        )
        .number("to", 0..=1 << 53, "Only those that began before this time.")
        .text("cursor", CURSOR)
}

operations! {
    "Exports";

    /// Export the request log.
    ///
    /// The newest first, with the filters of `GET /requests`, streamed while it is read.
    REQUESTS: Get "/export/requests" ViewAllRequests, |it| requests(it);

    /// Export statistics.
    ///
    /// A row for each bucket, and each of the largest groups if grouped; or with `by` a row for each group.
    STATISTICS: Get "/export/statistics" ViewAllStatistics, |it| statistics(it);

    /// Export conversations.
    ///
    /// A row for each message, those of a conversation in their order; conversations by API key and id.
    CONVERSATIONS: Get "/export/conversations" ViewAllConversations, |it| conversations(it).text("key_id", "Only those of this API key.");

    /// Export my requests.
    MY_REQUESTS: Get "/v1/export/requests" Caller, |it| requests(it);

    /// Export my statistics.
    MY_STATISTICS: Get "/v1/export/statistics" Caller, |it| statistics(it);

    /// Export my conversations.
    MY_CONVERSATIONS: Get "/v1/export/conversations" Caller, |it| conversations(it);

    /// Begin an export as a job.
    ///
    /// For exports that are too large for one answer. The cron goes on with it; its file is kept for seven days.
    CREATE: Post "/exports" ExportAllData, |it| it.body::<ExportInput>().answer::<ExportView>(202, "The export.");

    /// List the exports.
    LIST: Get "/exports" ExportAllData, |it| it.answer::<Exports>(200, "The exports, the newest first.");

    /// Show an export.
    ///
    /// How far it is and, when it is complete, a link to its file that is valid for a day.
    GET: Get "/exports/{id}" ExportAllData, |it| it.answer::<ExportView>(200, "The export.").errors(&[(404, "export_not_found")]);

    /// Delete an export.
    DELETE: Delete "/exports/{id}" ExportAllData, |it| it.deleted("string").errors(&[(404, "export_not_found")]);

    /// Download an export.
    ///
    /// By the link of `GET /exports/{id}`, which needs no header and expires.
    DOWNLOAD: Get "/exports/{id}/download" Public, |it| it.number("expires", 0..=1 << 53, "When the link expires.")
        .text("signature", "Its signature.")
        .answer_header("x-nexus-rows", "Rows of the file.").answer_header("x-nexus-sha256", "The SHA-256 of the file.")
        .file("application/x-ndjson", "The file.")
        .errors(&[(403, "invalid_link"), (403, "link_expired"), (404, "export_not_found"), (409, "export_not_complete")]);
}

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request log.
    Requests,
    /// The archive.
    Conversations,
}

impl Kind {
    /// All, by name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("requests", Self::Requests), ("conversations", Self::Conversations)];
}

input! {
    /// An export.
    pub struct ExportInput {
        /// What is exported.
        pub kind: Kind = one_of(Kind::NAMES),
        /// NDJSON is the default.
        pub format: Format = one_of(FORMATS),
        /// Whether CSV begins with a byte order mark, by which spreadsheets recognise UTF-8.
        pub bom: bool = boolean(),
        /// The filters, as in the query string of `GET /export/requests` or `GET /export/conversations`.
        pub filters: String = text(0..=4_000),
    }
}

/// The formats by name.
const FORMATS: &[(&str, Format)] = &Format::NAMES;

/// The exports.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Exports {
    /// The newest first.
    pub exports: Vec<ExportView>,
}

/// An export. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ExportView {
    /// Its id.
    pub id: String,
    /// What is exported: `requests` or `conversations`.
    pub kind: String,
    /// `csv`, `json` or `ndjson`.
    pub format: &'static str,
    /// The filters.
    pub filters: String,
    /// `running`, `done` or `failed`.
    pub state: String,
    /// When it was asked for.
    pub created_at: u64,
    /// When it went on last.
    pub updated_at: u64,
    /// When it is deleted.
    pub deleted_at: u64,
    /// Rows so far.
    pub rows: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// The SHA-256 of the file, when it is complete.
    pub sha256: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// The path of its file, when it is complete. It needs no header and expires a day after this answer.
    pub download: Option<String>,
}

/// The columns of an exported request: the fields of [`crate::stats::LoggedRequest`].
pub const REQUEST_COLUMNS: &[&str] = &[
    "id",
    "ts",
    "request_id",
    "key_id",
    "owner",
    "provider_id",
    "provider_name",
    "model",
    "upstream_model",
    "logical_model",
    "app",
    "dialect",
    "stream",
    "status",
    "outcome",
    "error_code",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "cache_written_tokens",
    "cache_written_1h_tokens",
    "reasoning_tokens",
    "usage_source",
    "usage_suspect",
    "first_byte_ms",
    "duration_ms",
    "overhead_ms",
    "request_bytes",
    "answer_bytes",
    "conversation_id",
    "cost_micros",
    "price_source",
    "price_table",
    "tags",
    "guards",
    "attempts",
    "rounds",
    "tool_calls",
];

/// The columns of an exported message: the fields of [`ExportedMessage`].
pub const MESSAGE_COLUMNS: &[&str] = &[
    "conversation_id",
    "key_id",
    "parent_id",
    "title",
    "first_seen",
    "last_seen",
    "message_id",
    "timestamp",
    "role",
    "content",
    "tokens_count",
    "model",
    "finish_reason",
];

/// A message with its conversation. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
pub struct ExportedMessage<'a> {
    /// The conversation.
    pub conversation_id: &'a str,
    /// Its API key.
    pub key_id: &'a str,
    /// The conversation that it branched off.
    pub parent_id: Option<&'a str>,
    /// How it began.
    pub title: Option<&'a str>,
    /// Its first request.
    pub first_seen: u64,
    /// Its last request.
    pub last_seen: u64,
    /// The message.
    pub message_id: &'a str,
    /// When it was first seen.
    pub timestamp: u64,
    /// Whose it is.
    pub role: &'a str,
    /// What was said; `null` where only metadata are kept.
    pub content: Option<&'a str>,
    /// Its tokens.
    pub tokens_count: u64,
    /// The model of the conversation then.
    pub model: &'a str,
    /// Why it ended.
    pub finish_reason: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nexus_edge_core::stats::UsageEvent;
    use nexus_edge_stats::log_row;

    use super::*;
    use crate::stats::LoggedRequest;

    fn check(row: &impl Serialize, columns: &[&str]) {
        let row = serde_json::to_value(row).unwrap();
        let fields: BTreeSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, columns.iter().copied().collect());
    }

    #[test]
    fn every_field_has_a_column() {
        check(&LoggedRequest::of(&UsageEvent::default()).unwrap(), REQUEST_COLUMNS);
        let stored: BTreeSet<&str> = log_row::COLUMNS.iter().copied().collect();
        assert_eq!(stored, REQUEST_COLUMNS.iter().copied().collect());
        let message = ExportedMessage {
            conversation_id: "",
            key_id: "",
            parent_id: None,
            title: None,
            first_seen: 0,
            last_seen: 0,
            message_id: "",
            timestamp: 0,
            role: "",
            content: None,
            tokens_count: 0,
            model: "",
            finish_reason: None,
        };
        check(&message, MESSAGE_COLUMNS);
    }
}
