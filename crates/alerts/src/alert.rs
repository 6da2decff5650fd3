//! An alert: a rule that is or was broken, as it is stored and as it is shown.

use nexus_edge_core::catalog::AlertRuleRecord;
use nexus_edge_core::catalog::alert_rule::of_millionths;
use nexus_edge_core::catalog::measure::{Comparison, Measure};
use nexus_edge_core::catalog::severity::Severity;
use nexus_edge_core::row::json_or_default;
use serde::{Deserialize, Serialize};

use crate::state::Broken;

/// What a rule said when it was broken: alerts outlive their rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleSaid {
    /// Its name.
    pub name: String,
    /// How urgent it is.
    pub severity: Severity,
    /// What is watched.
    pub measure: Measure,
    /// On which side of the threshold it is broken.
    pub comparison: Comparison,
    /// The threshold in millionths.
    pub threshold: u64,
    /// How far it looks back, in minutes.
    pub window_minutes: u32,
}

impl Default for RuleSaid {
    fn default() -> Self {
        Self::of(&AlertRuleRecord::new(String::new(), 0))
    }
}

impl RuleSaid {
    /// What this rule says.
    #[must_use]
    pub fn of(rule: &AlertRuleRecord) -> Self {
        Self {
            name: rule.name.clone(),
            severity: rule.severity,
            measure: rule.measure,
            comparison: rule.comparison,
            threshold: rule.threshold,
            window_minutes: rule.window_minutes,
        }
    }
}

/// An alert as it is stored. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// ULID.
    pub id: String,
    /// The rule.
    pub rule_id: String,
    /// Of what: a value of the dimension by which the rule is grouped, a provider, a subject; otherwise empty.
    pub instance: String,
    /// What the rule said.
    #[serde(deserialize_with = "json_or_default")]
    pub rule: RuleSaid,
    /// The value at the last change, in millionths.
    pub value: u64,
    /// Since when it is broken.
    pub began_at: u64,
    /// Since when it fires.
    pub fired_at: Option<u64>,
    /// When webhooks were told.
    pub told_at: Option<u64>,
    /// When an administrator took note of it.
    pub acknowledged_at: Option<u64>,
    /// When it ended.
    pub ended_at: Option<u64>,
}

impl Alert {
    /// The state that the next look starts from; `None` once it has ended.
    #[must_use]
    pub fn state(&self) -> Option<Broken> {
        match (self.ended_at, self.fired_at) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(Broken::Firing),
            (None, None) => Some(Broken::Pending(self.began_at)),
        }
    }

    /// As it is shown.
    #[must_use]
    pub fn view(&self) -> AlertView<'_> {
        AlertView {
            id: &self.id,
            rule_id: &self.rule_id,
            state: match self.state() {
                None => "resolved",
                Some(Broken::Firing) => "firing",
                Some(Broken::Pending(_)) => "pending",
            },
            name: &self.rule.name,
            severity: self.rule.severity,
            measure: self.rule.measure,
            instance: &self.instance,
            comparison: self.rule.comparison,
            threshold: of_millionths(self.rule.threshold),
            window_minutes: self.rule.window_minutes,
            value: of_millionths(self.value),
            began_at: self.began_at,
            fired_at: self.fired_at,
            told_at: self.told_at,
            acknowledged_at: self.acknowledged_at,
            ended_at: self.ended_at,
        }
    }
}

/// An alert as it is shown and sent. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Alert"))]
pub struct AlertView<'a> {
    /// Its id, which sorts by time.
    pub id: &'a str,
    /// The rule.
    pub rule_id: &'a str,
    /// `pending`, `firing` or `resolved`.
    pub state: &'static str,
    /// The name of the rule when it was broken.
    pub name: &'a str,
    /// How urgent it is.
    pub severity: Severity,
    /// What is watched.
    pub measure: Measure,
    /// Of what: a value of the dimension by which the rule is grouped, a provider, `key:<id>`, `user:<owner>` or an account;
    /// empty where it is all together.
    pub instance: &'a str,
    /// On which side of the threshold it is broken.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: f64,
    /// How far the rule looks back, in minutes.
    pub window_minutes: u32,
    /// The value at the last change.
    pub value: f64,
    /// Since when it is broken.
    pub began_at: u64,
    /// Since when it fires.
    pub fired_at: Option<u64>,
    /// When webhooks were told.
    pub told_at: Option<u64>,
    /// When an administrator took note of it.
    pub acknowledged_at: Option<u64>,
    /// When it ended.
    pub ended_at: Option<u64>,
}
