//! What is added up of the requests of a series.

use nexus_edge_core::stats::{PriceSource, UsageEvent};
use nexus_edge_core::tokens::UsageSource;
use serde::{Deserialize, Serialize};

use crate::series::Class;

/// Declares the sums once: the fields, merging, and the names of their columns.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Sums. They saturate instead of overflowing.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Counters {
            /// The names of all sums, which are those of their columns.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// Adds other sums.
            pub fn merge(&mut self, other: &Self) {
                $(self.$name = self.$name.saturating_add(other.$name);)+
            }
        }

        /// Sums that the database has added up further, as floats, because that is what it answers without ever overflowing.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        pub struct SummedRow {
            /// The beginning of the span in milliseconds since the epoch, where the statement asks for it.
            pub start: f64,
            /// The group.
            pub name: String,
            /// Requests of [`Class::Ok`].
            pub ok: f64,
            /// Of `Client`.
            pub client: f64,
            /// Of `Limited`.
            pub limited: f64,
            /// Of `Timeout`.
            pub timeout: f64,
            /// Of `Server`.
            pub server: f64,
            /// Of `Cancelled`.
            pub cancelled: f64,
            $($(#[$doc])* pub $name: f64,)+
        }

        /// A row as the database answers it: numbers are floats, and may be anything that was stored.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        pub struct StoredRow {
            /// The beginning of its span in milliseconds since the epoch.
            pub start: f64,
            /// The id of its series.
            pub series: f64,
            /// The part that it belongs to.
            pub part: String,
            /// The class of its series, where the statement asks for it.
            pub class: Option<Class>,
            /// A sketch of durations.
            pub durations: Option<String>,
            /// A sketch of times to the first byte.
            pub first_bytes: Option<String>,
            $($(#[$doc])* pub $name: f64,)+
        }

        impl StoredRow {
            /// Its sums.
            #[must_use]
            pub fn counters(&self) -> Counters {
                Counters { $($name: whole(self.$name),)+ }
            }
        }

        impl SummedRow {
            /// The sums of requests of one class.
            #[must_use]
            pub fn of(class: Class, counters: &Counters) -> Self {
                let mut row = Self { $($name: float(counters.$name),)+ ..Self::default() };
                *row.of_class(class) = row.requests;
                row
            }

            fn of_class(&mut self, class: Class) -> &mut f64 {
                match class {
                    Class::Ok => &mut self.ok,
                    Class::Client => &mut self.client,
                    Class::Limited => &mut self.limited,
                    Class::Timeout => &mut self.timeout,
                    Class::Server => &mut self.server,
                    Class::Cancelled => &mut self.cancelled,
                }
            }

            /// Adds the sums of another row.
            pub fn merge(&mut self, other: &Self) {
                self.ok += other.ok;
                self.client += other.client;
                self.limited += other.limited;
                self.timeout += other.timeout;
                self.server += other.server;
                self.cancelled += other.cancelled;
                $(self.$name += other.$name;)+
            }
        }
    };
}

counters! {
    /// Requests.
    requests,
    /// Attempts after the first one, at the same or another provider.
    retries,
    /// Requests that another candidate than the first one answered.
    failovers,
    /// Requests that a cached response answered.
    cache_hits,
    /// Tokens of prompts, cached ones included.
    prompt_tokens,
    /// Tokens of answers, reasoning included.
    completion_tokens,
    /// Prompt tokens that the provider read from its cache.
    cached_tokens,
    /// Prompt tokens that the provider wrote to its cache.
    cache_written_tokens,
    /// Tokens of reasoning.
    reasoning_tokens,
    /// Requests whose tokens were counted or estimated by the gateway.
    estimated,
    /// Requests that used something whose price was not known.
    unpriced,
    /// Cost in millionths of a dollar.
    cost_micros,
    /// Milliseconds from arrival to the end of the answer.
    duration_ms,
    /// Milliseconds of them in the gateway: until the answer began to leave, while no upstream was waited for.
    overhead_ms,
    /// Bytes of requests' bodies.
    request_bytes,
    /// Bytes of answers' bodies.
    answer_bytes,
}

/// A float of the database as a count: 0 for what is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
pub(crate) fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "sums stay below 2^53")]
const fn float(value: u64) -> f64 {
    value as f64
}

impl Counters {
    /// Those of one request.
    #[must_use]
    pub fn of(event: &UsageEvent) -> Self {
        let asked: Vec<_> = event.attempts.iter().filter(|attempt| attempt.skipped.is_none()).collect();
        let is_cached = event.attempts.iter().any(|attempt| attempt.skipped.as_deref() == Some("cache_hit"));
        let has_moved = asked
            .last()
            .zip(asked.first())
            .is_some_and(|(last, first)| (&last.provider, &last.model) != (&first.provider, &first.model));
        Self {
            requests: 1,
            retries: u64::try_from(asked.len()).unwrap_or_default().saturating_sub(1),
            failovers: u64::from(has_moved),
            cache_hits: u64::from(is_cached),
            prompt_tokens: event.usage.prompt,
            completion_tokens: event.usage.completion,
            cached_tokens: event.usage.cached,
            cache_written_tokens: event.usage.cache_written,
            reasoning_tokens: event.usage.reasoning,
            estimated: u64::from(!matches!(event.usage_source, UsageSource::Reported | UsageSource::None)),
            unpriced: u64::from(event.price_source == PriceSource::Unknown),
            cost_micros: event.cost_micros,
            duration_ms: event.duration_ms,
            overhead_ms: event.overhead_ms.unwrap_or_default(),
            request_bytes: event.request_bytes,
            answer_bytes: event.answer_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::stats::AttemptRecord;

    fn attempt(provider: &str, skipped: Option<&str>) -> AttemptRecord {
        AttemptRecord {
            provider: provider.into(),
            skipped: skipped.map(str::to_owned),
            ..AttemptRecord::default()
        }
    }

    #[test]
    fn retries_and_failovers_are_told_apart() {
        let of = |attempts: Vec<AttemptRecord>| {
            let counted = Counters::of(&UsageEvent { attempts, ..UsageEvent::default() });
            (counted.retries, counted.failovers, counted.cache_hits)
        };
        assert_eq!(of(vec![]), (0, 0, 0));
        assert_eq!(of(vec![attempt("a", None), attempt("a", None)]), (1, 0, 0));
        assert_eq!(
            of(vec![attempt("a", None), attempt("b", Some("circuit_open")), attempt("c", None)]),
            (1, 1, 0)
        );
        assert_eq!(of(vec![attempt("a", Some("cache_hit"))]), (0, 0, 1));
    }

    #[test]
    fn sums_do_not_overflow() {
        let mut sum = Counters { cost_micros: u64::MAX - 1, ..Counters::default() };
        sum.merge(&Counters { cost_micros: 5, requests: 2, ..Counters::default() });
        assert_eq!((sum.cost_micros, sum.requests), (u64::MAX, 2));
        assert_eq!(Counters::NAMES.len(), 16);
    }
}
