//! By what sums are kept apart: the series.
//!
//! A series is a combination that occurred, so their number is bounded by what is really used. Words that callers choose
//! freely are bounded: a model that no upstream was asked for is `""`, and an app is a short product name.

use nexus_edge_core::stats::{Outcome, UsageEvent};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// How a request ended, coarsely.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A complete answer.
    #[default]
    Ok,
    /// The caller's fault: 4xx except those below.
    Client,
    /// A limit: 429, 402.
    Limited,
    /// A time limit: 408, 504, and answers that stalled.
    Timeout,
    /// The upstream's or the gateway's fault: other 5xx, and answers that broke off.
    Server,
    /// The caller left.
    Cancelled,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Client, Self::Limited, Self::Timeout, Self::Server, Self::Cancelled];

    /// The word under which it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Client => "client",
            Self::Limited => "limited",
            Self::Timeout => "timeout",
            Self::Server => "server",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it counts as an error in a rate of errors: the caller got no complete answer and did not leave.
    #[must_use]
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::Ok | Self::Cancelled)
    }

    /// The class of a recorded request.
    #[must_use]
    pub fn of(event: &UsageEvent) -> Self {
        Self::of_row(event.outcome.as_str(), event.status, event.error_code.as_deref())
    }

    /// The class of a row of the request log, in which the outcome is a word.
    #[must_use]
    pub fn of_row(outcome: &str, status: u16, error_code: Option<&str>) -> Self {
        let fits = |rule: &&Rule| {
            rule.outcome.is_none_or(|wanted| wanted.as_str() == outcome)
                && rule.error_code.is_none_or(|wanted| error_code == Some(wanted))
                && (rule.statuses.is_empty()
                    || rule.statuses.iter().any(|(least, most)| (*least..=*most).contains(&status)))
        };
        Self::RULES.iter().find(fits).map_or(Self::Server, |rule| rule.class)
    }

    /// Which class a request is of: that of the first rule that it fits. The last one fits all.
    pub const RULES: &[Rule] = &[
        Rule { outcome: Some(Outcome::Cancelled), ..Rule::of(Self::Cancelled) },
        Rule { statuses: &[(408, 408), (504, 504)], ..Rule::of(Self::Timeout) },
        Rule { statuses: &[(402, 402), (429, 429)], ..Rule::of(Self::Limited) },
        Rule { statuses: &[(400, 499)], ..Rule::of(Self::Client) },
        Rule { statuses: &[(500, u16::MAX)], ..Rule::of(Self::Server) },
        Rule { outcome: Some(Outcome::Completed), ..Rule::of(Self::Ok) },
        Rule { error_code: Some("upstream_stream_idle"), ..Rule::of(Self::Timeout) },
        Rule::of(Self::Server),
    ];
}

/// What a request of a class is like. What is not said may be anything.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Its status is within one of these ranges, their ends included.
    pub statuses: &'static [(u16, u16)],
    /// The code of its error.
    pub error_code: Option<&'static str>,
    /// Its class.
    pub class: Class,
}

impl Rule {
    /// The rule that all requests are of this class.
    const fn of(class: Class) -> Self {
        Self { outcome: None, statuses: &[], error_code: None, class }
    }
}

/// What a series is made of. Absent values are `""`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Series {
    /// The provider that answered or failed last, by name.
    pub provider: String,
    /// The upstream's name of the model.
    pub model: String,
    /// The logical model that was asked for.
    pub logical_model: String,
    /// The id of the API key.
    pub key: String,
    /// The owner of the key.
    pub owner: String,
    /// The calling program.
    pub app: String,
    /// The caller dialect or the operation.
    pub dialect: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// How it ended; in the database and in queries `status`.
    #[serde(rename = "status")]
    pub class: Class,
    /// The gateway's error code, if it produced the error.
    pub error: String,
}

impl Series {
    /// The series of a recorded request.
    #[must_use]
    pub fn of(event: &UsageEvent) -> Self {
        let word = |value: &Option<String>| value.clone().unwrap_or_default();
        Self {
            provider: word(&event.provider_name),
            model: word(&event.upstream_model),
            logical_model: word(&event.logical_model),
            key: event.key_id.clone(),
            owner: word(&event.owner),
            app: word(&event.app),
            dialect: event.dialect.clone(),
            stream: event.stream,
            class: Class::of(event),
            error: word(&event.error_code),
        }
    }

