//! The configuration of a subject: its limits, its budget, and what happens when its authority cannot be reached.

use serde::{Deserialize, Serialize};

use super::calendar::Period;
use super::rules::{Budget, FailurePolicy, Limits, Rules};
use crate::catalog::fields::{Fields, Patch};
use crate::error::ApiError;

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
    /// Subject and policy; `None` if the policy does not parse.
    #[must_use]
    pub fn read(self) -> Option<(String, LimitPolicy)> {
        Some((self.subject, serde_json::from_str(&self.policy).ok()?))
    }
}

/// A change of a [`LimitPolicy`] by the admin API. `limits` and `budget` are replaced as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitPolicyInput {
    limits: Patch<Limits>,
    budget: Patch<Budget>,
    on_failure: Patch<FailurePolicy>,
}

impl LimitPolicyInput {
    /// The fields of a policy.
    pub const FIELDS: [&'static str; 3] = ["limits", "budget", "on_limit_failure"];

    /// Reads them.
    pub fn read(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let on_failure = fields.text("on_limit_failure", 1..=20)?.try_map(|name| {
            FailurePolicy::from_name(&name).ok_or_else(|| {
                let message = "`on_limit_failure` must be `fail_open` or `fail_closed`.";
                ApiError::invalid("invalid_value", "on_limit_failure", message)
            })
        })?;
        Ok(Self {
            limits: fields.nested("limits", read_limits)?,
            budget: fields.nested("budget", read_budget)?,
            on_failure,
        })
    }

    /// Applies the change.
    pub fn apply(&self, policy: &mut LimitPolicy) {
        self.limits.clone().apply_or(&mut policy.limits, Limits::default());
        self.budget.clone().apply_to(&mut policy.budget);
        self.on_failure.clone().apply_to(&mut policy.on_failure);
    }
}

fn read_limits(body: &[u8]) -> Result<Limits, ApiError> {
    let names =
        ["requests_per_minute", "requests_per_day", "tokens_per_minute", "tokens_per_day", "concurrency"];
    let fields = Fields::parse(body, &names)?;
    let limit = |name: &str| Ok::<_, ApiError>(fields.integer(name, 0..=MAX_LIMIT)?.into_set());
    Ok(Limits {
        requests_per_minute: limit("requests_per_minute")?,
        requests_per_day: limit("requests_per_day")?,
        tokens_per_minute: limit("tokens_per_minute")?,
        tokens_per_day: limit("tokens_per_day")?,
        concurrency: limit("concurrency")?,
    })
}

fn read_budget(body: &[u8]) -> Result<Budget, ApiError> {
    let fields = Fields::parse(body, &["amount", "period", "alert_percent"])?;
    let amount_micros = fields.dollars("amount")?.required("amount")?;
    let period = fields.text("period", 1..=10)?.required("period")?;
    let period = Period::from_name(&period).ok_or_else(|| {
        let message = "`period` must be `day`, `week`, `month` or `total`.";
        ApiError::invalid("invalid_value", "period", message)
    })?;
    let mut alert_percent: Vec<u8> = fields
        .id_list("alert_percent")?
        .into_set()
        .unwrap_or_default()
        .into_iter()
        .map(|percent| {
            u8::try_from(percent).ok().filter(|percent| *percent <= 100).ok_or_else(|| {
                let message = "`alert_percent` must be a list of whole numbers from 1 to 100.";
                ApiError::invalid("invalid_value", "alert_percent", message)
            })
        })
        .collect::<Result<_, _>>()?;
    alert_percent.sort_unstable();
    alert_percent.dedup();
    if alert_percent.len() > MAX_ALERTS {
        let message = format!("`alert_percent` must have at most {MAX_ALERTS} items.");
        return Err(ApiError::invalid("invalid_value", "alert_percent", message));
    }
    Ok(Budget { amount_micros, period, alert_percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<LimitPolicy, ApiError> {
        let fields = Fields::parse(body.as_bytes(), &LimitPolicyInput::FIELDS)?;
        let mut policy = LimitPolicy::default();
        LimitPolicyInput::read(&fields)?.apply(&mut policy);
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
            (r#"{"budget":{"amount":1,"period":"day","alert_percent":[101]}}"#, "budget.alert_percent"),
            (r#"{"on_limit_failure":"ignore"}"#, "on_limit_failure"),
        ] {
            assert_eq!(read(body).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
    }
}
