//! How much of their budgets keys and owners have spent, by the statistics: the sums of a period of the calendar in UTC.
//!
//! The limits themselves are enforced elsewhere and exactly. A budget for all time counts what statistics are kept of.

use std::collections::BTreeMap;

use nexus_edge_core::limits::calendar::Period;
use nexus_edge_core::limits::policy::LimitPolicy;
use nexus_edge_core::limits::subject::{Subject, SubjectKind};
use nexus_edge_stats::breakdown;
use nexus_edge_stats::counters::SummedRow;
use nexus_edge_stats::grain::Grain;
use nexus_edge_stats::series::Dimension;
use nexus_edge_stats::sql::Statement;
use nexus_edge_stats::window::Progress;

use crate::measured::Value;

/// The dimensions of the sums.
const DIMENSIONS: [Dimension; 2] = [Dimension::Key, Dimension::Owner];

/// The budgets of keys and owners, by period.
#[derive(Debug, Default)]
pub struct Budgets {
    /// Millionths of a dollar, by the name of the subject.
    by_period: Vec<(Period, BTreeMap<String, u64>)>,
}

impl Budgets {
    /// Those among these subjects and their policies. Subjects of other kinds are left out.
    #[must_use]
    pub fn of<'a>(policies: impl IntoIterator<Item = (&'a Subject, &'a LimitPolicy)>) -> Self {
        let mut budgets = Self::default();
        for (subject, policy) in policies {
            let Some(budget) = &policy.budget else { continue };
            if !matches!(subject.kind, SubjectKind::Key | SubjectKind::User) {
                continue;
            }
            let known = budgets.by_period.iter().position(|(period, _)| *period == budget.period);
            let place = known.unwrap_or_else(|| {
                budgets.by_period.push((budget.period, BTreeMap::new()));
                budgets.by_period.len() - 1
            });
            if let Some((_, of_period)) = budgets.by_period.get_mut(place) {
                of_period.insert(subject.name(), budget.amount_micros);
            }
        }
        budgets
    }

    /// The statements of what was spent: one for each period that a budget has.
    #[must_use]
    pub fn statements(&self, now_ms: u64, progress: Progress) -> Vec<Statement> {
        let to_ms = Grain::Minute.start_of(now_ms) + Grain::Minute.length_ms();
        let of_period =
            |period: &Period| breakdown::sums(&DIMENSIONS, (period.bounds(now_ms).0, to_ms), progress);
        self.by_period.iter().map(|(period, _)| of_period(period)).collect()
    }

    /// The spent share of each budget; `sums` are the rows of each statement, in their order.
    #[must_use]
    pub fn values(&self, sums: &[Vec<SummedRow>]) -> Vec<Value> {
        let mut values = Vec::new();
        for ((_, budgets), rows) in self.by_period.iter().zip(sums) {
            let mut spent: BTreeMap<String, f64> = BTreeMap::new();
            for row in rows {
                let values = breakdown::values_of(&row.name).and_then(|of| <[String; 2]>::try_from(of).ok());
                let Some([key, owner]) = values else { continue };
                *spent.entry(Subject::key(key).name()).or_default() += row.cost_micros;
                *spent.entry(Subject::new(SubjectKind::User, owner).name()).or_default() += row.cost_micros;
            }
            for (subject, amount) in budgets {
                let spent = spent.get(subject).copied().unwrap_or_default();
                #[expect(clippy::cast_precision_loss, reason = "an amount is below 2^53")]
                let amount = (*amount).max(1) as f64;
                values.push((subject.clone(), spent / amount));
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::limits::rules::Budget;

    fn policy(amount_micros: u64, period: Period) -> LimitPolicy {
        let budget = Some(Budget { amount_micros, period, alert_percent: Vec::new() });
        LimitPolicy { budget, ..LimitPolicy::default() }
    }

    #[test]
    fn a_key_and_its_owner_spend_the_same_money() {
        let (key, owner) = (Subject::key("k1"), Subject::new(SubjectKind::User, "ada"));
        let (idle, model) = (Subject::key("k2"), Subject::model("gpt"));
        let (day, month) = (policy(1_000_000, Period::Day), policy(4_000_000, Period::Month));
        let budgets = Budgets::of([(&key, &day), (&owner, &month), (&idle, &day), (&model, &day)]);
        let statements = budgets.statements(1_795_200_203_000, Progress::default());
        assert_eq!(statements.len(), 2);
        let row = |name: &str, cost_micros: f64| SummedRow {
            name: name.into(),
            cost_micros,
            ..SummedRow::default()
        };
        let today = vec![row(r#"["k1","ada"]"#, 900_000.0)];
        let this_month = vec![row(r#"["k1","ada"]"#, 1_900_000.0), row(r#"["k3","ada"]"#, 100_000.0)];
        let mut values = budgets.values(&[today, this_month]);
        values.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [("key:k1", 0.9), ("key:k2", 0.0), ("user:ada", 0.5)];
        assert_eq!(values, expected.map(|(name, share)| (name.to_owned(), share)));
    }
}
