//! The answers: an overview, groups in order of size, and figures over time.
//!
//! Buckets without requests are there with zeros, so that what is drawn has no gaps.

use std::collections::HashMap;

use serde::Serialize;

use crate::counters::{SummedRow, whole};
use crate::figures::{Figures, FiguresView, Grouped, SketchedRow, WindowView};
use crate::query::Query;
use crate::series::Dimension;
use crate::sql::OTHERS;

/// The figures of a window beside those of the window before it, of equal length.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Overview {
    /// The window.
    pub window: WindowView,
    /// Its figures.
    pub figures: FiguresView,
    /// Those of the window before.
    pub before: FiguresView,
}

/// Groups, the largest by requests first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Ranking {
    /// The window.
    pub window: WindowView,
    /// By what it is grouped.
    pub group_by: &'static str,
    /// The largest groups.
    pub groups: Vec<RankedGroup>,
    /// All other groups together; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<FiguresView>,
    /// All groups together.
    pub total: FiguresView,
}

/// A group with its figures.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RankedGroup {
    /// Its name: an id for keys; empty where requests have none, for example no provider because they were refused.
    pub name: String,
    /// Its share of all requests, from 0 to 1.
    pub share: f64,
    /// Its share of the cost, from 0 to 1; `null` if nothing cost anything.
    pub cost_share: Option<f64>,
    /// Its figures.
    pub figures: FiguresView,
    /// What it was in the window before, of equal length.
    pub before: Before,
}

/// Figures of the window before.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Before {
    /// Requests.
    pub requests: u64,
    /// Requests that got no complete answer and whose caller did not leave.
    pub errors: u64,
    /// Their share of all requests, from 0 to 1; `null` without requests.
    pub error_rate: Option<f64>,
    /// Tokens of prompts and answers.
    pub total_tokens: u64,
    /// The cost in millionths of a dollar.
    pub cost_micros: u64,
    /// The 95th percentile of the duration of complete answers, in milliseconds; `null` without values.
    pub duration_p95_ms: Option<u64>,
}

/// Figures over time.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Timeseries {
    /// The window.
    pub window: WindowView,
    /// By what it is grouped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<&'static str>,
    /// The beginning of each bucket, in milliseconds since the epoch.
    pub buckets: Vec<u64>,
    /// One line, or one for each group, the largest first.
    pub lines: Vec<Line>,
}

/// Figures of a group over time: lists with a value for each bucket. Percentiles are `null` where there are no values.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Line {
    /// The group; `null` for all groups that are not among the largest, and where nothing is grouped.
    pub name: Option<String>,
    /// Requests.
    pub requests: Vec<u64>,
    /// Requests that got no complete answer and whose caller did not leave.
    pub errors: Vec<u64>,
    /// Requests whose caller left.
    pub cancelled: Vec<u64>,
    /// Requests that a cached response answered.
    pub cache_hits: Vec<u64>,
    /// Tokens of prompts.
    pub prompt_tokens: Vec<u64>,
    /// Tokens of answers.
    pub completion_tokens: Vec<u64>,
    /// Prompt tokens that providers read from their caches.
    pub cached_tokens: Vec<u64>,
    /// The cost in millionths of a dollar.
    pub cost_micros: Vec<u64>,
    /// Requests whose price is not known.
    pub unpriced_requests: Vec<u64>,
    /// Durations of complete answers in milliseconds: half of them are at most this.
    pub duration_p50_ms: Vec<Option<u64>>,
    /// 95 % of them.
    pub duration_p95_ms: Vec<Option<u64>>,
    /// 99 % of them.
    pub duration_p99_ms: Vec<Option<u64>>,
    /// Times to the first byte in milliseconds: half of them are at most this.
    pub first_byte_p50_ms: Vec<Option<u64>>,
    /// 95 % of them.
    pub first_byte_p95_ms: Vec<Option<u64>>,
}

/// Both sums of a window and of the window before.
#[derive(Debug)]
pub struct Sums {
    /// Of the window.
    pub now: Grouped,
    /// Of the window before.
    pub before: Grouped,
}

