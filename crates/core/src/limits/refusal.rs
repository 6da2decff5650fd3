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
    /// What is left of the limit, if that is known.
    pub left: Option<u64>,
}

impl From<&Refused> for Refusal {
    fn from(refused: &Refused) -> Self {
        let Refused { kind, limit, retry_after_ms, left, .. } = *refused;
        Self { kind, limit, retry_after_ms, left }
    }
}

impl Refusal {
    /// The error for the caller: 402 for budgets and credits, otherwise 429. `least` is what the request would need if its answers
    /// were as short as they can be asked for: where that is left, the message says so.
    #[must_use]
    pub fn to_error(&self, subject: &Subject, least: Amounts) -> ApiError {
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
        let rest = self.rest();
        let fits = self
            .kind
            .is_some_and(|kind| self.left.is_some_and(|left| fits_into(least.of(kind.unit()), left)));
        let advice = match (seconds, fits && !rest.is_empty()) {
            (None, false) => String::new(),
            (Some(seconds), false) => format!(" Retry after {seconds} s."),
            (None, true) => format!(" {SHORTER}."),
            (Some(seconds), true) => format!(" {SHORTER}, or retry after {seconds} s."),
        };
        let message = format!("{who} is limited to {what}{rest}.{advice}");
        let (status, kind) =
            if is_money { (402, ErrorKind::InsufficientQuota) } else { (429, ErrorKind::RateLimit) };
        let error = ApiError::new(status, kind, code, message);
        match seconds {
            Some(seconds) => error.with_retry_after(seconds),
            None => error,
        }
    }
}

/// What a caller can do who cannot wait.
const SHORTER: &str = "A shorter answer may fit (a lower `max_tokens`)";

impl Refusal {
    /// What is left, for limits of which a request takes a part: a smaller one may have room.
    fn rest(&self) -> String {
        match (self.kind.map(RuleKind::unit), self.left) {
            (Some(Unit::Tokens | Unit::Cost), Some(0)) => ", of which nothing is left".to_owned(),
            (Some(Unit::Tokens), Some(left)) => format!(", of which {left} are left"),
            (Some(Unit::Cost), Some(left)) => format!(", of which {} is left", dollars(left)),
            _ => String::new(),
        }
    }
}

fn fits_into(least: u64, left: u64) -> bool {
    left > 0 && least <= left
}

/// The error for a request that may owe more than a limit allows in all, so that waiting does not help.
#[must_use]
pub fn too_much(subject: &Subject, rule: &Rule, need: Amounts) -> ApiError {
    let refusal = Refusal { kind: Some(rule.kind), limit: rule.limit, retry_after_ms: None, left: None };
    let error = refusal.to_error(subject, need);
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

/// The error for a request that may cost more than the credits of its account; `least` is what it may cost with the shortest
/// answers.
#[must_use]
pub fn not_enough(available: u64, cost: u64, least: u64) -> ApiError {
    let (available_shown, cost) = (dollars(available), dollars(cost));
    let advice = if fits_into(least, available) { format!(" {SHORTER}.") } else { String::new() };
    let message = format!(
        "The account of this API key has not enough credits for this request, which may cost up to {cost}: {available_shown} is \
         available.{advice}"
    );
    ApiError::new(402, ErrorKind::InsufficientQuota, "insufficient_credits", message)
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
        let kind = Some(RuleKind::TokensPerDay);
        let refusal = Refusal { kind, limit: 7, retry_after_ms: Some(1_001), left: None };
        let error = refusal.to_error(&key, Amounts::ZERO);
        assert_eq!(
            (error.status, error.code, error.retry_after_s),
            (429, "tokens_per_day_exceeded", Some(2))
        );
        let kind = Some(RuleKind::BudgetTotal);
        let money = Refusal { kind, limit: 2_500_000, retry_after_ms: None, left: None };
        let error = money.to_error(&key, Amounts::ZERO);
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

    #[test]
    fn what_is_left_is_said_and_whether_a_shorter_answer_may_fit() {
        let said = |kind, left, least: u64, retry_after_ms| {
            let refusal = Refusal { kind: Some(kind), limit: 10_000, retry_after_ms, left: Some(left) };
            refusal.to_error(&Subject::key("abc"), Amounts::request(least, least)).message
        };
        assert_eq!(
            said(RuleKind::BudgetDay, 5_400, 100, Some(8_070_001)),
            "This API key is limited to $0.01 a day, of which $0.0054 is left. \
             A shorter answer may fit (a lower `max_tokens`), or retry after 8071 s."
        );
        assert_eq!(
            said(RuleKind::BudgetDay, 5_400, 5_401, Some(1_000)),
            "This API key is limited to $0.01 a day, of which $0.0054 is left. Retry after 1 s.",
            "the prompt alone needs more"
        );
        assert_eq!(
            said(RuleKind::BudgetTotal, 0, 1, None),
            "This API key is limited to $0.01 in all, of which nothing is left."
        );
        assert_eq!(
            said(RuleKind::TokensPerMinute, 70, 70, None),
            "This API key is limited to 10000 tokens a minute, of which 70 are left. \
             A shorter answer may fit (a lower `max_tokens`)."
        );
        let credits = not_enough(5_400, 10_240, 100);
        assert_eq!((credits.status, credits.code), (402, "insufficient_credits"));
        assert_eq!(
            credits.message,
            "The account of this API key has not enough credits for this request, which may cost up to $0.01024: $0.0054 is \
             available. A shorter answer may fit (a lower `max_tokens`)."
        );
        assert!(!not_enough(99, 10_240, 100).message.contains("shorter"));
        assert_eq!(
            said(RuleKind::RequestsPerDay, 0, 0, None),
            "This API key is limited to 10000 requests a day."
        );
    }
}
