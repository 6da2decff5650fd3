//! Statistics and the request log.

use std::collections::BTreeMap;

use nexus_edge_core::row::{flag, json_or_default};
use nexus_edge_core::stats::{AttemptRecord, PriceSource, UsageEvent};
#[cfg(feature = "openapi")]
use nexus_edge_stats::answer::{Overview, Ranking, Timeseries};
#[cfg(feature = "openapi")]
use nexus_edge_stats::latency::{Latency, Measure};
use nexus_edge_stats::log_row;
#[cfg(feature = "openapi")]
use nexus_edge_stats::providers::ProviderRanking;
#[cfg(feature = "openapi")]
use nexus_edge_stats::query::MAX_GROUPS;
#[cfg(feature = "openapi")]
use nexus_edge_stats::series::Dimension;
use serde::{Deserialize, Serialize};

use crate::archived_message::ArchivedMessage;
use crate::declare::operations;
#[cfg(feature = "openapi")]
use crate::parameters::{dimensions, log_filters, window};

#[cfg(feature = "openapi")]
fn over_time<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    window(it)
        .choice("group_by", &Dimension::ALL.map(Dimension::as_str), "A line for each of the largest groups.")
        .number("limit", 1..=MAX_GROUPS, "Groups with a line of their own; 10 is the default.")
        .answer::<Timeseries>(200, "The figures.")
}

#[cfg(feature = "openapi")]
fn by_group<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    window(it)
        .path("dimension", "By what requests are grouped: a name of a filter.")
        .number("limit", 1..=MAX_GROUPS, "Groups; 10 is the default.")
        .answer::<Ranking>(200, "The groups.")
}

#[cfg(feature = "openapi")]
fn heat_map<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    window(it)
        .choice("measure", &Measure::ALL.map(Measure::as_str), "What is measured; `duration` is the default.")
        .answer::<Latency>(200, "The heat map.")
}

#[cfg(feature = "openapi")]
fn live<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    it.streams().errors(&[(429, "too_many_watchers"), (503, "live_unavailable")])
}

#[cfg(feature = "openapi")]
fn live_figures<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    live(dimensions(it))
}

#[cfg(feature = "openapi")]
fn live_rows<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    live(log_filters(it))
}

