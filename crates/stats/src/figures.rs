//! Figures from sums: what rows of the database say, and the views that are made of them.

use std::collections::HashMap;

use nexus_edge_core::stats::UsageEvent;
use serde::{Deserialize, Serialize};

use crate::counters::{SummedRow, whole};
use crate::query::Query;
use crate::rollup::Sums;
use crate::series::Class;
use crate::sketch::Sketch;
use crate::window::name_of;

/// A row of [`crate::sql::sketches_by_group`] or [`crate::sql::sketches_over_time`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SketchedRow {
    /// The beginning of the span, where the statement asks for it.
    pub start: f64,
    /// The group.
    pub name: String,
    durations: Option<String>,
    first_bytes: Option<String>,
}

/// The sums of a group or bucket while they are added up.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    sums: SummedRow,
    durations: Sketch,
    first_bytes: Sketch,
}

/// The figures of a group or bucket. Amounts of money are millionths of a dollar, times milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FiguresView {
    /// Requests.
    pub requests: u64,
    /// Requests that got no complete answer and whose caller did not leave.
    pub errors: u64,
    /// Their share of all requests, from 0 to 1; `null` without requests.
    pub error_rate: Option<f64>,
    /// Errors by the caller's fault: 4xx except those below.
    pub client_errors: u64,
    /// Requests over a limit: 429 and 402.
    pub limited: u64,
    /// Time limits that were exceeded.
    pub timeouts: u64,
    /// Errors of the upstream or the gateway: 5xx and answers that broke off.
    pub server_errors: u64,
    /// Requests whose caller left.
    pub cancelled: u64,
    /// Attempts after the first one of a request.
    pub retries: u64,
    /// Requests that another candidate than the first one answered.
    pub failovers: u64,
    /// Requests that a cached response answered.
    pub cache_hits: u64,
    /// Tokens of prompts, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens of answers, reasoning included.
    pub completion_tokens: u64,
    /// Prompt tokens that providers read from their caches.
    pub cached_tokens: u64,
    /// Prompt tokens that providers wrote to their caches.
    pub cache_written_tokens: u64,
    /// Tokens of reasoning.
    pub reasoning_tokens: u64,
    /// Requests whose tokens the gateway counted or estimated, because the provider did not report them.
    pub estimated_requests: u64,
    /// Requests whose price is not known. They are not in the cost.
    pub unpriced_requests: u64,
    /// The cost.
    pub cost_micros: u64,
    /// Bytes of the bodies of requests.
    pub request_bytes: u64,
    /// Bytes of the bodies of answers that were sent to callers, without the gateway's own errors.
    pub answer_bytes: u64,
    /// Mean duration of a request; `null` without requests.
    pub mean_ms: Option<u64>,
    /// Mean time of a request in the gateway: until its answer began to leave, while no upstream was waited for.
    pub mean_overhead_ms: Option<f64>,
    /// Percentiles of the duration of complete answers.
    pub duration_ms: Percentiles,
    /// Percentiles of the time to their first byte.
    pub first_byte_ms: Percentiles,
}

/// Percentiles, at most 1.1 % of their value away from the exact ones; `null` without values. Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Percentiles {
    /// Half of all values are at most this.
    pub p50: Option<u64>,
    /// 90 %.
    pub p90: Option<u64>,
    /// 95 %.
    pub p95: Option<u64>,
    /// 99 %.
    pub p99: Option<u64>,
}

impl Percentiles {
    /// Those of a sketch.
    #[must_use]
    pub fn of(sketch: &Sketch) -> Self {
        let at = |quantile: f64| sketch.quantile(quantile).map(whole);
        Self { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) }
    }
}

impl Figures {
    /// Adds a row of sums.
    pub fn add(&mut self, row: &SummedRow) {
        self.sums.merge(row);
    }

    /// Adds a row of sketches. One that cannot be read is left out.
    pub fn add_sketches(&mut self, row: &SketchedRow) {
        let merge = |into: &mut Sketch, list: &Option<String>| {
            for sketch in list.as_deref().unwrap_or_default().split(' ').filter_map(Sketch::decode) {
                into.merge(&sketch);
            }
        };
        merge(&mut self.durations, &row.durations);
        merge(&mut self.first_bytes, &row.first_bytes);
    }

