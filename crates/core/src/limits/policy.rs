//! The configuration of a subject: its limits, its budget, and what happens when its authority cannot be reached.

use serde::{Deserialize, Deserializer, Serialize};

use super::calendar::Period;
use super::rules::{Budget, FailurePolicy, Limits, Rules};
use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, dollars, integer, numbers, object, one_of};
use crate::row::structure;

/// Largest value of a limit.
const MAX_LIMIT: u64 = 1 << 50;
/// Most alert percentages of a budget.
const MAX_ALERTS: usize = 10;

/// The limits, the budget and the failure policy of a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitPolicy {
    /// Absent fields are no limit.
    #[serde(default)]
    pub limits: Limits,
    /// Money for a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What happens while the authority cannot be reached; `None`: fail closed with a budget, otherwise open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<FailurePolicy>,
}

/// Reads limits that may be stored as JSON text, for `#[serde(deserialize_with)]`. Limits that do not parse let no request
/// pass.
pub fn stored_policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LimitPolicy, D::Error> {
    let stored = structure::<D, LimitPolicy>(deserializer)?;
    Ok(stored.map_or_else(LimitPolicy::default, |policy| policy.unwrap_or_else(|_| LimitPolicy::closed())))
}

impl LimitPolicy {
    /// A policy that refuses every request.
    #[must_use]
    pub fn closed() -> Self {
        Self { limits: Limits { concurrency: Some(0), ..Limits::default() }, budget: None, on_failure: None }
    }

    /// The rules that it is compiled to.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules::new(&self.limits, self.budget.as_ref())
    }

    /// Whether it limits nothing.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.limits == Limits::default() && self.budget.is_none()
    }

    /// The highest alert percentage that `used` of the budget has reached.
    #[must_use]
    pub fn alert(&self, used: u64) -> Option<u8> {
        let budget = self.budget.as_ref()?;
        let reached = |percent: &&u8| {
            u128::from(used) * 100 >= u128::from(budget.amount_micros) * u128::from(**percent)
        };
        budget.alert_percent.iter().filter(reached).max().copied()
    }
}

/// The stored limits of a subject other than a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRecord {
    /// The name of the subject.
    pub subject: String,
    /// A [`LimitPolicy`] as JSON.
    pub policy: String,
}

impl LimitRecord {
    /// Subject and policy. Limits that do not parse let no request pass.
    #[must_use]
    pub fn read(self) -> (String, LimitPolicy) {
        let policy = serde_json::from_str(&self.policy).unwrap_or_else(|_| LimitPolicy::closed());
        (self.subject, policy)
    }
}

input! {
    /// What may be said about the limits of a subject. `limits` and `budget` are replaced as a whole.
    pub struct LimitPolicyInput {
        /// Limits; what is absent is unlimited.
        pub limits: Limits = object::<LimitsInput>().check(|input| Ok(Limits::from(input))),
        /// Money for a period; `null`: no budget.
        pub budget: Budget = object::<BudgetInput>().check(BudgetInput::into_budget),
        /// What happens to requests while the authority over the limits cannot be reached.
        pub on_limit_failure: FailurePolicy = one_of(FailurePolicy::NAMES),
    }
}

input! {
    /// Limits of a subject; what is absent or `null` is unlimited.
    pub struct LimitsInput {
        /// Requests in any minute.
        pub requests_per_minute: u64 = integer(0..=MAX_LIMIT),
        /// Requests in a day.
        pub requests_per_day: u64 = integer(0..=MAX_LIMIT),
        /// Tokens, prompt and answer, in any minute.
        pub tokens_per_minute: u64 = integer(0..=MAX_LIMIT),
        /// Tokens, prompt and answer, in a day.
        pub tokens_per_day: u64 = integer(0..=MAX_LIMIT),
        /// Requests under way at the same time.
        pub concurrency: u64 = integer(0..=MAX_LIMIT),
    }
}

input! {
    /// Money for a period.
    pub struct BudgetInput {
        /// Dollars.
        pub amount: u64 = dollars().required(),
        /// How long the amount is for. Periods begin in UTC, weeks on Monday; `total` never begins anew.
        pub period: Period = one_of(Period::NAMES).required(),
        /// Percentages of the amount at which answers carry a warning; at most 10.
        pub alert_percent: Vec<u64> = numbers(1..=100).check(check_alerts),
    }
}

impl LimitPolicyInput {
    /// Applies the change.
    pub fn apply(&self, policy: &mut LimitPolicy) {
        self.limits.clone().apply_or(&mut policy.limits, Limits::default());
        self.budget.clone().apply_to(&mut policy.budget);
        self.on_limit_failure.clone().apply_to(&mut policy.on_failure);
    }
}

impl From<LimitsInput> for Limits {
    fn from(input: LimitsInput) -> Self {
        Self {
            requests_per_minute: input.requests_per_minute.into_set(),
            requests_per_day: input.requests_per_day.into_set(),
            tokens_per_minute: input.tokens_per_minute.into_set(),
            tokens_per_day: input.tokens_per_day.into_set(),
            concurrency: input.concurrency.into_set(),
        }
    }
}