/// The overview.
#[must_use]
pub fn overview(query: &Query, tz: String, sums: &Sums) -> Overview {
    Overview {
        window: WindowView::of(query, tz),
        figures: sums.now.total.view(),
        before: sums.before.total.view(),
    }
}

/// The largest groups.
#[must_use]
pub fn ranking(query: &Query, dimension: Dimension, tz: String, sums: &Sums) -> Ranking {
    let total = sums.now.total.view();
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let share = |part: u64, whole: u64| (whole > 0).then(|| ratio(part, whole));
    let groups = sums.now.groups.iter().take(limit).map(|(name, figures)| {
        let figures = figures.view();
        RankedGroup {
            name: name.clone(),
            share: share(figures.requests, total.requests).unwrap_or_default(),
            cost_share: share(figures.cost_micros, total.cost_micros),
            figures,
            before: sums.before.get(name).map(before).unwrap_or_default(),
        }
    });
    let groups = groups.collect();
    let mut rest = Figures::default();
    for (_, figures) in sums.now.groups.iter().skip(limit) {
        rest.merge(figures);
    }
    Ranking {
        window: WindowView::of(query, tz),
        group_by: dimension.as_str(),
        groups,
        others: (sums.now.groups.len() > limit).then(|| rest.view()),
        total,
    }
}

fn before(figures: &Figures) -> Before {
    let view = figures.view();
    Before {
        requests: view.requests,
        errors: view.errors,
        error_rate: view.error_rate,
        total_tokens: view.prompt_tokens + view.completion_tokens,
        cost_micros: view.cost_micros,
        duration_p95_ms: view.duration_ms.p95,
    }
}

/// The figures over time. `largest` are the groups that have a line of their own, in their order.
#[must_use]
pub fn timeseries(
    query: &Query,
    tz: String,
    largest: &[String],
    sums: &[SummedRow],
    sketches: &[SketchedRow],
) -> Timeseries {
    let buckets = query.window.buckets().to_vec();
    let mut points: HashMap<(&str, usize), Figures> = HashMap::new();
    for row in sums {
        if let Some(bucket) = query.window.bucket_of(whole(row.start)) {
            points.entry((&row.name, bucket)).or_default().add(row);
        }
    }
    for row in sketches {
        if let Some(bucket) = query.window.bucket_of(whole(row.start)) {
            points.entry((&row.name, bucket)).or_default().add_sketches(row);
        }
    }
    let mut names: Vec<(&str, Option<String>)> = match query.group_by {
        None => vec![("", None)],
        Some(_) => largest.iter().map(|name| (name.as_str(), Some(name.clone()))).collect(),
    };
    if points.keys().any(|(name, _)| *name == OTHERS) {
        names.push((OTHERS, None));
    }
    let nothing = Figures::default();
    let lines = names.into_iter().map(|(group, name)| {
        let mut line = Line { name, ..Line::default() };
        for bucket in 0..buckets.len() {
            line.push(&points.get(&(group, bucket)).unwrap_or(&nothing).view());
        }
        line
    });
    let lines = lines.collect();
    Timeseries {
        window: WindowView::of(query, tz),
        group_by: query.group_by.map(Dimension::as_str),
        buckets,
        lines,
    }
}

