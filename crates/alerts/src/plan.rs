//! What has to be read for a round: one statement of sums and one of sketches for each window that a rule has, whatever the
//! number of rules. Filters are applied to what was read.

use nexus_edge_core::catalog::AlertRuleRecord;
use nexus_edge_core::catalog::alert_rule::WINDOWS;
use nexus_edge_core::catalog::measure::Source;
use nexus_edge_core::error::ApiError;
use nexus_edge_stats::breakdown;
use nexus_edge_stats::grain::Grain;
use nexus_edge_stats::query;
use nexus_edge_stats::series::Dimension;
use nexus_edge_stats::sql::Statement;
use nexus_edge_stats::window::Progress;

/// Most values of a filter.
const MAX_VALUES: usize = 50;

/// Which requests a rule watches, and what it keeps apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these values of these dimensions.
    pub filters: Vec<(Dimension, Vec<String>)>,
    /// The dimension whose values are watched separately.
    pub group_by: Option<Dimension>,
}

impl Selection {
    /// That of a rule.
    ///
    /// # Errors
    /// `invalid_value` for a name that is no dimension, and for too many values.
    pub fn of(rule: &AlertRuleRecord) -> Result<Self, ApiError> {
        let mut filters = Vec::new();
        for (name, text) in &rule.filters {
            let dimension = query::dimension("filters", name)?;
            let values: Vec<String> = text.split(',').map(|value| value.trim().to_owned()).collect();
            if values.len() > MAX_VALUES {
                let message = format!("A filter takes at most {MAX_VALUES} values.");
                return Err(ApiError::invalid("invalid_value", format!("filters.{name}"), message));
            }
            filters.push((dimension, values));
        }
        let group_by = rule.group_by.as_deref().map(|name| query::dimension("group_by", name)).transpose()?;
        Ok(Self { filters, group_by })
    }

    fn dimensions(&self) -> impl Iterator<Item = Dimension> + '_ {
        self.filters.iter().map(|(dimension, _)| *dimension).chain(self.group_by)
    }
}

/// What is read of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its length in minutes.
    pub window_minutes: u32,
    /// The dimensions that its rules need, in the order of the names of its groups.
    pub dimensions: Vec<Dimension>,
    /// Whether a rule is about percentiles.
    pub has_sketches: bool,
}

impl Look {
    /// The looks that these rules need: at most one for each window. Rules about the state of the gateway need none.
    #[must_use]
    pub fn all(rules: &[AlertRuleRecord]) -> Vec<Self> {
        let looks = WINDOWS.into_iter().filter_map(|window_minutes| {
            let mut look = Self { window_minutes, dimensions: Vec::new(), has_sketches: false };
            let mut is_needed = false;
            for rule in rules.iter().filter(|rule| rule.enabled && rule.window_minutes == window_minutes) {
                if rule.measure.source() == Source::State {
                    continue;
                }
                is_needed = true;
                look.has_sketches |= rule.measure.source() == Source::Sketches;
                let selection = Selection::of(rule).unwrap_or_default();
                look.dimensions.extend(selection.dimensions());
            }
            let used = std::mem::take(&mut look.dimensions);
            look.dimensions.extend(Dimension::ALL.into_iter().filter(|dimension| used.contains(dimension)));
            is_needed.then_some(look)
        });
        looks.collect()
    }

    /// The statement of its sums. The window ends with the minute that is under way.
    #[must_use]
    pub fn sums(&self, now_ms: u64, progress: Progress) -> Statement {
        breakdown::sums(&self.dimensions, self.span(now_ms), progress)
    }

    /// The statement of its sketches, if a rule needs them.
    #[must_use]
    pub fn sketches(&self, now_ms: u64, progress: Progress) -> Option<Statement> {
        self.has_sketches.then(|| breakdown::sketches(&self.dimensions, self.span(now_ms), progress))
    }

    fn span(&self, now_ms: u64) -> (u64, u64) {
        let to_ms = Grain::Minute.start_of(now_ms) + Grain::Minute.length_ms();
        (to_ms.saturating_sub(u64::from(self.window_minutes) * Grain::Minute.length_ms()), to_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::catalog::measure::Measure;

    fn rule(measure: Measure, window_minutes: u32, filters: &[(&str, &str)]) -> AlertRuleRecord {
        let filters = filters.iter().map(|(name, values)| ((*name).to_owned(), (*values).to_owned()));
        AlertRuleRecord {
            measure,
            window_minutes,
            filters: filters.collect(),
            ..AlertRuleRecord::new("R".into(), 1)
        }
    }

    #[test]
    fn a_thousand_rules_need_two_statements_a_window() {
        let mut rules = Vec::new();
        for number in 0..1_000 {
            let provider = format!("p{number}");
            rules.push(rule(Measure::ErrorRate, 5, &[("provider", &provider)]));
            rules.push(rule(Measure::DurationP95, 15, &[("model", "a,b"), ("key", &provider)]));
            rules.push(rule(Measure::DeadLetters, 60, &[]));
        }
        let looks = Look::all(&rules);
        let told: Vec<_> = looks
            .iter()
            .map(|look| (look.window_minutes, look.has_sketches, look.dimensions.len()))
            .collect();
        assert_eq!(told, [(5, false, 1), (15, true, 2)]);
        let statements = looks
            .iter()
            .map(|look| 1 + usize::from(look.sketches(1_795_200_203_000, Progress::default()).is_some()));
        assert_eq!(statements.sum::<usize>(), 3);
        for rule in &mut rules {
            rule.enabled = false;
        }
        assert_eq!(Look::all(&rules), []);
    }

    #[test]
    fn a_filter_must_name_a_dimension() {
        let refused = |filters: &[(&str, &str)]| {
            Selection::of(&rule(Measure::Errors, 5, filters)).unwrap_err().param.unwrap()
        };
        assert_eq!(refused(&[("colour", "red")]), "filters");
        assert_eq!(refused(&[("model", &"m,".repeat(60))]), "filters.model");
        let grouped = AlertRuleRecord { group_by: Some("mood".into()), ..rule(Measure::Errors, 5, &[]) };
        assert_eq!(Selection::of(&grouped).unwrap_err().param.as_deref(), Some("group_by"));
    }
}