impl BudgetInput {
    fn into_budget(self) -> Result<Budget, ApiError> {
        let alerts = self.alert_percent.into_set().unwrap_or_default();
        let mut alert_percent: Vec<u8> =
            alerts.into_iter().filter_map(|percent| u8::try_from(percent).ok()).collect();
        alert_percent.sort_unstable();
        alert_percent.dedup();
        Ok(Budget {
            amount_micros: self.amount.required("amount")?,
            period: self.period.required("period")?,
            alert_percent,
        })
    }
}

fn check_alerts(percentages: Vec<u64>) -> Result<Vec<u64>, ApiError> {
    if percentages.len() > MAX_ALERTS {
        let message = format!("`alert_percent` must have at most {MAX_ALERTS} items.");
        return Err(ApiError::invalid("invalid_value", "alert_percent", message));
    }
    Ok(percentages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    fn read(body: &str) -> Result<LimitPolicy, ApiError> {
        let mut policy = LimitPolicy::default();
        LimitPolicyInput::parse(body.as_bytes())?.apply(&mut policy);
        Ok(policy)
    }

    #[test]
    fn a_policy_is_read_and_bad_values_name_their_field() {
        let policy = read(
            r#"{"limits":{"requests_per_minute":5,"tokens_per_day":null},
                "budget":{"amount":12.5,"period":"month","alert_percent":[90,50]},"on_limit_failure":"fail_open"}"#,
        )
        .unwrap();
        assert_eq!(policy.limits, Limits { requests_per_minute: Some(5), ..Limits::default() });
        assert_eq!(policy.budget.as_ref().unwrap().amount_micros, 12_500_000);
        assert_eq!((policy.alert(6_249_999), policy.alert(6_250_000)), (None, Some(50)));
        for (body, param) in [
            (r#"{"limits":{"requests_per_minute":-1}}"#, "limits.requests_per_minute"),
            (r#"{"limits":{"rpm":1}}"#, "limits.rpm"),
            (r#"{"limits":[]}"#, "limits"),
            (r#"{"budget":{"period":"day"}}"#, "budget.amount"),
            (r#"{"budget":{"amount":-1,"period":"day"}}"#, "budget.amount"),
            (r#"{"budget":{"amount":1,"period":"year"}}"#, "budget.period"),
            (r#"{"budget":{"amount":1,"period":"day","alert_percent":[101]}}"#, "budget.alert_percent[0]"),
            (r#"{"on_limit_failure":"ignore"}"#, "on_limit_failure"),
        ] {
            assert_eq!(read(body).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
    }

    #[derive(Deserialize)]
    struct Row {
        #[serde(deserialize_with = "stored_policy")]
        policy: LimitPolicy,
    }

    fn stored(policy: &serde_json::Value) -> LimitPolicy {
        serde_json::from_value::<Row>(serde_json::json!({ "policy": policy })).unwrap().policy
    }

    #[test]
    fn a_stored_policy_that_does_not_parse_lets_nothing_pass() {
        let limits = Limits { requests_per_minute: Some(7), ..Limits::default() };
        let policy = LimitPolicy { limits, ..LimitPolicy::default() };
        assert_eq!(stored(&serde_json::to_string(&policy).unwrap().into()), policy);
        assert_eq!(stored(&serde_json::Value::Null), LimitPolicy::default());
        let closed = stored(&"{broken".into());
        assert_eq!(closed, LimitPolicy::closed());
        assert_eq!((closed.rules().concurrency, closed.is_unlimited()), (Some(0), false));
    }

    #[test]
    fn a_policy_limits_by_its_limits_or_by_its_budget() {
        assert!(LimitPolicy::default().is_unlimited());
        let limits = Limits { requests_per_minute: Some(7), ..Limits::default() };
        let limited = LimitPolicy { limits, ..LimitPolicy::default() };
        assert!(!limited.is_unlimited());
        assert_eq!(limited.rules(), Rules::requests_per_minute(7));
        let budget = read(r#"{"budget":{"amount":1,"period":"day"}}"#).unwrap();
        assert!(!budget.is_unlimited() && budget.rules().has_budget());
    }

    #[test]
    fn a_record_that_does_not_parse_lets_nothing_pass() {
        let record = |policy: &str| LimitRecord { subject: "user:ann".into(), policy: policy.into() };
        assert_eq!(record("{}").read(), ("user:ann".to_owned(), LimitPolicy::default()));
        assert_eq!(record("{broken").read().1, LimitPolicy::closed());
    }

    #[test]
    fn ten_alerts_are_enough() {
        let alerts = |count: usize| {
            let list: Vec<usize> = (1..=count).collect();
            read(&format!(r#"{{"budget":{{"amount":1,"period":"day","alert_percent":{list:?}}}}}"#))
        };
        assert!(alerts(1).is_ok() && alerts(10).is_ok() && alerts(11).is_err() && alerts(12).is_err());
    }
}
