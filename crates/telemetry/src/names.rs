//! The names of all metrics and of their labels, in the words of OpenTelemetry. Prometheus has the same with other signs.
//!
//! OpenTelemetry's conventions for generative AI changed their names with version 0.1 of a repository of their own
//! (open-telemetry/semantic-conventions-genai); until 1.36 of the common conventions they had others. `OTEL_GENAI_NAMES` says
//! which are used. Where a convention has no name for something, it is `nexus.*`.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A sum that never falls.
    Counter,
    /// A value of now.
    Gauge,
    /// Counts of values up to each of several edges.
    Histogram,
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The name, with dots.
    pub name: &'static str,
    /// The unit in UCUM, as OpenTelemetry writes it: `s`, `{token}`.
    pub unit: &'static str,
    /// What it is.
    pub kind: Kind,
    /// One sentence about it.
    pub help: &'static str,
}

impl Metric {
    /// The name of its family for Prometheus: without the `_total` of a counter.
    #[must_use]
    pub fn family(&self) -> String {
        let name = underscored(self.name);
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            "USD" => "_usd",
            _ => "",
        };
        if name.ends_with(unit) { name } else { name + unit }
    }
}

/// A name of OpenTelemetry as Prometheus writes it.
#[must_use]
pub fn underscored(name: &str) -> String {
    name.replace('.', "_")
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric { name, unit, kind: Kind::Counter, help }
}

const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric { name, unit, kind: Kind::Gauge, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Metric {
    Metric { name, unit: "s", kind: Kind::Histogram, help }
}

pub use labels::*;

/// The names of labels.
mod labels {
    /// The caller dialect, or the operation that is passed through.
    pub const DIALECT: &str = "dialect";
    /// Whether a stream was asked for.
    pub const STREAM: &str = "stream";
    /// How the request ended: `ok`, `client`, `limited`, `timeout`, `server`, `cancelled`.
    pub const STATUS_CLASS: &str = "status_class";
    /// The provider, by its name in this gateway.
    pub const PROVIDER: &str = "provider";
    /// How an attempt ended.
    pub const OUTCOME: &str = "outcome";
    /// The limit that refused a request, by the code of the error.
    pub const LIMIT: &str = "limit";
    /// Whether the gateway received or sent it.
    pub const DIRECTION: &str = "network.io.direction";
    /// The version of the gateway.
    pub const VERSION: &str = "version";
    /// What went wrong: the code of the error.
    pub const ERROR_TYPE: &str = "error.type";
    /// What was asked for.
    pub const OPERATION: &str = "gen_ai.operation.name";
    /// The model, as the upstream was asked for it.
    pub const REQUEST_MODEL: &str = "gen_ai.request.model";
    /// Whether tokens are of a prompt or an answer.
    pub const TOKEN_TYPE: &str = "gen_ai.token.type";
}

/// Requests by dialect, stream and end.
pub const REQUESTS: Metric = counter("nexus.requests", "{request}", "Requests of known callers.");
/// Errors by code.
pub const ERRORS: Metric =
    counter("nexus.errors", "{request}", "Requests without a complete answer whose caller did not leave.");
/// Attempts by provider.
pub const ATTEMPTS: Metric = counter("nexus.attempts", "{attempt}", "Attempts at providers.");
/// Retries.
pub const RETRIES: Metric =
    counter("nexus.retries", "{attempt}", "Attempts after the first one of a request.");
/// Failovers.
pub const FAILOVERS: Metric =
    counter("nexus.failovers", "{request}", "Requests that another candidate than the first one answered.");
/// Hits of the cache.
pub const CACHE_HITS: Metric =
    counter("nexus.cache_hits", "{request}", "Requests that a cached response answered.");
/// Bytes of bodies.
pub const BODIES: Metric =
    counter("nexus.http.body", "By", "Bytes of the bodies of requests (receive) and of answers (transmit).");
/// Refusals.
pub const LIMIT_REFUSALS: Metric =
    counter("nexus.limit_refusals", "{request}", "Requests that a limit refused.");
/// Requests without a known price.
pub const UNPRICED: Metric = counter(
    "nexus.requests_unpriced",
    "{request}",
    "Requests whose price is not known: they are in no sum of costs.",
);
/// Requests with tokens that the gateway counted.
pub const ESTIMATED: Metric = counter(
    "nexus.requests_estimated",
    "{request}",
    "Requests whose tokens the gateway counted or estimated itself.",
);
/// Cost.
pub const COST: Metric = counter("nexus.cost", "USD", "Cost of requests whose price is known.");
/// Overhead.
pub const OVERHEAD: Metric = histogram(
    "nexus.gateway.overhead.duration",
    "Time of a request in the gateway while no upstream was waited for.",
);
/// Lag of the records.
pub const USAGE_LAG: Metric =
    histogram("nexus.usage.lag", "Time from the end of a request to its record in the database.");
/// Transactions of the database.
pub const D1_TRANSACTIONS: Metric =
    histogram("nexus.d1.query.duration", "Time of the database transactions that record requests.");
/// Time of the queries for these metrics.
pub const D1_SCRAPE: Metric =
    gauge("nexus.d1.scrape.duration", "s", "Time of the database queries for this answer.");
/// Spans that were lost.
pub const DROPPED_SPANS: Metric =
    counter("nexus.otlp.dropped_spans", "{span}", "Spans that the collector did not take.");
/// Circuits.
pub const CIRCUIT: Metric = gauge(
    "nexus.circuit.state",
    "{state}",
    "Circuit of a provider: 0 closed, 1 cooling down or with a model or key that is blocked, 2 open.",
);
/// Messages in the queue.
pub const QUEUE_DEPTH: Metric =
    gauge("nexus.queue.depth", "{message}", "Messages of usage that wait in the queue.");
/// Age of the oldest message.
pub const QUEUE_AGE: Metric =
    gauge("nexus.queue.oldest.age", "s", "Age of the oldest message of usage in the queue.");
/// Sessions.
pub const ACTIVE_SESSIONS: Metric = gauge(
    "nexus.sessions.active",
    "{session}",
    "Conversations with an answer in the last 30 minutes, and connected chat sessions.",
);
/// The build.
pub const BUILD: Metric = gauge("nexus.build_info", "1", "The version that runs; always 1.");

/// Which names OpenTelemetry's conventions have for generative AI.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GenAi {
    /// Those of version 0.1 of their own repository.
    #[default]
    V0_1,
    /// Those of the common conventions up to 1.36.
    V1_36,
}

