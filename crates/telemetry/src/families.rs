//! What is shown: totals and gauges as families of time series, for Prometheus and for a collector alike.

use std::collections::BTreeMap;

use nexus_edge_stats::exemplar::{Exemplar, Exemplars};
use nexus_edge_stats::extra::Measured;
use nexus_edge_stats::series::Class;
use nexus_edge_stats::sketch::Sketch;

use crate::budget::EDGES;
use crate::names::{self, GenAi, Kind, Metric};
use crate::totals::{Key, Sum, Totals};

/// The first edge of histograms of requests: 10 ms·2^0.
const OF_REQUESTS: i32 = 0;
/// Of what is faster: 10 ms·2^-3.
const OF_FAST: i32 = -3;
/// A sketch of parts of a millisecond is finer by 2^6.
const DOUBLINGS_OF_PARTS: i32 = 6;

/// A metric with its time series.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// What it is.
    pub metric: Metric,
    /// The time series.
    pub points: Vec<Point>,
}

/// A time series with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Names of OpenTelemetry with their values.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Value,
}

/// A value of a time series.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// Any number.
    Number(f64),
    /// A histogram.
    Histogram(Histogram),
}

/// A histogram: how many values were at most each edge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Edges in seconds, ascending, each with the number of values at or below it.
    pub edges: Vec<(f64, u64)>,
    /// Number of values.
    pub count: u64,
    /// Their sum in the unit of the metric.
    pub sum: f64,
    /// Requests that stand for values, by the number of the edge that they are at or below, or that of all edges.
    pub exemplars: Vec<(usize, Exemplar)>,
}

impl Histogram {
    /// The request that stands for the values at or below an edge and above the one before.
    #[must_use]
    pub fn exemplar(&self, edge: usize) -> Option<&Exemplar> {
        self.exemplars.iter().find(|(of, _)| *of == edge).map(|(_, exemplar)| exemplar)
    }
}

/// What is not added up but true now.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// The version of the gateway.
    pub version: &'static str,
    /// The state of each provider's circuit, see [`names::CIRCUIT`].
    pub circuits: Vec<(String, u64)>,
    /// Messages in the queue and the age of the oldest one in milliseconds, if the queue tells.
    pub queue: Option<(u64, u64)>,
    /// Conversations with an answer in the last 30 minutes, if they could be counted.
    pub active_sessions: Option<u64>,
    /// Milliseconds of the queries.
    pub queries_ms: u64,
}

/// The families, in a stable order. Those that have nothing to show are left out.
#[must_use]
pub fn families(totals: &Totals, gauges: &Gauges, conventions: GenAi) -> Vec<Family> {
    let mut families = of_models(totals, conventions);
    families.extend(of_requests(totals));
    families.extend(of_gateway(totals.get(&Key::All).unwrap_or(&Sum::default())));
    families.extend(of_now(gauges));
    families.retain(|family| !family.points.is_empty());
    families
}

