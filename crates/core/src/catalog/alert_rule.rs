//! A rule of which the gateway tells when it is broken: a measure that must not cross a threshold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::measure::{Comparison, Measure, Source};
use super::severity::Severity;
use crate::error::ApiError;
use crate::input;
use crate::input::{Patch, Rule, boolean, decimal, integer, integer_u32, one_of, text, text_map};
use crate::row::table::{json, name, table};
use crate::row::{flag, json_or_default};

/// The windows that rules look at, in minutes. There are few, so that all rules together need few statements.
pub const WINDOWS: [u32; 5] = [5, 15, 60, 360, 1440];
/// Longest time that a rule must be broken before it fires, in minutes.
const MAX_FOR_MINUTES: u64 = 1440;
/// Millionths in one.
pub const MILLIONTHS: u64 = 1_000_000;

/// A rule as it is stored. Thresholds are millionths of the measure's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRuleRecord {
    /// ULID, or a word for those that come with the gateway.
    pub id: String,
    /// Its name, unique without regard to case.
    pub name: String,
    /// What it means and what is to be done.
    pub description: String,
    /// Whether it is evaluated.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// How urgent it is.
    pub severity: Severity,
    /// What is watched.
    pub measure: Measure,
    /// What it is watched of, for measures of one thing.
    pub subject: Option<String>,
    /// Only requests with these values of dimensions, each a list separated by commas.
    #[serde(default, deserialize_with = "json_or_default")]
    pub filters: BTreeMap<String, String>,
    /// The dimension by whose values it is watched separately.
    pub group_by: Option<String>,
    /// How far it looks back, in minutes: one of [`WINDOWS`].
    pub window_minutes: u32,
    /// On which side of the threshold it is broken.
    pub comparison: Comparison,
    /// The threshold, in millionths.
    pub threshold: u64,
    /// The threshold at which it is kept again, in millionths.
    pub clear_threshold: Option<u64>,
    /// The least number of requests in the window that say something.
    pub min_requests: u64,
    /// How long it must be broken before it fires, in minutes.
    pub for_minutes: u32,
    /// Until when nothing is sent of it, in milliseconds since the epoch.
    pub silenced_until: Option<u64>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

table! {
    AlertRuleRecord in "alert_rules" unique "name" {
        given id;
        fixed { created_at }
        changing {
            name, description, enabled, subject, group_by, window_minutes, threshold, clear_threshold, min_requests,
            for_minutes, silenced_until,
            severity = |record| name(record.severity.as_str()),
            measure = |record| name(record.measure.as_str()),
            comparison = |record| name(record.comparison.as_str()),
            filters = |record| json(&record.filters),
        }
        elsewhere {}
    }
}

