//! Limits as they are configured, and the rules that they are compiled to.

use serde::{Deserialize, Serialize};

use super::amounts::{Amounts, Unit};
use super::calendar::Period;

/// The limits of one subject. An absent field is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Requests in any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Requests in any 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u64>,
    /// Tokens in any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Tokens in any 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Requests at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
}

/// Money for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Millionths of a dollar.
    pub amount_micros: u64,
    /// Its period.
    pub period: Period,
    /// Percentages of the amount at which the caller is warned, ascending.
    #[serde(default)]
    pub alert_percent: Vec<u8>,
}

/// What to do with a request while the authority over its limits cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailurePolicy {
    /// Admit a few, counted by the isolate alone.
    FailOpen,
    /// Refuse.
    FailClosed,
}

impl FailurePolicy {
    /// Every policy with its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("fail_open", Self::FailOpen), ("fail_closed", Self::FailClosed)];
}

/// Which limit a rule stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// [`Limits::requests_per_minute`]
    RequestsPerMinute,
    /// Wrong keys or tokens from one address in any five minutes.
    RequestsPerFiveMinutes,
    /// [`Limits::requests_per_day`]
    RequestsPerDay,
    /// [`Limits::tokens_per_minute`]
    TokensPerMinute,
    /// [`Limits::tokens_per_day`]
    TokensPerDay,
    /// A [`Budget`] for a day.
    BudgetDay,
    /// A [`Budget`] for a week.
    BudgetWeek,
    /// A [`Budget`] for a month.
    BudgetMonth,
    /// A [`Budget`] for all time.
    BudgetTotal,
}

/// The time over which a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Any interval of this length, counted in slices, all in milliseconds.
    Sliding {
        /// Length of the window.
        length_ms: u64,
        /// Length of a slice.
        slice_ms: u64,
    },
    /// A period of the calendar.
    Calendar(Period),
}

impl RuleKind {
    const ALL: [(Self, &'static str); 9] = [
        (Self::RequestsPerMinute, "requests_per_minute"),
        (Self::RequestsPerFiveMinutes, "requests_per_five_minutes"),
        (Self::RequestsPerDay, "requests_per_day"),
        (Self::TokensPerMinute, "tokens_per_minute"),
        (Self::TokensPerDay, "tokens_per_day"),
        (Self::BudgetDay, "budget_day"),
        (Self::BudgetWeek, "budget_week"),
        (Self::BudgetMonth, "budget_month"),
        (Self::BudgetTotal, "budget_total"),
    ];

    /// The name under which its counters are stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// The kind of a budget for a period.
    #[must_use]
    pub const fn of_budget(period: Period) -> Self {
        match period {
            Period::Day => Self::BudgetDay,
            Period::Week => Self::BudgetWeek,
            Period::Month => Self::BudgetMonth,
            Period::Total => Self::BudgetTotal,
        }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::RequestsPerMinute | Self::RequestsPerFiveMinutes | Self::RequestsPerDay => Unit::Requests,
            Self::TokensPerMinute | Self::TokensPerDay => Unit::Tokens,
            Self::BudgetDay | Self::BudgetWeek | Self::BudgetMonth | Self::BudgetTotal => Unit::Cost,
        }
    }

    /// The time over which it counts. A slice is about a 250th of its window, which is by how much a permit may
    /// become available late.
    #[must_use]
    pub const fn window(self) -> Window {
        match self {
            Self::RequestsPerMinute | Self::TokensPerMinute => {
                Window::Sliding { length_ms: 60_000, slice_ms: 250 }
            }
            Self::RequestsPerFiveMinutes => Window::Sliding { length_ms: 300_000, slice_ms: 1_250 },
            Self::RequestsPerDay | Self::TokensPerDay => {
                Window::Sliding { length_ms: 86_400_000, slice_ms: 300_000 }
            }
            Self::BudgetDay => Window::Calendar(Period::Day),
            Self::BudgetWeek => Window::Calendar(Period::Week),
            Self::BudgetMonth => Window::Calendar(Period::Month),
            Self::BudgetTotal => Window::Calendar(Period::Total),
        }
    }

    /// Whether it stays exhausted for so long that other locations should be told.
    #[must_use]
    pub const fn is_long(self) -> bool {
        !matches!(self, Self::RequestsPerMinute | Self::TokensPerMinute | Self::RequestsPerFiveMinutes)
    }
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its kind.
    #[serde(rename = "k")]
    pub kind: RuleKind,
    /// Its value, in the kind's unit.
    #[serde(rename = "l")]
    pub limit: u64,
}

/// All limits of one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Limits over a window of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<Rule>,
    /// Limit on concurrent requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
}

