//! A limit that refuses a request, and the error for the caller.

use super::amounts::{Amounts, Unit};
use super::rules::{Rule, RuleKind};
use super::subject::{Subject, SubjectKind};
use super::sync::Refused;
use crate::error::{ApiError, ErrorKind, retry_after_s};

/// Why a request is refused now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The limit that refuses; `None` is the limit on concurrent requests.
    pub kind: Option<RuleKind>,
    /// Its value.
    pub limit: u64,
    /// Milliseconds until it may be admitted; `None` means never.
    pub retry_after_ms: Option<u64>,
}

impl From<&Refused> for Refusal {
    fn from(refused: &Refused) -> Self {
        Self { kind: refused.kind, limit: refused.limit, retry_after_ms: refused.retry_after_ms }
    }
}

impl Refusal {
    /// The error for the caller: 402 for budgets and credits, otherwise 429.
    #[must_use]
    pub fn to_error(&self, subject: &Subject) -> ApiError {
        let who = subject.shown();
        let limit = self.limit;
        let (code, what) = match self.kind {
            None => ("concurrency_exceeded", format!("{limit} requests at once")),
            Some(RuleKind::RequestsPerMinute) => {
                ("requests_per_minute_exceeded", format!("{limit} requests a minute"))
            }
            Some(RuleKind::RequestsPerFiveMinutes) => {
                ("requests_per_five_minutes_exceeded", format!("{limit} requests in five minutes"))
            }
            Some(RuleKind::RequestsPerDay) => {
                ("requests_per_day_exceeded", format!("{limit} requests a day"))
            }
            Some(RuleKind::TokensPerMinute) => {
                ("tokens_per_minute_exceeded", format!("{limit} tokens a minute"))
            }
            Some(RuleKind::TokensPerDay) => ("tokens_per_day_exceeded", format!("{limit} tokens a day")),
            Some(RuleKind::BudgetDay) => ("budget_exceeded", format!("{} a day", dollars(limit))),
            Some(RuleKind::BudgetWeek) => ("budget_exceeded", format!("{} a week", dollars(limit))),
            Some(RuleKind::BudgetMonth) => ("budget_exceeded", format!("{} a month", dollars(limit))),
            Some(RuleKind::BudgetTotal) => ("budget_exceeded", format!("{} in all", dollars(limit))),
        };
        let is_money = self.kind.is_some_and(|kind| kind.unit() == Unit::Cost);
        let code = if subject.kind == SubjectKind::Provider { "provider_rate_limited" } else { code };
        let seconds = self.retry_after_ms.map(retry_after_s);
        let when = seconds.map_or_else(String::new, |seconds| format!(" Retry after {seconds} s."));
        let message = format!("{who} is limited to {what}.{when}");
        let (status, kind) =
            if is_money { (402, ErrorKind::InsufficientQuota) } else { (429, ErrorKind::RateLimit) };
        let error = ApiError::new(status, kind, code, message);
        match seconds {
            Some(seconds) => error.with_retry_after(seconds),
            None => error,
        }
    }
}

/// The error for a request that may owe more than a limit allows in all, so that waiting does not help.
#[must_use]
pub fn too_much(subject: &Subject, rule: &Rule, need: Amounts) -> ApiError {
    let refusal = Refusal { kind: Some(rule.kind), limit: rule.limit, retry_after_ms: None };
    let error = refusal.to_error(subject);
    let most = match rule.kind.unit() {
        Unit::Cost => dollars(need.cost),
        _ => format!("{} tokens", need.tokens),
    };
    let message = format!(
        "{} This request may use up to {most}: ask for fewer or shorter answers, or send a shorter prompt.",
        error.message
    );
    ApiError { message, ..error }
}

/// An amount in millionths of a dollar, formatted for people.
#[must_use]
pub fn dollars(micros: u64) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    let digits = format!("{part:06}");
    let digits = digits.trim_end_matches('0');
    format!("${whole}.{digits:0<2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_limit_and_when_to_come_back() {
        let key = Subject::key("abc");
        let refusal = Refusal { kind: Some(RuleKind::TokensPerDay), limit: 7, retry_after_ms: Some(1_001) };
        let error = refusal.to_error(&key);
        assert_eq!(
            (error.status, error.code, error.retry_after_s),
            (429, "tokens_per_day_exceeded", Some(2))
        );
        let money = Refusal { kind: Some(RuleKind::BudgetTotal), limit: 2_500_000, retry_after_ms: None };
        let error = money.to_error(&key);
        assert_eq!((error.status, error.code, error.retry_after_s), (402, "budget_exceeded", None));
        assert_eq!(error.message, "This API key is limited to $2.50 in all.");
        let rule = Rule { kind: RuleKind::TokensPerMinute, limit: 5_000 };
        let error = too_much(&key, &rule, Amounts::request(131_072, 0));
        assert_eq!(
            (error.status, error.code, error.retry_after_s),
            (429, "tokens_per_minute_exceeded", None)
        );
        assert!(error.message.contains("up to 131072 tokens"), "{}", error.message);
        assert_eq!(dollars(12), "$0.000012");
    }
}