    /// Adds other figures.
    pub fn merge(&mut self, other: &Self) {
        self.sums.merge(&other.sums);
        self.durations.merge(&other.durations);
        self.first_bytes.merge(&other.first_bytes);
    }

    /// How long complete answers took, in milliseconds.
    #[must_use]
    pub const fn durations(&self) -> &Sketch {
        &self.durations
    }

    /// After how many milliseconds their first byte came.
    #[must_use]
    pub const fn first_bytes(&self) -> &Sketch {
        &self.first_bytes
    }

    /// Requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        whole(self.sums.requests)
    }

    /// Adds a request that has ended.
    pub fn record(&mut self, event: &UsageEvent) {
        let Sums { counters, durations, first_bytes, .. } = Sums::of(event);
        self.sums.merge(&SummedRow::of(Class::of(event), &counters));
        self.durations.merge(&durations);
        self.first_bytes.merge(&first_bytes);
    }

    /// The figures to be shown.
    #[must_use]
    pub fn view(&self) -> FiguresView {
        let sums = &self.sums;
        let errors = sums.client + sums.limited + sums.timeout + sums.server;
        let share = |part: f64| (sums.requests > 0.0).then(|| part / sums.requests);
        FiguresView {
            requests: whole(sums.requests),
            errors: whole(errors),
            error_rate: share(errors),
            client_errors: whole(sums.client),
            limited: whole(sums.limited),
            timeouts: whole(sums.timeout),
            server_errors: whole(sums.server),
            cancelled: whole(sums.cancelled),
            retries: whole(sums.retries),
            failovers: whole(sums.failovers),
            cache_hits: whole(sums.cache_hits),
            prompt_tokens: whole(sums.prompt_tokens),
            completion_tokens: whole(sums.completion_tokens),
            cached_tokens: whole(sums.cached_tokens),
            cache_written_tokens: whole(sums.cache_written_tokens),
            reasoning_tokens: whole(sums.reasoning_tokens),
            estimated_requests: whole(sums.estimated),
            unpriced_requests: whole(sums.unpriced),
            cost_micros: whole(sums.cost_micros),
            request_bytes: whole(sums.request_bytes),
            answer_bytes: whole(sums.answer_bytes),
            mean_ms: share(sums.duration_ms).map(whole),
            mean_overhead_ms: share(sums.overhead_ms).map(|mean| (mean * 1000.0).round() / 1000.0),
            duration_ms: Percentiles::of(&self.durations),
            first_byte_ms: Percentiles::of(&self.first_bytes),
        }
    }
}

/// Which stretch of time an answer is about, as it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct WindowView {
    /// The beginning, in milliseconds since the epoch: that of a bucket.
    pub from: u64,
    /// The end, which does not belong to it.
    pub to: u64,
    /// The length of a bucket: `minute`, `quarter`, `hour` or `day`.
    pub bucket: &'static str,
    /// The time zone of hours and days.
    pub tz: String,
}

impl WindowView {
    /// That of a query.
    #[must_use]
    pub fn of(query: &Query, tz: String) -> Self {
        let window = &query.window;
        Self { from: window.from_ms(), to: window.to_ms(), bucket: name_of(window.length), tz }
    }
}

/// Groups with their figures, the largest first, and all of them together.
#[derive(Debug, Clone, Default)]
pub struct Grouped {
    /// By name.
    pub groups: Vec<(String, Figures)>,
    /// All of them together.
    pub total: Figures,
}

impl Grouped {
    /// From the rows of both statements.
    #[must_use]
    pub fn of(sums: &[SummedRow], sketches: &[SketchedRow]) -> Self {
        let mut grouped = Self::default();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for row in sums {
            let mut figures = Figures::default();
            figures.add(row);
            places.insert(&row.name, grouped.groups.len());
            grouped.groups.push((row.name.clone(), figures));
        }
        for row in sketches {
            let Some((_, figures)) =
                places.get(row.name.as_str()).and_then(|place| grouped.groups.get_mut(*place))
            else {
                continue;
            };
            figures.add_sketches(row);
        }
        for (_, figures) in &grouped.groups {
            grouped.total.merge(figures);
        }
        grouped
    }

    /// The figures of a group.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Figures> {
        self.groups.iter().find(|(group, _)| group == name).map(|(_, figures)| figures)
    }
}
