//! Statistics and the request log.

use std::collections::BTreeMap;

use nexus_edge_core::row::{flag, json_or_default};
use nexus_edge_core::stats::AttemptRecord;
use serde::{Deserialize, Serialize};

use crate::operation::operations;

operations! {
    "Statistics";

    /// Show the grand totals.
    TOTAL: Get "/stats/total" Admin, |it| it.answer::<TotalStats>(200, "The totals.");

    /// List requests.
    ///
    /// The request log, the newest first.
    REQUESTS: Get "/stats/requests" Admin, |it| it.number("limit", 1..=500, "Rows of a page; 50 is the default.")
        .text("before", "The id of the last row of the page before.")
        .list::<LoggedRequest>("requests", "A page of the log.");
}

/// Grand totals.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TotalStats {
    /// Conversations.
    pub total_conversations: u64,
    /// Rounds of question and answer.
    pub total_rounds: u64,
    /// Tokens.
    pub tokens_usage: TokensUsage,
    /// Conversations that had a request in the last 30 minutes.
    pub active_sessions: u64,
    /// Requests whose price was not known: they are not in any sum of costs.
    pub unpriced_requests: u64,
}

/// Sums of tokens.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TokensUsage {
    /// Tokens of prompts.
    pub prompt: u64,
    /// Tokens of answers.
    pub completion: u64,
    /// Both.
    pub total: u64,
}

/// A row of the request log. Times are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LoggedRequest {
    /// The id of the event, which sorts by time.
    pub id: String,
    /// When the request came.
    pub ts: u64,
    /// The `x-request-id` of the answer.
    pub request_id: String,
    /// The API key.
    pub key_id: String,
    /// The provider that answered.
    pub provider_id: Option<i64>,
    /// Its name at that time.
    pub provider_name: Option<String>,
    /// The model, as the caller named it.
    pub model: String,
    /// The model, as the upstream was asked for it.
    pub upstream_model: Option<String>,
    /// Whether the answer was streamed.
    #[serde(deserialize_with = "flag")]
    pub stream: bool,
    /// The status that the caller got.
    pub status: u16,
    /// How it ended, in a word.
    pub outcome: String,
    /// The code of its error.
    pub error_code: Option<String>,
    /// Why the answer ended.
    pub finish_reason: Option<String>,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// Tokens of the prompt that the provider had cached.
    pub cached_tokens: u64,
    /// Tokens that the provider wrote to its cache.
    pub cache_written_tokens: u64,
    /// Those of them that it keeps for an hour.
    pub cache_written_1h_tokens: u64,
    /// Tokens of reasoning, which are among those of the answer.
    pub reasoning_tokens: u64,
    /// Where the counts come from: `reported` by the upstream, `counted` or `estimated` by the gateway.
    pub usage_source: String,
    /// Milliseconds until the upstream's headers came.
    pub first_byte_ms: Option<u64>,
    /// Milliseconds until the answer ended.
    pub duration_ms: u64,
    /// The conversation.
    pub conversation_id: String,
    /// The attempts, in their order.
    #[serde(default, deserialize_with = "json_or_default")]
    pub attempts: Vec<AttemptRecord>,
    /// What it cost, in micro-dollars; `null` if the price is not known.
    pub cost_micros: Option<u64>,
    /// Where the price comes from: `provider` (it said what the request costs), `override`, `uploaded`, `list`, `assumed` (a
    /// seller that the provider is not known to be), `free`, `ceiling`, `unknown`, or `none` (nothing was used).
    pub price_source: String,
    /// The version of the table that the price is from.
    pub price_table: Option<String>,
    /// The labels that the key had.
    #[serde(default, deserialize_with = "json_or_default")]
    pub tags: BTreeMap<String, String>,
}