operations! {
    "Statistics";

    /// Show the grand totals.
    TOTAL: Get "/stats/total" ViewAllStatistics, |it| it.answer::<TotalStats>(200, "The totals.");

    /// Show an overview.
    ///
    /// Figures of a window of time beside those of the window before, of equal length.
    OVERVIEW: Get "/stats/overview" ViewAllStatistics / ViewOwnStatistics, |it| window(it).answer::<Overview>(200, "The figures.");

    /// Show figures over time.
    ///
    /// Buckets without requests have zeros.
    TIMESERIES: Get "/stats/timeseries" ViewAllStatistics / ViewOwnStatistics, |it| over_time(it);

    /// Show the largest groups.
    ///
    /// Models, keys, owners and so on by their requests, with their shares, percentiles, and what they were in the window before.
    BY: Get "/stats/by/{dimension}" ViewAllStatistics / ViewOwnStatistics, |it| by_group(it);

    /// Show latency as a heat map.
    ///
    /// How many complete answers took how long, in buckets of time and of duration, with the percentiles of each bucket of time.
    LATENCY: Get "/stats/latency" ViewAllStatistics / ViewOwnStatistics, |it| heat_map(it);

    /// Rank the providers.
    ///
    /// By a score of success and speed, with shares, cost, circuits, the success rate over time, and what they were in the window
    /// before. A request counts for the provider that answered it or failed last.
    PROVIDERS: Get "/stats/providers/ranking" ViewAllStatistics, |it| window(it)
        .number("limit", 1..=MAX_GROUPS, "Providers; 10 is the default.")
        .answer::<ProviderRanking>(200, "The providers.");

    /// Show latency of my requests as a heat map.
    MY_LATENCY: Get "/v1/stats/latency" Caller, |it| heat_map(it);

    /// Show an overview of my requests.
    MY_OVERVIEW: Get "/v1/stats/overview" Caller, |it| window(it).answer::<Overview>(200, "The figures.");

    /// Show my figures over time.
    MY_TIMESERIES: Get "/v1/stats/timeseries" Caller, |it| over_time(it);

    /// Show my largest groups.
    MY_BY: Get "/v1/stats/by/{dimension}" Caller, |it| by_group(it);

    /// List requests.
    ///
    /// The request log, the newest first.
    REQUESTS: Get "/stats/requests" ViewAllRequests / ViewOwnRequests, |it| it.number("limit", 1..=500, "Rows of a page; 50 is the default.")
        .text("before", "The id of the last row of the page before.")
        .list::<LoggedRequest>("requests", "A page of the log.");

    /// Search the request log.
    ///
    /// The newest first. A page looks at 20,000 rows at most: where few of them fit, it may have fewer rows than asked for, or
    /// none, and still be followed by another.
    SEARCH: Get "/requests" ViewAllRequests / ViewOwnRequests, |it| log_filters(it)
        .number("limit", 1..=500, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<RequestPage>(200, "A page of the log.");

    /// Watch figures.
    ///
    /// An event `second` every second, with the figures of the requests that ended in it.
    LIVE: Get "/stats/live" ViewAllStatistics / ViewOwnStatistics, |it| live_figures(it);

    /// Watch figures of my requests.
    MY_LIVE: Get "/v1/stats/live" Caller, |it| live_figures(it);

    /// Watch the request log.
    ///
    /// An event `request` for each request that has ended and fits the filters: a row of the log, whose id is that of the event.
    TAIL: Get "/requests/live" ViewAllRequests / ViewOwnRequests, |it| live_rows(it);

    /// Watch my requests.
    MY_TAIL: Get "/v1/requests/live" Caller, |it| live_rows(it);

    /// Show a request.
    ///
    /// By the id of its row, or by the `x-request-id` of its answer. An id that the caller chose is looked for among the newest 100,000
    /// rows, or the newest 100,000 of a stretch of time.
    REQUEST: Get "/requests/{id}" ViewAllRequests / ViewOwnRequests, |it| it
        .number("from", 0..=1 << 53, "Where to look for an id that the caller chose: from this time on, in milliseconds since the epoch.")
        .number("to", 0..=1 << 53, "Before this time.").answer::<RequestDetail>(200, "The request, with all attempts.")
        .errors(&[(404, "request_not_found")]);
}

/// A page of the request log.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RequestPage {
    /// The rows, the newest first.
    pub requests: Vec<LoggedRequest>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// A request with all that is known of it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RequestDetail {
    /// Its row of the log. `attempts` has the only attempt, too, of which the row says no more than it does itself: it began when
    /// `overhead_ms` had passed and ended with the answer.
    #[serde(flatten)]
    pub request: LoggedRequest,
    /// What it added to its conversation, as far as the key archives and it is kept: new messages of the prompt, then the answer.
    /// `null` without the permission to read conversations.
    pub messages: Option<Vec<ArchivedMessage>>,
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
    /// The same: tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// Conversations and chat sessions that had an answer in the last 30 minutes or have an open WebSocket, of at most a day.
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
    /// The logical model that `model` names, if it does.
    pub logical_model: Option<String>,
    /// The owner of the key at that time.
    pub owner: Option<String>,
    /// The calling program, as far as it says.
    pub app: Option<String>,
    /// The caller dialect, or the operation of a request that is passed through.
    #[serde(default)]
    pub dialect: String,
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
    /// The upstream reported a number that no request can have, such as a negative one. It was left out: the counts are the
    /// gateway's own, and the cost is worked out from the list price.
    #[serde(default, deserialize_with = "flag")]
    pub usage_suspect: bool,
    /// Milliseconds until the upstream's headers came.
    pub first_byte_ms: Option<u64>,
    /// Milliseconds until the answer ended.
    pub duration_ms: u64,
    /// Milliseconds of them in the gateway: until the answer began to leave, while no upstream was waited for. `null` if the
    /// caller left before.
    #[serde(default)]
    pub overhead_ms: Option<u64>,
    /// Bytes of the request's body.
    #[serde(default)]
    pub request_bytes: u64,
    /// Bytes of the answer's body that were sent to the caller; 0 for an error that the gateway itself made.
    #[serde(default)]
    pub answer_bytes: u64,
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
    /// Which guards acted, as `x-nexus-guard` says it.
    #[serde(default)]
    pub guards: Option<String>,
    /// Questions to the model, where the gateway ran the tools of the request. Tokens and cost are the sums of all of them.
    #[serde(default)]
    pub rounds: Option<u64>,
    /// Calls of tools that the gateway ran.
    #[serde(default)]
    pub tool_calls: Option<u64>,
}

impl LoggedRequest {
    /// The row that a request will have in the log.
    ///
    /// # Errors
    /// Those of the JSON writer and reader, which do not occur for events.
    pub fn of(event: &UsageEvent) -> serde_json::Result<Self> {
        Ok(serde_json::from_str::<Self>(&log_row::line(event)?)?.priced())
    }

    /// The same, which says of no request that it was free only because its price is not known.
    #[must_use]
    pub fn priced(mut self) -> Self {
        self.cost_micros = self.cost_micros.filter(|_| self.price_source != PriceSource::Unknown.as_str());
        self
    }

    /// The same with what `clean` makes of the texts that callers choose and that may name people: the program, the owner, the
    /// labels, the model, and the ids of request and conversation. `None` is as it is.
    #[must_use]
    pub fn cleaned(mut self, clean: impl Fn(&str) -> Option<String>) -> Self {
        let optional = [self.app.as_mut(), self.owner.as_mut()].into_iter().flatten();
        let texts = [&mut self.model, &mut self.request_id, &mut self.conversation_id].into_iter();
        for text in texts.chain(optional).chain(self.tags.values_mut()) {
            if let Some(cleaned) = clean(text) {
                *text = cleaned;
            }
        }
        self
    }

    /// The same with the only attempt, if its trail was left out because the row says all of it.
    #[must_use]
    pub fn with_only_attempt(mut self) -> Self {
        let (Some(provider), Some(model)) = (&self.provider_name, &self.upstream_model) else { return self };
        if self.attempts.is_empty() {
            let started_ms = self.overhead_ms.unwrap_or_default();
            self.attempts.push(AttemptRecord {
                provider: provider.clone(),
                model: model.clone(),
                status: Some(self.status),
                started_ms: Some(started_ms),
                first_byte_ms: self.first_byte_ms,
                duration_ms: self.duration_ms.saturating_sub(started_ms),
                ..AttemptRecord::default()
            });
        }
        self
    }

    /// The same without what only administrators see: the names of the keys of providers.
    #[must_use]
    pub fn for_holder(mut self) -> Self {
        for attempt in &mut self.attempts {
            attempt.key = None;
        }
        self
    }
}
