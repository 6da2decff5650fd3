//! What an alert rule can watch.

use serde::{Deserialize, Serialize};

/// What a measure is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The sums of requests in a window of time.
    Sums,
    /// The sketches beside them: percentiles.
    Sketches,
    /// The state of the gateway at this moment.
    State,
}

macro_rules! measures {
    ($( $(#[doc = $doc:literal])+ $name:ident $word:literal $source:ident, )+) => {
        /// What an alert rule watches.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum Measure {
            $( $(#[doc = $doc])+ #[serde(rename = $word)] $name, )+
        }

        impl Measure {
            /// All of them by name.
            pub const NAMES: &'static [(&'static str, Self)] = &[$( ($word, Self::$name), )+];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$name => $word, )+
                }
            }

            /// What it is read from.
            #[must_use]
            pub const fn source(self) -> Source {
                match self {
                    $( Self::$name => Source::$source, )+
                }
            }
        }
    };
}

measures! {
    /// Requests.
    Requests "requests" Sums,
    /// Requests that got no complete answer and whose caller did not leave.
    Errors "errors" Sums,
    /// Their share of all requests, from 0 to 1.
    ErrorRate "error_rate" Sums,
    /// Errors by the caller's fault.
    ClientErrors "client_errors" Sums,
    /// Requests over a limit.
    Limited "limited" Sums,
    /// Time limits that were exceeded.
    Timeouts "timeouts" Sums,
    /// Errors of the upstream or the gateway.
    ServerErrors "server_errors" Sums,
    /// The share of time limits and of errors of the upstream or the gateway in all requests, from 0 to 1.
    ServerErrorRate "server_error_rate" Sums,
    /// Requests whose caller left.
    Cancelled "cancelled" Sums,
    /// Attempts after the first one of a request.
    Retries "retries" Sums,
    /// Requests that another candidate than the first one answered.
    Failovers "failovers" Sums,
    /// Tokens of prompts.
    PromptTokens "prompt_tokens" Sums,
    /// Tokens of answers.
    CompletionTokens "completion_tokens" Sums,
    /// Both.
    Tokens "tokens" Sums,
    /// The cost in dollars.
    Cost "cost" Sums,
    /// Requests whose price is not known.
    UnpricedRequests "unpriced_requests" Sums,
    /// The share of requests whose token counts are those of the provider, from 0 to 1.
    TokenAccuracy "token_accuracy" Sums,
    /// Mean duration of a request, in milliseconds.
    DurationMean "duration_mean" Sums,
    /// Median duration of complete answers, in milliseconds.
    DurationP50 "duration_p50" Sketches,
    /// The duration that 95 % of complete answers do not exceed, in milliseconds.
    DurationP95 "duration_p95" Sketches,
    /// The same of 99 %.
    DurationP99 "duration_p99" Sketches,
    /// Median time to the first byte of complete answers, in milliseconds.
    FirstByteP50 "first_byte_p50" Sketches,
    /// The time to the first byte that 95 % of complete answers do not exceed, in milliseconds.
    FirstByteP95 "first_byte_p95" Sketches,
    /// The same of 99 %.
    FirstByteP99 "first_byte_p99" Sketches,
    /// 1 for each provider of which an isolate reports an open circuit.
    CircuitOpen "circuit_open" State,
    /// The share of its budget that a key or owner has spent in the period, 1 being all of it.
    BudgetUsed "budget_used" State,
    /// The credits of the account that `subject` names.
    Credits "credits" State,
    /// Conversations that had a request in the last 30 minutes.
    ActiveSessions "active_sessions" State,
    /// How long the database took to answer the statements of the rules, in milliseconds.
    DatabaseMs "database_ms" State,
    /// How long the longest waiting message of the usage queue has waited, in milliseconds: of those that still wait, where the
    /// platform tells, and of those that were recorded in this minute and the one before it.
    QueueLag "queue_lag" State,
    /// Messages of the usage queue that could not be recorded; 1,000 stands for more.
    DeadLetters "dead_letters" State,
    /// Deliveries to webhooks that were given up.
    DeadDeliveries "dead_deliveries" State,
}

/// On which side of the threshold a rule is broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Above it.
    #[default]
    Above,
    /// Below it.
    Below,
}

impl Comparison {
    /// Both by name.
    pub const NAMES: &'static [(&'static str, Self)] = &[("above", Self::Above), ("below", Self::Below)];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }
}