impl AlertRuleRecord {
    /// A rule with default values, created at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: String, now_ms: u64) -> Self {
        Self {
            id,
            name: String::new(),
            description: String::new(),
            enabled: true,
            severity: Severity::Warning,
            measure: Measure::ErrorRate,
            subject: None,
            filters: BTreeMap::new(),
            group_by: None,
            window_minutes: 15,
            comparison: Comparison::Above,
            threshold: 0,
            clear_threshold: None,
            min_requests: 0,
            for_minutes: 0,
            silenced_until: None,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// The rule as the admin API returns it.
    #[must_use]
    pub fn view(&self) -> AlertRuleView<'_> {
        AlertRuleView {
            id: &self.id,
            name: &self.name,
            description: &self.description,
            enabled: self.enabled,
            severity: self.severity,
            measure: self.measure,
            subject: self.subject.as_deref(),
            filters: &self.filters,
            group_by: self.group_by.as_deref(),
            window_minutes: self.window_minutes,
            comparison: self.comparison,
            threshold: of_millionths(self.threshold),
            clear_threshold: self.clear_threshold.map(of_millionths),
            min_requests: self.min_requests,
            for_minutes: self.for_minutes,
            silenced_until: self.silenced_until,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// Checks what only the whole rule shows.
    ///
    /// # Errors
    /// `invalid_value`, which names the field.
    pub fn check(&self) -> Result<(), ApiError> {
        let invalid =
            |param: &'static str, message: &str| Err(ApiError::invalid("invalid_value", param, message));
        if !WINDOWS.contains(&self.window_minutes) {
            let windows = WINDOWS.map(|minutes| minutes.to_string()).join(", ");
            return invalid("window_minutes", &format!("`window_minutes` must be one of {windows}."));
        }
        let needs_subject = self.measure == Measure::Credits;
        if needs_subject != self.subject.is_some() {
            let message =
                "`subject` is the account of the measure `credits`, and belongs to no other measure.";
            return invalid("subject", message);
        }
        if self.measure.source() == Source::State {
            if !self.filters.is_empty() {
                return invalid("filters", "This measure is not one of requests, so it has no filters.");
            }
            if self.group_by.is_some() {
                return invalid("group_by", "This measure is not one of requests, so it cannot be grouped.");
            }
        }
        let is_on_wrong_side = self.clear_threshold.is_some_and(|clear| match self.comparison {
            Comparison::Above => clear > self.threshold,
            Comparison::Below => clear < self.threshold,
        });
        if is_on_wrong_side {
            let message = "`clear_threshold` must lie on the side of `threshold` on which the rule is kept.";
            return invalid("clear_threshold", message);
        }
        Ok(())
    }
}

/// A number in millionths as it is told.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "the numbers are below 2^53")]
pub fn of_millionths(number: u64) -> f64 {
    number as f64 / MILLIONTHS as f64
}

/// A rule as the admin API returns it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the fields are those of the record")]
pub struct AlertRuleView<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub description: &'a str,
    pub enabled: bool,
    pub severity: Severity,
    pub measure: Measure,
    pub subject: Option<&'a str>,
    pub filters: &'a BTreeMap<String, String>,
    pub group_by: Option<&'a str>,
    pub window_minutes: u32,
    pub comparison: Comparison,
    pub threshold: f64,
    pub clear_threshold: Option<f64>,
    pub min_requests: u64,
    pub for_minutes: u32,
    pub silenced_until: Option<u64>,
    pub created_at: u64,
    pub updated_at: u64,
}

input! {
    /// What may be said about an alert rule.
    pub struct AlertRuleInput {
        /// A name for people, unique without regard to case.
        pub name: String = text(1..=100).not_null().required(),
        /// What it means and what is to be done.
        pub description: String = text(0..=2000),
        /// Whether it is evaluated.
        pub enabled: bool = boolean().not_null(),
        /// How urgent it is; `warning` is the default.
        pub severity: Severity = one_of(Severity::NAMES).not_null(),
        /// What is watched.
        pub measure: Measure = one_of(Measure::NAMES).not_null().required(),
        /// The account, for the measure `credits`.
        pub subject: String = text(1..=200),
        /// Only requests with these values, as in the statistics: `{"provider": "openai,azure"}`.
        pub filters: BTreeMap<String, String> = text_map(),
        /// Watches each value of a dimension separately, such as `provider`.
        pub group_by: String = text(1..=50),
        /// How far it looks back: 5, 15, 60, 360 or 1440 minutes; 15 is the default.
        pub window_minutes: u32 = integer_u32(1..=1440).not_null(),
        /// On which side of the threshold it is broken; `above` is the default.
        pub comparison: Comparison = one_of(Comparison::NAMES).not_null(),
        /// The threshold, in the unit of the measure, with at most 6 decimals.
        pub threshold: u64 = decimal().not_null().required(),
        /// The threshold at which a firing rule is kept again; `null`: the same.
        pub clear_threshold: u64 = decimal(),
        /// The least number of requests in the window that say something; 0 is the default.
        pub min_requests: u64 = integer(0..=1_000_000_000),
        /// How long it must be broken before it fires, in minutes; 0 is the default.
        pub for_minutes: u32 = integer_u32(0..=MAX_FOR_MINUTES),
        /// Until when nothing is sent of it, in milliseconds since the epoch.
        pub silenced_until: u64 = integer(0..=1 << 53),
    }
}

impl AlertRuleInput {
    /// Applies the change and checks the result.
    ///
    /// # Errors
    /// Those of [`AlertRuleRecord::check`].
    pub fn apply(&self, record: &mut AlertRuleRecord) -> Result<(), ApiError> {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.description.clone().apply_or(&mut record.description, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        self.severity.clone().apply_or(&mut record.severity, Severity::Warning);
        if let Patch::Set(measure) = self.measure {
            record.measure = measure;
        }
        self.subject.clone().apply_to(&mut record.subject);
        self.filters.clone().apply_or(&mut record.filters, BTreeMap::new());
        self.group_by.clone().apply_to(&mut record.group_by);
        self.window_minutes.clone().apply_or(&mut record.window_minutes, 15);
        self.comparison.clone().apply_or(&mut record.comparison, Comparison::Above);
        self.threshold.clone().apply_or(&mut record.threshold, 0);
        self.clear_threshold.clone().apply_to(&mut record.clear_threshold);
        self.min_requests.clone().apply_or(&mut record.min_requests, 0);
        self.for_minutes.clone().apply_or(&mut record.for_minutes, 0);
        self.silenced_until.clone().apply_to(&mut record.silenced_until);
        record.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    fn made(body: &str) -> Result<AlertRuleRecord, ApiError> {
        let mut record = AlertRuleRecord::new("R".into(), 1);
        AlertRuleInput::parse_new(body.as_bytes())?.apply(&mut record)?;
        Ok(record)
    }

    #[test]
    fn thresholds_are_exact_and_what_is_not_said_has_a_default() {
        let rule = made(r#"{"name":"n","measure":"error_rate","threshold":0.001}"#).unwrap();
        assert_eq!((rule.threshold, rule.window_minutes, rule.for_minutes), (1_000, 15, 0));
        assert!(rule.enabled && rule.severity == Severity::Warning);
        let shown = serde_json::to_value(rule.view()).unwrap();
        assert_eq!(shown["threshold"], 0.001);
    }

    #[test]
    fn a_rule_that_makes_no_sense_names_its_field() {
        let refused = |measure: &str, threshold: &str, rest: &str| {
            let body = format!(r#"{{"name":"n","measure":"{measure}","threshold":{threshold}{rest}}}"#);
            made(&body).unwrap_err().param.unwrap_or_default()
        };
        for (measure, threshold, rest, param) in [
            ("error_rate", "0.5", r#","window_minutes":7"#, "window_minutes"),
            ("error_rate", "0.5", r#","clear_threshold":0.6"#, "clear_threshold"),
            ("error_rate", "0.5", r#","comparison":"below","clear_threshold":0.4"#, "clear_threshold"),
            ("error_rate", "0.5", r#","subject":"ada""#, "subject"),
            ("credits", "5", "", "subject"),
            ("dead_letters", "0", r#","filters":{"key":"k"}"#, "filters"),
            ("circuit_open", "0", r#","group_by":"provider""#, "group_by"),
            ("error_rate", "0.5", r#","for_minutes":1441"#, "for_minutes"),
            ("error_rate", "-1", "", "threshold"),
            ("mood", "1", "", "measure"),
        ] {
            assert_eq!(refused(measure, threshold, rest), param, "{measure} {threshold} {rest}");
        }
        let hysteresis = r#"{"name":"n","measure":"error_rate","threshold":0.5,"clear_threshold":0.4}"#;
        assert!(made(hysteresis).is_ok());
    }
}