impl Rules {
    /// The rules for limits and a budget.
    #[must_use]
    pub fn new(limits: &Limits, budget: Option<&Budget>) -> Self {
        let counted = [
            (RuleKind::RequestsPerMinute, limits.requests_per_minute),
            (RuleKind::RequestsPerDay, limits.requests_per_day),
            (RuleKind::TokensPerMinute, limits.tokens_per_minute),
            (RuleKind::TokensPerDay, limits.tokens_per_day),
        ];
        let counted = counted.into_iter().filter_map(|(kind, limit)| limit.map(|limit| Rule { kind, limit }));
        let budget = budget
            .map(|budget| Rule { kind: RuleKind::of_budget(budget.period), limit: budget.amount_micros });
        Self { counted: counted.chain(budget).collect(), concurrency: limits.concurrency }
    }

    /// A limit on requests per minute only.
    #[must_use]
    pub fn requests_per_minute(limit: u64) -> Self {
        Self { counted: vec![Rule { kind: RuleKind::RequestsPerMinute, limit }], concurrency: None }
    }

    /// A limit on requests in five minutes only.
    #[must_use]
    pub fn requests_per_five_minutes(limit: u64) -> Self {
        Self { counted: vec![Rule { kind: RuleKind::RequestsPerFiveMinutes, limit }], concurrency: None }
    }

    /// Whether nothing is limited, so that no authority needs to be asked.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.counted.is_empty() && self.concurrency.is_none()
    }

    /// Whether any rule counts this unit.
    #[must_use]
    pub fn counts(&self, unit: Unit) -> bool {
        self.counted.iter().any(|rule| rule.kind.unit() == unit)
    }

    /// What to ask for so that a request may take `need`: nothing of a unit that no rule counts, and at most the
    /// limit itself, because a request that exceeds it is admitted when nothing else is counted.
    #[must_use]
    pub fn demand(&self, need: Amounts) -> Amounts {
        Amounts::each(|unit| {
            let limits = self.counted.iter().filter(|rule| rule.kind.unit() == unit).map(|rule| rule.limit);
            // A limit of zero still refuses.
            limits.min().map_or(0, |limit| need.of(unit).min(limit.max(1)))
        })
    }

    /// The limit that a request exceeds by itself, so that waiting does not help it.
    #[must_use]
    pub fn exceeded_by(&self, need: Amounts) -> Option<&Rule> {
        let is_exceeded =
            |rule: &&Rule| rule.kind.unit() != Unit::Requests && need.of(rule.kind.unit()) > rule.limit;
        self.counted.iter().find(is_exceeded)
    }

    /// The smallest limit of a unit.
    #[must_use]
    pub fn smallest(&self, unit: Unit) -> Option<u64> {
        self.counted.iter().filter(|rule| rule.kind.unit() == unit).map(|rule| rule.limit).min()
    }

    /// Whether a budget is among the limits.
    #[must_use]
    pub fn has_budget(&self) -> bool {
        self.counts(Unit::Cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_say_what_is_configured_and_nothing_else() {
        assert!(Rules::new(&Limits::default(), None).is_unlimited());
        let limits = Limits { tokens_per_minute: Some(100), ..Limits::default() };
        let budget = Budget { amount_micros: 5, period: Period::Week, alert_percent: vec![] };
        let rules = Rules::new(&limits, Some(&budget));
        assert_eq!(
            rules.counted,
            [
                Rule { kind: RuleKind::TokensPerMinute, limit: 100 },
                Rule { kind: RuleKind::BudgetWeek, limit: 5 }
            ]
        );
        assert_eq!(rules.demand(Amounts::request(7, 9)), Amounts { requests: 0, tokens: 7, cost: 5 });
        assert!(rules.has_budget());
        for (kind, name) in RuleKind::ALL {
            assert_eq!(RuleKind::from_name(name), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{name}\""));
        }
    }

    #[test]
    fn what_rules_limit_is_what_they_count() {
        assert!(Rules::default().is_unlimited());
        let minutes = Rules::requests_per_five_minutes(3);
        assert_eq!(minutes.counted, [Rule { kind: RuleKind::RequestsPerFiveMinutes, limit: 3 }]);
        assert!(!minutes.is_unlimited() && !minutes.has_budget());
        assert!(
            minutes.counts(Unit::Requests) && !minutes.counts(Unit::Tokens) && !minutes.counts(Unit::Cost)
        );
        let slots = Rules::new(&Limits { concurrency: Some(3), ..Limits::default() }, None);
        assert!(!slots.is_unlimited() && !slots.counts(Unit::Requests));
    }

    #[test]
    fn minutes_are_short_and_the_rest_is_long() {
        let short =
            [RuleKind::RequestsPerMinute, RuleKind::TokensPerMinute, RuleKind::RequestsPerFiveMinutes];
        for (kind, _) in RuleKind::ALL {
            assert_eq!(kind.is_long(), !short.contains(&kind), "{kind:?}");
        }
    }
}
