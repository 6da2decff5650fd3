//! The values of a rule, from what was read of its window.

use std::collections::BTreeMap;

use nexus_edge_core::catalog::AlertRuleRecord;
use nexus_edge_core::catalog::alert_rule::of_millionths;
use nexus_edge_core::catalog::measure::Measure;
use nexus_edge_stats::breakdown::values_of;
use nexus_edge_stats::counters::SummedRow;
use nexus_edge_stats::figures::{Figures, FiguresView, SketchedRow};

use crate::plan::{Look, Selection};

/// Most instances of one rule; of more, those with the fewest requests are not watched.
pub const MAX_INSTANCES: usize = 200;

/// A value of an instance; of the one instance of a rule that is not grouped the name is empty.
pub type Value = (String, f64);

/// What was read of a window: figures by the values of the dimensions of its look.
#[derive(Debug, Default)]
pub struct Measured {
    groups: BTreeMap<Vec<String>, Figures>,
}

impl Measured {
    /// From the rows of both statements of a look.
    #[must_use]
    pub fn of(sums: &[SummedRow], sketches: &[SketchedRow]) -> Self {
        let mut groups: BTreeMap<Vec<String>, Figures> = BTreeMap::new();
        for row in sums {
            if let Some(values) = values_of(&row.name) {
                groups.entry(values).or_default().add(row);
            }
        }
        for row in sketches {
            if let Some(values) = values_of(&row.name) {
                groups.entry(values).or_default().add_sketches(row);
            }
        }
        Self { groups }
    }

    /// The values of a rule. An instance without one is not among them.
    #[must_use]
    pub fn values(&self, rule: &AlertRuleRecord, selection: &Selection, look: &Look) -> Vec<Value> {
        let place = |dimension| look.dimensions.iter().position(|of| *of == dimension);
        let mut instances: BTreeMap<&str, Figures> = BTreeMap::new();
        for (values, figures) in &self.groups {
            let value_of =
                |dimension| place(dimension).and_then(|at| values.get(at)).map_or("", String::as_str);
            let fits = selection
                .filters
                .iter()
                .all(|(dimension, wanted)| wanted.iter().any(|value| value == value_of(*dimension)));
            if fits {
                let instance = selection.group_by.map_or("", value_of);
                instances.entry(instance).or_default().merge(figures);
            }
        }
        let mut views: Vec<(&str, FiguresView)> =
            instances.into_iter().map(|(instance, figures)| (instance, figures.view())).collect();
        if selection.group_by.is_none() && views.is_empty() {
            views.push(("", Figures::default().view()));
        }
        views.sort_by_key(|(_, view)| std::cmp::Reverse(view.requests));
        views
            .into_iter()
            .take(MAX_INSTANCES)
            .filter(|(_, view)| view.requests >= rule.min_requests)
            .filter_map(|(instance, view)| Some((instance.to_owned(), value(rule.measure, &view)?)))
            .collect()
    }
}