impl GenAi {
    /// The conventions of this version; the newest ones for one that is not known.
    #[must_use]
    pub fn named(version: &str) -> Self {
        if version == "1.36" { Self::V1_36 } else { Self::V0_1 }
    }

    /// The attribute of the provider.
    #[must_use]
    pub const fn provider(self) -> &'static str {
        match self {
            Self::V0_1 => "gen_ai.provider.name",
            Self::V1_36 => "gen_ai.system",
        }
    }

    /// The attribute of tokens that a provider wrote to its cache.
    #[must_use]
    pub const fn cache_written(self) -> &'static str {
        match self {
            Self::V0_1 => "gen_ai.usage.cache_write.input_tokens",
            Self::V1_36 => "gen_ai.usage.cache_creation.input_tokens",
        }
    }

    /// Time of complete answers.
    #[must_use]
    pub const fn duration(self) -> Metric {
        let name = match self {
            Self::V0_1 => "gen_ai.client.inference.duration",
            Self::V1_36 => "gen_ai.client.operation.duration",
        };
        histogram(name, "Time from the arrival of a request to the end of its complete answer.")
    }

    /// Time to the first token.
    #[must_use]
    pub const fn first_token(self) -> Metric {
        let name = match self {
            Self::V0_1 => "gen_ai.client.inference.time_to_first_chunk",
            Self::V1_36 => "gen_ai.server.time_to_first_token",
        };
        histogram(name, "Time from the arrival of a request to the first token of its streamed answer.")
    }

    /// Time for each token.
    #[must_use]
    pub const fn per_token(self) -> Metric {
        let name = match self {
            Self::V0_1 => "gen_ai.client.inference.time_per_output_chunk",
            Self::V1_36 => "gen_ai.server.time_per_output_token",
        };
        histogram(name, "Time from the first token of a streamed answer to its end, for each further token.")
    }

    /// Tokens, each kind with a metric of its own; `None` where they are one histogram.
    #[must_use]
    pub const fn tokens(self) -> Option<[Metric; 5]> {
        match self {
            Self::V0_1 => Some([
                counter(
                    "gen_ai.client.inference.usage.input_tokens",
                    "{token}",
                    "Tokens of prompts, cached ones included.",
                ),
                counter(
                    "gen_ai.client.inference.usage.output_tokens",
                    "{token}",
                    "Tokens of answers, reasoning included.",
                ),
                counter(
                    "gen_ai.client.inference.usage.cache_read.input_tokens",
                    "{token}",
                    "Tokens of prompts that the provider read from its cache.",
                ),
                counter(
                    "gen_ai.client.inference.usage.cache_write.input_tokens",
                    "{token}",
                    "Tokens of prompts that the provider wrote to its cache.",
                ),
                counter(
                    "gen_ai.client.inference.usage.reasoning.output_tokens",
                    "{token}",
                    "Tokens of reasoning.",
                ),
            ]),
            Self::V1_36 => None,
        }
    }
}

/// Tokens as one histogram, of which the gateway knows sum and count only.
pub const TOKEN_USAGE: Metric = Metric {
    name: "gen_ai.client.token.usage",
    unit: "{token}",
    kind: Kind::Histogram,
    help: "Tokens of prompts and answers.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_has_the_same_names_with_units() {
        assert_eq!(GenAi::V0_1.duration().family(), "gen_ai_client_inference_duration_seconds");
        assert_eq!(COST.family(), "nexus_cost_usd");
        assert_eq!(REQUESTS.family(), "nexus_requests");
        assert_eq!(USAGE_LAG.family(), "nexus_usage_lag_seconds");
        assert_eq!(GenAi::named("1.36").provider(), "gen_ai.system");
        assert_eq!(GenAi::named("2"), GenAi::V0_1);
    }
}