fn of_models(totals: &Totals, conventions: GenAi) -> Vec<Family> {
    let models: Vec<(Vec<(&'static str, String)>, &Sum)> = totals
        .iter()
        .filter_map(|(key, sum)| {
            let Key::Model(operation, provider, model) = key else { return None };
            let labels = vec![
                (names::OPERATION, operation.clone()),
                (conventions.provider(), provider.clone()),
                (names::REQUEST_MODEL, model.clone()),
            ];
            Some((labels, sum))
        })
        .collect();
    let each = |metric: Metric, value: &dyn Fn(&Sum) -> Value| Family {
        metric,
        points: models
            .iter()
            .map(|(labels, sum)| Point { labels: labels.clone(), value: value(sum) })
            .collect(),
    };
    let mut families = vec![
        each(conventions.duration(), &|sum| {
            let durations = histogram(&sum.durations, sum.counters.duration_ms, OF_REQUESTS);
            standing_for(durations, &sum.extra.duration_exemplars)
        }),
        each(conventions.first_token(), &|sum| {
            let first_tokens = measured(&sum.extra.first_tokens, OF_REQUESTS);
            standing_for(first_tokens, &sum.extra.first_token_exemplars)
        }),
        each(conventions.per_token(), &|sum| parts(&sum.extra.per_token, OF_FAST)),
    ];
    if let Some(metrics) = conventions.tokens() {
        let counters: [fn(&Sum) -> u64; 5] = [
            |sum| sum.counters.prompt_tokens,
            |sum| sum.counters.completion_tokens,
            |sum| sum.counters.cached_tokens,
            |sum| sum.counters.cache_written_tokens,
            |sum| sum.counters.reasoning_tokens,
        ];
        families.extend(
            metrics.into_iter().zip(counters).map(|(metric, of)| each(metric, &|sum| Value::Count(of(sum)))),
        );
    } else {
        let mut points = Vec::with_capacity(2 * models.len());
        for (labels, sum) in &models {
            for (kind, tokens) in
                [("input", sum.counters.prompt_tokens), ("output", sum.counters.completion_tokens)]
            {
                let mut labels = labels.clone();
                labels.push((names::TOKEN_TYPE, kind.to_owned()));
                let (count, sum) = (sum.counters.requests, float(tokens));
                let value = Histogram { count, sum, ..Histogram::default() };
                points.push(Point { labels, value: Value::Histogram(value) });
            }
        }
        families.push(Family { metric: names::TOKEN_USAGE, points });
    }
    families.push(each(names::COST, &|sum| Value::Number(float(sum.counters.cost_micros) / 1e6)));
    families
}

fn of_requests(totals: &Totals) -> Vec<Family> {
    let (mut requests, mut errors, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
    let mut refusals: BTreeMap<&str, u64> = BTreeMap::new();
    for (key, sum) in totals {
        let count = Value::Count(sum.counters.requests);
        match key {
            Key::Request(dialect, stream, class) => requests.push(Point {
                labels: vec![
                    (names::DIALECT, dialect.clone()),
                    (names::STREAM, stream.to_string()),
                    (names::STATUS_CLASS, class.as_str().to_owned()),
                ],
                value: count,
            }),
            Key::Error(class, code) => {
                if *class == Class::Limited && !code.is_empty() {
                    *refusals.entry(code).or_default() += sum.counters.requests;
                }
                let code = if code.is_empty() { "upstream" } else { code };
                let labels = vec![
                    (names::STATUS_CLASS, class.as_str().to_owned()),
                    (names::ERROR_TYPE, code.to_owned()),
                ];
                errors.push(Point { labels, value: count });
            }
            Key::Attempt(provider, outcome) => attempts.push(Point {
                labels: vec![(names::PROVIDER, provider.clone()), (names::OUTCOME, outcome.clone())],
                value: count,
            }),
            Key::All | Key::Model(..) => {}
        }
    }
    let refusals = refusals.into_iter().map(|(code, count)| Point {
        labels: vec![(names::LIMIT, code.to_owned())],
        value: Value::Count(count),
    });
    vec![
        Family { metric: names::REQUESTS, points: requests },
        Family { metric: names::ERRORS, points: errors },
        Family { metric: names::ATTEMPTS, points: attempts },
        Family { metric: names::LIMIT_REFUSALS, points: refusals.collect() },
    ]
}

fn of_gateway(sum: &Sum) -> Vec<Family> {
    let counters = &sum.counters;
    let counted = [
        (names::RETRIES, counters.retries),
        (names::FAILOVERS, counters.failovers),
        (names::CACHE_HITS, counters.cache_hits),
        (names::UNPRICED, counters.unpriced),
        (names::ESTIMATED, counters.estimated),
        (names::DROPPED_SPANS, sum.extra.dropped_spans),
    ];
    let mut families: Vec<Family> =
        counted.into_iter().map(|(metric, count)| single(metric, Value::Count(count))).collect();
    let bodies = [("receive", counters.request_bytes), ("transmit", counters.answer_bytes)];
    families.push(Family {
        metric: names::BODIES,
        points: bodies
            .into_iter()
            .map(|(direction, bytes)| Point {
                labels: vec![(names::DIRECTION, direction.to_owned())],
                value: Value::Count(bytes),
            })
            .collect(),
    });
    families.push(single(names::OVERHEAD, measured(&sum.extra.overheads, OF_FAST)));
    families.push(single(names::USAGE_LAG, measured(&sum.extra.lags, OF_REQUESTS)));
    families.push(single(names::D1_TRANSACTIONS, measured(&sum.extra.transactions, OF_FAST)));
    families
}

fn of_now(gauges: &Gauges) -> Vec<Family> {
    let circuits = gauges.circuits.iter().map(|(provider, state)| Point {
        labels: vec![(names::PROVIDER, provider.clone())],
        value: Value::Count(*state),
    });
    let mut families = vec![
        Family { metric: names::CIRCUIT, points: circuits.collect() },
        single(names::D1_SCRAPE, Value::Number(float(gauges.queries_ms) / 1e3)),
    ];
    if let Some((depth, age_ms)) = gauges.queue {
        families.push(single(names::QUEUE_DEPTH, Value::Count(depth)));
        families.push(single(names::QUEUE_AGE, Value::Number(float(age_ms) / 1e3)));
    }
    families
        .extend(gauges.active_sessions.map(|active| single(names::ACTIVE_SESSIONS, Value::Count(active))));
    let labels = vec![(names::VERSION, gauges.version.to_owned())];
    families.push(Family { metric: names::BUILD, points: vec![Point { labels, value: Value::Count(1) }] });
    families
}

fn single(metric: Metric, value: Value) -> Family {
    debug_assert_eq!(metric.kind == Kind::Histogram, matches!(value, Value::Histogram(_)));
    Family { metric, points: vec![Point { labels: Vec::new(), value }] }
}

fn measured(measured: &Measured, first: i32) -> Value {
    histogram(&measured.0, measured.1, first)
}

/// A histogram of milliseconds with edges from 10 ms·2^`first` on.
fn histogram(sketch: &Sketch, sum_ms: u64, first: i32) -> Value {
    with_edges(sketch, float(sum_ms) / 1e3, first, 0)
}

/// A histogram of [`OF_REQUESTS`] with requests that stand for its values.
fn standing_for(value: Value, exemplars: &Exemplars) -> Value {
    let Value::Histogram(histogram) = value else { return value };
    let found = (0..=histogram.edges.len()).filter_map(|edge| {
        let bucket = u8::try_from(edge).ok()?;
        Some((edge, exemplars.of(bucket)?.clone()))
    });
    Value::Histogram(Histogram { exemplars: found.collect(), ..histogram })
}

/// The same of parts of a millisecond.
fn parts(measured: &Measured, first: i32) -> Value {
    let per_second = 1e3 * f64::from(DOUBLINGS_OF_PARTS).exp2();
    with_edges(&measured.0, float(measured.1) / per_second, first, DOUBLINGS_OF_PARTS)
}

fn with_edges(sketch: &Sketch, sum: f64, first: i32, finer: i32) -> Value {
    let edges = (first..).take(EDGES);
    let edges =
        edges.map(|doublings| (0.01 * f64::from(doublings).exp2(), sketch.at_most(doublings + finer)));
    Value::Histogram(Histogram { edges: edges.collect(), count: sketch.count(), sum, exemplars: Vec::new() })
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
const fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{Budget, DEFAULT_SERIES};
    use nexus_edge_core::dialect::caller::CallerDialect;
    use nexus_edge_core::routing::retry::ErrorClass;
    use nexus_edge_stats::counters::Counters;

    fn series(families: &[Family]) -> usize {
        let of = |point: &Point| match &point.value {
            Value::Histogram(histogram) => histogram.edges.len() + 3,
            Value::Count(_) | Value::Number(_) => 1,
        };
        families.iter().flat_map(|family| &family.points).map(of).sum()
    }

    #[test]
    fn with_every_word_in_every_place_there_are_no_more_series_than_the_bound() {
        let budget = Budget::of(DEFAULT_SERIES);
        let mut totals = Totals::new();
        let mut add = |key: Key| {
            totals.insert(
                key,
                Sum { counters: Counters { requests: 1, ..Counters::default() }, ..Sum::default() },
            )
        };
        add(Key::All);
        (0..=budget.models).for_each(|i| _ = add(Key::Model("chat".into(), "p".into(), i.to_string())));
        let operations =
            ["compact", "embeddings", "images", "image_edits", "transcriptions", "audio_translations"];
        let others = ["speech", "rerank", "moderations", "count_tokens"];
        let dialects = CallerDialect::NAMES.iter().map(|(name, _)| *name).chain(operations).chain(others);
        for dialect in dialects {
            for (stream, class) in [true, false].into_iter().flat_map(|s| Class::ALL.map(|class| (s, class)))
            {
                add(Key::Request(dialect.into(), stream, class));
            }
        }
        (0..crate::budget::CODES).for_each(|i| _ = add(Key::Error(Class::Client, format!("code_{i}"))));
        (0..20).for_each(|i| _ = add(Key::Error(Class::Limited, format!("limit_{i}"))));
        for provider in 0..=budget.providers {
            let outcomes =
                ErrorClass::NAMES.iter().map(|(name, _)| *name).chain(["ok", "cancelled", "hedge_lost"]);
            outcomes.for_each(|outcome| _ = add(Key::Attempt(provider.to_string(), outcome.into())));
        }
        let circuits = (0..=budget.providers).map(|i| (i.to_string(), 0)).collect();
        let gauges = Gauges { circuits, queue: Some((1, 1)), active_sessions: Some(1), ..Gauges::default() };
        for conventions in [GenAi::V0_1, GenAi::V1_36] {
            let count = series(&families(&totals, &gauges, conventions));
            assert!((1_500..=DEFAULT_SERIES).contains(&count), "{count}");
        }
    }

    #[test]
    fn edges_are_exact_and_in_seconds() {
        let mut sketch = Sketch::default();
        for ms in [9, 10, 11, 20, 655_360, 655_361] {
            sketch.record(ms);
        }
        let Value::Histogram(of) = histogram(&sketch, 1_000, OF_REQUESTS) else { unreachable_value() };
        assert_eq!(of.edges.first(), Some(&(0.01, 2)));
        assert_eq!(of.edges.get(1), Some(&(0.02, 4)));
        assert_eq!(of.edges.last(), Some(&(655.36, 5)));
        assert_eq!((of.count, of.edges.len()), (6, EDGES));
        assert!((of.sum - 1.0).abs() < 1e-9);
        let mut per_token = Measured::default();
        per_token.record(10 * nexus_edge_stats::extra::PARTS_OF_MS);
        let Value::Histogram(of) = parts(&per_token, OF_FAST) else { unreachable_value() };
        assert_eq!((of.edges[2], of.edges[3]), ((0.005, 0), (0.01, 1)));
        assert!((of.sum - 0.01).abs() < 1e-12);
    }

    #[test]
    fn bytes_are_told_apart_by_direction() {
        let counters = Counters { request_bytes: 7, answer_bytes: 9, ..Counters::default() };
        let totals = Totals::from([(Key::All, Sum { counters, ..Sum::default() })]);
        let families = families(&totals, &Gauges::default(), GenAi::V0_1);
        let bodies = families.iter().find(|family| family.metric == names::BODIES).unwrap();
        assert_eq!(bodies.metric.family(), "nexus_http_body_bytes");
        let told: Vec<(&str, &Value)> =
            bodies.points.iter().map(|point| (point.labels[0].1.as_str(), &point.value)).collect();
        assert_eq!(told, [("receive", &Value::Count(7)), ("transmit", &Value::Count(9))]);
    }

    fn unreachable_value() -> ! {
        panic!("not a histogram")
    }
}
