//! Metrics for a collector: cumulative sums, gauges and histograms with the edges that Prometheus sees.

use std::time::Duration;

use nexus_edge_stats::exemplar::Exemplar;
use serde_json::{Value as Json, json};

use super::{attribute, nanos, resource, scope};
use crate::families::{Family, Histogram, Point, Value};
use crate::names::Kind;

/// Sums and histograms are counted from the beginning.
const CUMULATIVE: u8 = 2;

/// The body of a request to `/v1/metrics`. Times are milliseconds since the epoch.
#[must_use]
pub fn request(families: &[Family], since_ms: u64, now_ms: u64, version: &str) -> Json {
    let metrics: Vec<Json> = families.iter().map(|family| metric(family, since_ms, now_ms)).collect();
    json!({ "resourceMetrics": [{
        "resource": resource(version),
        "scopeMetrics": [{ "scope": scope(version), "metrics": metrics }],
    }] })
}

fn metric(Family { metric, points }: &Family, since_ms: u64, now_ms: u64) -> Json {
    let points: Vec<Json> = points.iter().map(|point| data_point(point, since_ms, now_ms)).collect();
    let (kind, data) = match metric.kind {
        Kind::Counter => (
            "sum",
            json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true }),
        ),
        Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
        Kind::Histogram => {
            ("histogram", json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE }))
        }
    };
    json!({ "name": metric.name, "unit": metric.unit, "description": metric.help, kind: data })
}

fn data_point(Point { labels, value }: &Point, since_ms: u64, now_ms: u64) -> Json {
    let attributes: Vec<Json> =
        labels.iter().map(|(name, value)| attribute(name, &json!({ "stringValue": value }))).collect();
    let mut point = json!({
        "attributes": attributes,
        "startTimeUnixNano": nanos(since_ms),
        "timeUnixNano": nanos(now_ms),
    });
    let fields = match value {
        Value::Count(count) => json!({ "asInt": count.to_string() }),
        Value::Number(number) => json!({ "asDouble": number }),
        Value::Histogram(histogram) => histogram_fields(histogram),
    };
    if let (Some(point), Json::Object(fields)) = (point.as_object_mut(), fields) {
        point.extend(fields);
    }
    point
}

/// Counts between edges, where Prometheus has those below each edge.
fn histogram_fields(histogram: &Histogram) -> Json {
    let ends = histogram.edges.iter().map(|(_, count)| *count).chain([histogram.count]);
    let starts = [0].into_iter().chain(histogram.edges.iter().map(|(_, count)| *count));
    let between: Vec<String> =
        ends.zip(starts).map(|(end, start)| end.saturating_sub(start).to_string()).collect();
    let edges: Vec<f64> = histogram.edges.iter().map(|(edge, _)| *edge).collect();
    let exemplars: Vec<Json> =
        histogram.exemplars.iter().map(|(_, exemplar)| exemplar_of(exemplar)).collect();
    json!({
        "exemplars": exemplars,
        "count": histogram.count.to_string(),
        "sum": histogram.sum,
        "bucketCounts": between,
        "explicitBounds": edges,
    })
}

/// A request that stands for values. Its value is in seconds.
fn exemplar_of(exemplar: &Exemplar) -> Json {
    let seconds = Duration::from_millis(exemplar.value_ms).as_secs_f64();
    json!({ "timeUnixNano": nanos(exemplar.at_ms), "asDouble": seconds, "traceId": exemplar.trace })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names;

    #[test]
    fn counts_stand_between_edges() {
        let exemplar = Exemplar { at_ms: 2, trace: "0af7".into(), value_ms: 15 };
        let exemplars = vec![(1, exemplar)];
        let histogram = Histogram { edges: vec![(0.01, 1), (0.02, 4)], count: 6, sum: 0.5, exemplars };
        let points =
            vec![Point { labels: vec![(names::DIALECT, "x".into())], value: Value::Histogram(histogram) }];
        let json = request(&[Family { metric: names::OVERHEAD, points }], 1, 2, "0.1.0");
        let metric = &json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
        assert_eq!(metric["name"], "nexus.gateway.overhead.duration");
        let point = &metric["histogram"]["dataPoints"][0];
        assert_eq!(point["bucketCounts"], json!(["1", "3", "2"]));
        let exemplar = json!({ "timeUnixNano": "2000000", "asDouble": 0.015, "traceId": "0af7" });
        assert_eq!(point["exemplars"], json!([exemplar]));
        assert_eq!((&point["count"], &point["startTimeUnixNano"]), (&json!("6"), &json!("1000000")));
        assert_eq!(point["attributes"][0]["value"]["stringValue"], "x");
    }
}