impl Line {
    fn push(&mut self, of: &FiguresView) {
        self.requests.push(of.requests);
        self.errors.push(of.errors);
        self.cancelled.push(of.cancelled);
        self.cache_hits.push(of.cache_hits);
        self.prompt_tokens.push(of.prompt_tokens);
        self.completion_tokens.push(of.completion_tokens);
        self.cached_tokens.push(of.cached_tokens);
        self.cost_micros.push(of.cost_micros);
        self.unpriced_requests.push(of.unpriced_requests);
        self.duration_p50_ms.push(of.duration_ms.p50);
        self.duration_p95_ms.push(of.duration_ms.p95);
        self.duration_p99_ms.push(of.duration_ms.p99);
        self.first_byte_p50_ms.push(of.first_byte_ms.p50);
        self.first_byte_p95_ms.push(of.first_byte_ms.p95);
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums stay below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grain::Retention;
    use crate::query::Asked;
    use crate::sketch::Sketch;

    const NOW: u64 = 1_795_200_203_000;

    fn query(group_by: Option<&str>, limit: u64) -> Query {
        let asked = Asked {
            range: Some("1h".into()),
            group_by: group_by.map(str::to_owned),
            limit: Some(limit),
            ..Asked::default()
        };
        Query::read(&asked, &|_| 0, NOW, Retention::default()).unwrap()
    }

    fn summed(name: &str, start: u64, requests: u32, server: u32, cost: u32) -> SummedRow {
        SummedRow {
            start: start as f64,
            name: name.into(),
            requests: requests.into(),
            ok: f64::from(requests - server),
            server: server.into(),
            cost_micros: cost.into(),
            ..SummedRow::default()
        }
    }

    fn sketched(name: &str, start: u64, values: &[u64]) -> SketchedRow {
        let mut sketch = Sketch::default();
        for value in values {
            sketch.record(*value);
        }
        let json = serde_json::json!({"start": start, "name": name, "durations": format!("{} broken", sketch.encode())});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn groups_are_ranked_with_shares_and_what_they_were_before() {
        let rows = [summed("a", 0, 6, 3, 0), summed("b", 0, 3, 0, 30), summed("c", 0, 1, 0, 10)];
        let sums = Sums {
            now: Grouped::of(&rows, &[sketched("a", 0, &[100, 200]), sketched("gone", 0, &[5])]),
            before: Grouped::of(&[summed("b", 0, 9, 1, 7)], &[]),
        };
        let found = ranking(&query(Some("key"), 2), Dimension::Key, "UTC".into(), &sums);
        let told: Vec<_> = found
            .groups
            .iter()
            .map(|group| (group.name.as_str(), group.share, group.cost_share, group.before.requests))
            .collect();
        assert_eq!(told, [("a", 0.6, Some(0.0), 0), ("b", 0.3, Some(0.75), 9)]);
        assert_eq!(found.groups[0].figures.error_rate, Some(0.5));
        let p99 = found.groups[0].figures.duration_ms.p99.unwrap();
        assert!((198..=202).contains(&p99), "{p99}");
        assert_eq!(found.others.unwrap().requests, 1);
        assert_eq!((found.total.requests, found.total.errors, found.total.cost_micros), (10, 3, 40));
        let overview = overview(&query(None, 1), "UTC".into(), &sums);
        assert_eq!((overview.figures.requests, overview.before.requests), (10, 9));
    }

    #[test]
    fn a_line_has_a_value_for_each_bucket() {
        let query = query(Some("model"), 2);
        let at = query.window.from_ms() + 60_000;
        let rows = [
            summed("x", at, 4, 1, 8),
            summed("x", at + 60_000, 1, 0, 1),
            summed(OTHERS, at, 2, 0, 2),
            summed("x", 5, 9, 0, 9),
        ];
        let found =
            timeseries(&query, "UTC".into(), &["x".into(), "y".into()], &rows, &[sketched("x", at, &[70])]);
        assert_eq!(found.buckets.len(), 61);
        let names: Vec<_> = found.lines.iter().map(|line| line.name.as_deref()).collect();
        assert_eq!(names, [Some("x"), Some("y"), None]);
        assert_eq!((&found.lines[0].requests[..4], found.lines[0].errors[1]), (&[0, 4, 1, 0][..], 1));
        let medians = &found.lines[0].duration_p50_ms;
        assert!(medians[1].is_some_and(|median| (69..=71).contains(&median)) && medians[2].is_none());
        assert!(found.lines[1].requests.iter().all(|requests| *requests == 0));
        assert_eq!(found.lines[2].cost_micros[1], 2);
        assert!(
            found.lines.iter().all(|line| line.cost_micros.len() == 61 && line.first_byte_p95_ms.len() == 61)
        );
    }
}