/// The value of a measure; `None` where there is nothing to measure.
fn value(measure: Measure, view: &FiguresView) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let number = |count: u64| count as f64;
    let share = |part: u64| (view.requests > 0).then(|| number(part) / number(view.requests));
    Some(match measure {
        Measure::Requests => number(view.requests),
        Measure::Errors => number(view.errors),
        Measure::ErrorRate => return view.error_rate,
        Measure::ClientErrors => number(view.client_errors),
        Measure::Limited => number(view.limited),
        Measure::Timeouts => number(view.timeouts),
        Measure::ServerErrors => number(view.server_errors),
        Measure::ServerErrorRate => return share(view.server_errors + view.timeouts),
        Measure::Cancelled => number(view.cancelled),
        Measure::Retries => number(view.retries),
        Measure::Failovers => number(view.failovers),
        Measure::PromptTokens => number(view.prompt_tokens),
        Measure::CompletionTokens => number(view.completion_tokens),
        Measure::Tokens => number(view.prompt_tokens.saturating_add(view.completion_tokens)),
        Measure::Cost => of_millionths(view.cost_micros),
        Measure::UnpricedRequests => number(view.unpriced_requests),
        Measure::TokenAccuracy => return share(view.requests.saturating_sub(view.estimated_requests)),
        Measure::DurationMean => return view.mean_ms.map(number),
        Measure::DurationP50 => return view.duration_ms.p50.map(number),
        Measure::DurationP95 => return view.duration_ms.p95.map(number),
        Measure::DurationP99 => return view.duration_ms.p99.map(number),
        Measure::FirstByteP50 => return view.first_byte_ms.p50.map(number),
        Measure::FirstByteP95 => return view.first_byte_ms.p95.map(number),
        Measure::FirstByteP99 => return view.first_byte_ms.p99.map(number),
        Measure::CircuitOpen
        | Measure::BudgetUsed
        | Measure::Credits
        | Measure::ActiveSessions
        | Measure::DatabaseMs
        | Measure::QueueLag
        | Measure::DeadLetters
        | Measure::DeadDeliveries => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_stats::series::Dimension;
    use nexus_edge_stats::sketch::Sketch;

    fn row(name: &str, requests: f64, server: f64) -> SummedRow {
        SummedRow { name: name.to_owned(), requests, server, cost_micros: 1e6, ..SummedRow::default() }
    }

    fn rule(measure: Measure, filters: &[(&str, &str)], group_by: Option<&str>) -> AlertRuleRecord {
        AlertRuleRecord {
            measure,
            window_minutes: 5,
            filters: filters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            group_by: group_by.map(str::to_owned),
            ..AlertRuleRecord::new("R".into(), 1)
        }
    }

    fn values(measured: &Measured, rule: &AlertRuleRecord, dimensions: &[Dimension]) -> Vec<Value> {
        let look = Look { window_minutes: 5, dimensions: dimensions.to_vec(), has_sketches: true };
        measured.values(rule, &Selection::of(rule).unwrap(), &look)
    }

    #[test]
    fn rules_of_one_window_are_answered_from_one_set_of_rows() {
        let rows =
            [row(r#"["a","m"]"#, 10.0, 1.0), row(r#"["a","n"]"#, 10.0, 9.0), row(r#"["b","m"]"#, 4.0, 1.0)];
        let measured = Measured::of(&rows, &[]);
        let dimensions = [Dimension::Provider, Dimension::Model];
        let of = |rule: &AlertRuleRecord| values(&measured, rule, &dimensions);
        assert_eq!(of(&rule(Measure::Requests, &[], None)), [(String::new(), 24.0)]);
        assert_eq!(of(&rule(Measure::ErrorRate, &[("provider", "a")], None)), [(String::new(), 0.5)]);
        assert_eq!(of(&rule(Measure::Cost, &[("model", "m, x")], None)), [(String::new(), 2.0)]);
        let grouped = rule(Measure::ServerErrors, &[], Some("provider"));
        assert_eq!(of(&grouped), [("a".to_owned(), 10.0), ("b".to_owned(), 1.0)]);
        let busy = AlertRuleRecord { min_requests: 5, ..grouped };
        assert_eq!(of(&busy), [("a".to_owned(), 10.0)]);
    }

    #[test]
    fn no_requests_are_a_number_of_requests_but_no_rate() {
        let nothing = Measured::of(&[], &[]);
        assert_eq!(values(&nothing, &rule(Measure::Requests, &[], None), &[]), [(String::new(), 0.0)]);
        for measure in
            [Measure::ErrorRate, Measure::TokenAccuracy, Measure::DurationMean, Measure::DurationP95]
        {
            assert_eq!(values(&nothing, &rule(measure, &[], None), &[]), []);
        }
        assert_eq!(values(&nothing, &rule(Measure::Requests, &[], Some("model")), &[Dimension::Model]), []);
    }

    #[test]
    fn percentiles_come_from_sketches() {
        let mut sketch = Sketch::default();
        for value in 1..=100_u64 {
            sketch.record(value * 10);
        }
        let encoded = serde_json::json!({ "name": "[]", "durations": sketch.encode() });
        let sketches: SketchedRow = serde_json::from_value(encoded).unwrap();
        let measured = Measured::of(&[row("[]", 100.0, 0.0)], &[sketches]);
        let found = values(&measured, &rule(Measure::DurationP95, &[], None), &[]);
        assert!((found[0].1 - 950.0).abs() < 15.0, "{found:?}");
        assert_eq!(values(&measured, &rule(Measure::FirstByteP95, &[], None), &[]), []);
    }
}
