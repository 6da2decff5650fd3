//! Families as text for Prometheus: its own format 0.0.4, and `OpenMetrics` 1.0 for those who accept it.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://github.com/OpenObservability/OpenMetrics/blob/main/specification/OpenMetrics.md>

use std::fmt::Write as _;

use nexus_edge_stats::exemplar::Exemplar;

use crate::families::{Family, Value};
use crate::names::{Kind, underscored};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own.
    Text,
    /// `OpenMetrics`.
    OpenMetrics,
}

impl Format {
    /// The format that a request wants by its `Accept`: `OpenMetrics` if it weighs no less than text.
    #[must_use]
    pub fn accepted(accept: Option<&str>) -> Self {
        let (mut text, mut open) = (0.0_f64, 0.0_f64);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let weight = |part: &str| part.strip_prefix("q=").and_then(|q| q.trim().parse().ok());
            match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/openmetrics-text" => open = open.max(parts.find_map(weight).unwrap_or(1.0)),
                "text/plain" => text = text.max(parts.find_map(weight).unwrap_or(1.0)),
                _ => {}
            }
        }
        if open > 0.0 && open >= text { Self::OpenMetrics } else { Self::Text }
    }

    /// Its content type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The families as text.
#[must_use]
pub fn write(families: &[Family], format: Format) -> String {
    let mut text = String::with_capacity(64 * 1024);
    for family in families {
        write_family(&mut text, family, format);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn write_family(text: &mut String, Family { metric, points }: &Family, format: Format) {
    let family = metric.family();
    let (kind, sample) = match metric.kind {
        Kind::Counter => ("counter", format!("{family}_total")),
        Kind::Gauge => ("gauge", family.clone()),
        Kind::Histogram => ("histogram", family.clone()),
    };
    // Prometheus' own format has the suffix of a counter in its type as well.
    let described = if format == Format::Text { &sample } else { &family };
    // Writing to a text does not fail.
    let _ = writeln!(text, "# HELP {described} {}", escaped(metric.help));
    let _ = writeln!(text, "# TYPE {described} {kind}");
    if format == Format::OpenMetrics
        && let Some(unit) =
            ["seconds", "bytes", "usd"].into_iter().find(|unit| family.ends_with(&format!("_{unit}")))
    {
        let _ = writeln!(text, "# UNIT {described} {unit}");
    }
    for point in points {
        let labels: Vec<String> = point
            .labels
            .iter()
            .map(|(name, value)| format!("{}=\"{}\"", underscored(name), escaped_label(value)))
            .collect();
        let labels = labels.join(",");
        match &point.value {
            Value::Count(count) => write_sample(text, &sample, "", &labels, count),
            Value::Number(number) => write_sample(text, &sample, "", &labels, number),
            Value::Histogram(histogram) => {
                let separator = if labels.is_empty() { "" } else { "," };
                let edges = histogram.edges.iter().map(|(edge, count)| (format!("{edge:?}"), count));
                let all = edges.chain([("+Inf".to_owned(), &histogram.count)]);
                for (number, (edge, count)) in all.enumerate() {
                    let labels = format!("{labels}{separator}le=\"{edge}\"");
                    // Prometheus' own format has no exemplars.
                    match histogram.exemplar(number).filter(|_| format == Format::OpenMetrics) {
                        Some(exemplar) => {
                            let count = format!("{count} # {}", exemplar_text(exemplar));
                            write_sample(text, &sample, "_bucket", &labels, &count);
                        }
                        None => write_sample(text, &sample, "_bucket", &labels, count),
                    }
                }
                write_sample(text, &sample, "_sum", &labels, &histogram.sum);
                write_sample(text, &sample, "_count", &labels, &histogram.count);
            }
        }
    }
}

fn write_sample(text: &mut String, name: &str, suffix: &str, labels: &str, value: &dyn std::fmt::Display) {
    let _ = if labels.is_empty() {
        writeln!(text, "{name}{suffix} {value}")
    } else {
        writeln!(text, "{name}{suffix}{{{labels}}} {value}")
    };
}

/// A request with its trace, its value in seconds, and when it was measured.
fn exemplar_text(exemplar: &Exemplar) -> String {
    let trace = escaped_label(&exemplar.trace);
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
    format!("{{trace_id=\"{trace}\"}} {} {}", seconds(exemplar.value_ms), seconds(exemplar.at_ms))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn escaped_label(text: &str) -> String {
    escaped(text).replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::{Histogram, Point};
    use crate::names;
    use proptest::prelude::*;

    #[test]
    fn the_format_is_that_which_is_accepted() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (None, Format::Text),
            (Some(""), Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/html, text/plain"), Format::Text),
            (Some(prometheus), Format::OpenMetrics),
            (Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"), Format::Text),
            (Some("application/openmetrics-text;q=0.1, text/plain;q=0.2"), Format::Text),
            (Some("Application/OpenMetrics-Text; version=1.0.0; q=0"), Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept:?}");
        }
    }

    fn shown(format: Format) -> String {
        let of = |trace: &str, value_ms| Exemplar { at_ms: 1_795_200_203_007, trace: trace.into(), value_ms };
        let exemplars = vec![(1, of("0af7", 1_280)), (2, of("b7ad", 70_005))];
        let value = Histogram { edges: vec![(0.01, 1), (1.28, 2)], count: 3, sum: 1.5, exemplars };
        let labels = vec![(names::OPERATION, "chat".to_owned())];
        let point = |labels, value| vec![Point { labels, value }];
        write(
            &[
                Family { metric: names::CACHE_HITS, points: point(Vec::new(), Value::Count(4)) },
                Family { metric: names::USAGE_LAG, points: point(labels, Value::Histogram(value)) },
            ],
            format,
        )
    }

    #[test]
    fn both_formats_say_the_same() {
        assert_eq!(
            shown(Format::Text),
            "# HELP nexus_cache_hits_total Requests that a cached response answered.\n\
             # TYPE nexus_cache_hits_total counter\n\
             nexus_cache_hits_total 4\n\
             # HELP nexus_usage_lag_seconds Time from the end of a request to its record in the database.\n\
             # TYPE nexus_usage_lag_seconds histogram\n\
             nexus_usage_lag_seconds_bucket{gen_ai_operation_name=\"chat\",le=\"0.01\"} 1\n\
             nexus_usage_lag_seconds_bucket{gen_ai_operation_name=\"chat\",le=\"1.28\"} 2\n\
             nexus_usage_lag_seconds_bucket{gen_ai_operation_name=\"chat\",le=\"+Inf\"} 3\n\
             nexus_usage_lag_seconds_sum{gen_ai_operation_name=\"chat\"} 1.5\n\
             nexus_usage_lag_seconds_count{gen_ai_operation_name=\"chat\"} 3\n"
        );
        let open = shown(Format::OpenMetrics);
        assert!(open.contains("# TYPE nexus_cache_hits counter\nnexus_cache_hits_total 4\n"), "{open}");
        for (edge, line) in [
            ("0.01", "1\n"),
            ("1.28", "2 # {trace_id=\"0af7\"} 1.280 1795200203.007\n"),
            ("+Inf", "3 # {trace_id=\"b7ad\"} 70.005 1795200203.007\n"),
        ] {
            assert!(open.contains(&format!("le=\"{edge}\"}} {line}")), "{open}");
        }
        assert!(
            open.contains("# UNIT nexus_usage_lag_seconds seconds\n") && open.ends_with("# EOF\n"),
            "{open}"
        );
    }

    proptest! {
        #[test]
        fn no_name_of_a_model_breaks_a_line(model in "\\PC*|[\"\\\\\n\r]{0,9}") {
            let labels = vec![(names::REQUEST_MODEL, model)];
            let points = vec![Point { labels, value: Value::Count(1) }];
            let text = write(&[Family { metric: names::REQUESTS, points }], Format::Text);
            let line = text.split_once("counter\n").unwrap().1;
            let is_whole = line.starts_with("nexus_requests_total{gen_ai_request_model=\"") && line.ends_with("\"} 1\n");
            prop_assert!(is_whole, "{}", line);
            prop_assert_eq!(line.matches('\n').count(), 1);
        }
    }
}
