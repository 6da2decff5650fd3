//! Rows of statistics: one for each group, or one for each group and bucket.

use nexus_edge_stats::answer::{Line, Ranking, Timeseries};
use nexus_edge_stats::figures::FiguresView;
use serde::Serialize;

use crate::writer::Sheet;

/// Rows of [`of_ranking`].
pub const GROUPS: Sheet = Sheet {
    name: "groups",
    columns: &[
        "group",
        "share",
        "cost_share",
        "requests",
        "errors",
        "error_rate",
        "client_errors",
        "limited",
        "timeouts",
        "server_errors",
        "cancelled",
        "retries",
        "failovers",
        "cache_hits",
        "prompt_tokens",
        "completion_tokens",
        "cached_tokens",
        "cache_written_tokens",
        "reasoning_tokens",
        "estimated_requests",
        "unpriced_requests",
        "cost_micros",
        "request_bytes",
        "answer_bytes",
        "mean_ms",
        "mean_overhead_ms",
        "duration_ms.p50",
        "duration_ms.p90",
        "duration_ms.p95",
        "duration_ms.p99",
        "first_byte_ms.p50",
        "first_byte_ms.p90",
        "first_byte_ms.p95",
        "first_byte_ms.p99",
    ],
};

/// Rows of [`of_timeseries`].
pub const POINTS: Sheet = Sheet {
    name: "points",
    columns: &[
        "bucket",
        "group",
        "requests",
        "errors",
        "cancelled",
        "cache_hits",
        "prompt_tokens",
        "completion_tokens",
        "cached_tokens",
        "cost_micros",
        "unpriced_requests",
        "duration_p50_ms",
        "duration_p95_ms",
        "duration_p99_ms",
        "first_byte_p50_ms",
        "first_byte_p95_ms",
    ],
};

/// A group with its figures. `group` is `null` for all that are not among the largest.
#[derive(Debug, Serialize)]
pub struct GroupRow<'a> {
    group: Option<&'a str>,
    share: Option<f64>,
    cost_share: Option<f64>,
    #[serde(flatten)]
    figures: &'a FiguresView,
}

/// The groups of a ranking, the largest first, then all others together.
pub fn of_ranking(ranking: &Ranking) -> impl Iterator<Item = GroupRow<'_>> {
    let groups = ranking.groups.iter().map(|group| GroupRow {
        group: Some(&group.name),
        share: Some(group.share),
        cost_share: group.cost_share,
        figures: &group.figures,
    });
    let others = ranking.others.iter();
    groups.chain(others.map(|figures| GroupRow { group: None, share: None, cost_share: None, figures }))
}

/// The figures of a group in a bucket. `bucket` is its beginning, in milliseconds since the epoch.
#[derive(Debug, Serialize)]
pub struct PointRow<'a> {
    bucket: u64,
    group: Option<&'a str>,
    requests: u64,
    errors: u64,
    cancelled: u64,
    cache_hits: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    cached_tokens: u64,
    cost_micros: u64,
    unpriced_requests: u64,
    duration_p50_ms: Option<u64>,
    duration_p95_ms: Option<u64>,
    duration_p99_ms: Option<u64>,
    first_byte_p50_ms: Option<u64>,
    first_byte_p95_ms: Option<u64>,
}

/// The points of all lines, by bucket. They are made one at a time: there may be 1,500 buckets of 201 lines.
pub fn of_timeseries(series: &Timeseries) -> impl Iterator<Item = PointRow<'_>> {
    let buckets = series.buckets.iter().enumerate();
    buckets.flat_map(|(place, bucket)| series.lines.iter().map(move |line| point(*bucket, line, place)))
}

fn point(bucket: u64, line: &Line, place: usize) -> PointRow<'_> {
    let count = |of: &[u64]| of.get(place).copied().unwrap_or_default();
    let time = |of: &[Option<u64>]| of.get(place).copied().flatten();
    PointRow {
        bucket,
        group: line.name.as_deref(),
        requests: count(&line.requests),
        errors: count(&line.errors),
        cancelled: count(&line.cancelled),
        cache_hits: count(&line.cache_hits),
        prompt_tokens: count(&line.prompt_tokens),
        completion_tokens: count(&line.completion_tokens),
        cached_tokens: count(&line.cached_tokens),
        cost_micros: count(&line.cost_micros),
        unpriced_requests: count(&line.unpriced_requests),
        duration_p50_ms: time(&line.duration_p50_ms),
        duration_p95_ms: time(&line.duration_p95_ms),
        duration_p99_ms: time(&line.duration_p99_ms),
        first_byte_p50_ms: time(&line.first_byte_p50_ms),
        first_byte_p95_ms: time(&line.first_byte_p95_ms),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nexus_edge_stats::figures::WindowView;
    use serde_json::Value;

    use super::*;

    fn fields(row: &impl Serialize) -> BTreeSet<String> {
        let Value::Object(fields) = serde_json::to_value(row).unwrap() else { return BTreeSet::new() };
        fields.into_iter().map(|(name, _)| name).collect()
    }

    fn columns(sheet: &Sheet) -> BTreeSet<String> {
        sheet.columns.iter().filter_map(|path| path.split('.').next()).map(str::to_owned).collect()
    }

    #[test]
    fn every_field_has_a_column() {
        let figures = FiguresView::default();
        let row = GroupRow { group: None, share: None, cost_share: None, figures: &figures };
        assert_eq!(fields(&row), columns(&GROUPS));
        assert_eq!(fields(&point(0, &Line::default(), 0)), columns(&POINTS));
    }

    #[test]
    fn a_point_of_each_line_for_each_bucket() {
        let line = |name: &str, requests: [u64; 2]| Line {
            name: Some(name.to_owned()),
            requests: requests.to_vec(),
            ..Line::default()
        };
        let mut series = Timeseries {
            window: WindowView { from: 10, to: 30, bucket: "minute", tz: "UTC".to_owned() },
            group_by: None,
            buckets: vec![10, 20],
            lines: vec![line("a", [1, 2]), line("b", [3, 4])],
        };
        let read = |series: &Timeseries| -> Vec<(u64, Option<String>, u64)> {
            of_timeseries(series)
                .map(|row| (row.bucket, row.group.map(str::to_owned), row.requests))
                .collect()
        };
        let (a, b) = (Some("a".to_owned()), Some("b".to_owned()));
        assert_eq!(read(&series), [(10, a.clone(), 1), (10, b.clone(), 3), (20, a, 2), (20, b, 4)]);
        series.buckets.clear();
        assert!(read(&series).is_empty());
    }
}