    /// Its value of a dimension, as it is grouped and filtered by.
    #[must_use]
    pub fn value(&self, dimension: Dimension) -> &str {
        match dimension {
            Dimension::Provider => &self.provider,
            Dimension::Model => &self.model,
            Dimension::LogicalModel => &self.logical_model,
            Dimension::Key => &self.key,
            Dimension::Owner => &self.owner,
            Dimension::App => &self.app,
            Dimension::Dialect => &self.dialect,
            Dimension::Stream if self.stream => "true",
            Dimension::Stream => "false",
            Dimension::Status => self.class.as_str(),
            Dimension::Error => &self.error,
        }
    }

    /// Its number in the database: a hash of 53 bits, so that JavaScript reads it exactly. Among 100,000 series two
    /// are given the same with a probability of one in two millions.
    #[must_use]
    pub fn id(&self) -> u64 {
        let parts = [
            &self.provider,
            &self.model,
            &self.logical_model,
            &self.key,
            &self.owner,
            &self.app,
            &self.dialect,
            &self.error,
        ];
        let mut bytes = Vec::with_capacity(160);
        for part in parts {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(self.class.as_str().as_bytes());
        bytes.push(u8::from(self.stream));
        xxh3_64(&bytes) >> 11
    }
}

/// A dimension by which figures can be grouped and filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// [`Series::provider`].
    Provider,
    /// [`Series::model`].
    Model,
    /// [`Series::logical_model`].
    LogicalModel,
    /// [`Series::key`].
    Key,
    /// [`Series::owner`].
    Owner,
    /// [`Series::app`].
    App,
    /// [`Series::dialect`].
    Dialect,
    /// [`Series::stream`], as `true` and `false`.
    Stream,
    /// [`Series::class`].
    Status,
    /// [`Series::error`].
    Error,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Provider,
        Self::Model,
        Self::LogicalModel,
        Self::Key,
        Self::Owner,
        Self::App,
        Self::Dialect,
        Self::Stream,
        Self::Status,
        Self::Error,
    ];

    /// Its name in queries and answers, which is its column in the database as well.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Model => "model",
            Self::LogicalModel => "logical_model",
            Self::Key => "key",
            Self::Owner => "owner",
            Self::App => "app",
            Self::Dialect => "dialect",
            Self::Stream => "stream",
            Self::Status => "status",
            Self::Error => "error",
        }
    }

    /// The dimension with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_class() {
        let class = |outcome, status, code: Option<&str>| {
            Class::of(&UsageEvent {
                outcome,
                status,
                error_code: code.map(str::to_owned),
                ..UsageEvent::default()
            })
        };
        assert_eq!(class(Outcome::Completed, 200, None), Class::Ok);
        assert_eq!(class(Outcome::Cancelled, 499, None), Class::Cancelled);
        assert_eq!(class(Outcome::Rejected, 404, None), Class::Client);
        assert_eq!(class(Outcome::Rejected, 429, None), Class::Limited);
        assert_eq!(class(Outcome::Rejected, 402, None), Class::Limited);
        assert_eq!(class(Outcome::Failed, 504, None), Class::Timeout);
        assert_eq!(class(Outcome::Failed, 502, None), Class::Server);
        assert_eq!(class(Outcome::Failed, 200, Some("upstream_stream_idle")), Class::Timeout);
        assert_eq!(class(Outcome::Failed, 200, Some("upstream_stream_truncated")), Class::Server);
    }

    #[test]
    fn another_value_in_any_place_is_another_series() {
        let base = Series { provider: "a".into(), model: "b".into(), ..Series::default() };
        let moved = Series { provider: "ab".into(), model: String::new(), ..Series::default() };
        let others = [
            moved,
            Series { stream: true, ..base.clone() },
            Series { class: Class::Server, ..base.clone() },
            Series { app: "x".into(), ..base.clone() },
            Series { owner: "x".into(), ..base.clone() },
        ];
        for other in &others {
            assert_ne!(other.id(), base.id(), "{other:?}");
        }
        assert!(base.id() < 1 << 53);
        assert_eq!(base.id(), base.clone().id());
    }
}
