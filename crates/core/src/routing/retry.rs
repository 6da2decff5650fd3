//! Classification of failed attempts: whether another candidate is tried, whose health record is affected, and the
//! class in logs.
//!
//! An error that any upstream would return ends the request: more attempts would cost the caller time and money. An
//! error of the upstream, its key or its model leads to the next candidate. The two questions "can another candidate
//! succeed?" and "whose health is affected?" are answered separately: a model without vision is no reason to distrust
//! its provider.

use serde::{Deserialize, Serialize};

use super::health::Outcome;
use crate::dialect::canonical::StreamFault;

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The upstream could not be reached, or the connection broke.
    Transport,
    /// No headers, or no first chunk of the answer, in time.
    FirstByteTimeout,
    /// The answer began and then stalled.
    Stalled,
    /// The upstream answered with this status.
    Status(u16),
    /// A successful response that cannot be parsed as an answer.
    Unreadable,
    /// The gateway itself refuses the request or cannot serve it, with this status, before any upstream is to blame.
    Own(u16),
    /// The gateway's own concurrency limiter refused: the provider has as many requests as it may.
    Busy,
    /// The candidate lacks a capability that the request needs, which was found before it was asked.
    CapabilityMismatch,
    /// The circuit opened between planning and asking, or another request has the trial.
    CircuitOpen,
}

/// The class of a failure, for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// No connection, or a broken one.
    Transport,
    /// A time-out.
    Timeout,
    /// 429.
    RateLimited,
    /// A fault of the upstream: 5xx and the provider's `retry_statuses`.
    UpstreamError,
    /// The key is invalid or lacks a permission.
    Auth,
    /// The upstream account has no money or quota left.
    OutOfCredit,
    /// This model or upstream lacks a capability; another may have it.
    Capability,
    /// The upstream does not know the model.
    ModelNotFound,
    /// An answer that cannot be parsed.
    InvalidResponse,
    /// The gateway's own concurrency limiter refused.
    Busy,
    /// Not asked, because the circuit is open.
    CircuitOpen,
    /// The request itself is invalid.
    ClientError,
}

impl ErrorClass {
    /// Every class with its name.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("transport", Self::Transport),
        ("timeout", Self::Timeout),
        ("rate_limited", Self::RateLimited),
        ("upstream_error", Self::UpstreamError),
        ("auth", Self::Auth),
        ("out_of_credit", Self::OutOfCredit),
        ("capability", Self::Capability),
        ("model_not_found", Self::ModelNotFound),
        ("invalid_response", Self::InvalidResponse),
        ("busy", Self::Busy),
        ("circuit_open", Self::CircuitOpen),
        ("client_error", Self::ClientError),
    ];

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::NAMES.iter().find(|(_, class)| *class == self).map_or("upstream_error", |(word, _)| word)
    }
}

/// The next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// None: the error is the answer.
    Stop,
    /// With another key of the same provider; if there is none, at the next candidate.
    OtherKey,
    /// At the next candidate; if there is none, the error is the answer.
    OtherCandidate,
}

/// Whose health record the failure counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// None.
    Neutral,
    /// The upstream's.
    Upstream,
    /// The key's; the upstream is not affected.
    Key,
    /// The key's, if it does not let other callers' requests pass either: the upstream does not say whether it refuses the key
    /// or this request.
    KeyOrRequest,
}

/// The classification of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The class.
    pub class: ErrorClass,
    /// The next attempt.
    pub next: Next,
    /// Whose health is affected.
    pub blame: Blame,
}

impl Verdict {
    const fn new(class: ErrorClass, next: Next, blame: Blame) -> Self {
        Self { class, next, blame }
    }

    /// Whether another attempt makes sense.
    #[must_use]
    pub fn may_go_on(&self) -> bool {
        self.next != Next::Stop
    }

    /// The outcomes for the health registry. `retry_after_ms` is the cool-down that the upstream requested;
    /// `only_key` says that the provider has no other key.
    ///
    /// A rate limit applies to an account and a model: if there are other keys, this one cools down; otherwise this
    /// model of this provider does, and its other models stay available.
    #[must_use]
    pub fn outcomes(&self, retry_after_ms: Option<u64>, only_key: bool) -> Outcomes {
        let limited = Outcome::RateLimited { retry_after_ms };
        let neutral = Outcome::Neutral;
        match (self.blame, self.class) {
            (_, ErrorClass::RateLimited) if only_key => {
                Outcomes { provider: neutral, model: limited, key: neutral }
            }
            (_, ErrorClass::RateLimited) => Outcomes { provider: neutral, model: neutral, key: limited },
            (Blame::Upstream, _) => {
                Outcomes { provider: Outcome::Failure, model: Outcome::Failure, key: neutral }
            }
            (Blame::Key, _) => {
                Outcomes { provider: neutral, model: neutral, key: Outcome::Rejected { retry_after_ms } }
            }
            (Blame::KeyOrRequest, _) => {
                Outcomes { provider: neutral, model: neutral, key: Outcome::Refused { retry_after_ms } }
            }
            (Blame::Neutral, _) => Outcomes { provider: neutral, model: neutral, key: neutral },
        }
    }
}

/// The outcomes for the three targets of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcomes {
    /// Of the provider.
    pub provider: Outcome,
    /// Of the model at the provider.
    pub model: Outcome,
    /// Of the key that was used.
    pub key: Outcome,
}

impl Outcomes {
    /// Success.
    pub const SUCCESS: Self =
        Self { provider: Outcome::Success, model: Outcome::Success, key: Outcome::Success };
}

/// Classifies a failed attempt. `code` and `message` are those of the upstream's error, if it could be parsed; they
/// are more specific than the status. `retry_statuses` are the provider's additional status codes that lead to
/// failover.
#[must_use]
pub fn classify(
    failure: Failure,
    code: Option<&str>,
    message: Option<&str>,
    retry_statuses: &[u16],
) -> Verdict {
    use Blame::{Neutral, Upstream};
    use Next::OtherCandidate;
    match failure {
        Failure::Transport => Verdict::new(ErrorClass::Transport, OtherCandidate, Upstream),
        Failure::FirstByteTimeout | Failure::Stalled => {
            Verdict::new(ErrorClass::Timeout, OtherCandidate, Upstream)
        }
        Failure::Unreadable => Verdict::new(ErrorClass::InvalidResponse, OtherCandidate, Upstream),
        // A store of the gateway that fails one candidate may not be needed for the next.
        Failure::Own(500..) => Verdict::new(ErrorClass::ClientError, OtherCandidate, Neutral),
        Failure::Own(_) => Verdict::new(ErrorClass::ClientError, Next::Stop, Neutral),
        Failure::Busy => Verdict::new(ErrorClass::Busy, OtherCandidate, Neutral),
        Failure::CapabilityMismatch => Verdict::new(ErrorClass::Capability, OtherCandidate, Neutral),
        Failure::CircuitOpen => Verdict::new(ErrorClass::CircuitOpen, OtherCandidate, Neutral),
        Failure::Status(status) => classify_status(status, code, message, retry_statuses),
    }
}

/// The outcomes of an answer that was relayed, after its end. `fault`: what was wrong with its stream.
#[must_use]
pub fn outcomes_of_stream(fault: Option<StreamFault>) -> Outcomes {
    let failure = match fault {
        // What a content rule objects to, the upstream has answered.
        None | Some(StreamFault::Blocked) => return Outcomes::SUCCESS,
        Some(StreamFault::Idle) => Failure::Stalled,
        Some(StreamFault::Malformed) => Failure::Unreadable,
        Some(StreamFault::Truncated | StreamFault::UpstreamError) => Failure::Transport,
    };
    classify(failure, None, None, &[]).outcomes(None, true)
}

fn classify_status(
    status: u16,
    code: Option<&str>,
    message: Option<&str>,
    retry_statuses: &[u16],
) -> Verdict {
    use Blame::{KeyOrRequest, Neutral, Upstream};
    use Next::{OtherCandidate, OtherKey, Stop};
    if (400..500).contains(&status)
        && let Some(verdict) = code.and_then(classify_code)
    {
        return verdict;
    }
    match status {
        401 | 403 => Verdict::new(ErrorClass::Auth, OtherKey, KeyOrRequest),
        // OpenRouter also means that the account does not cover the longest answer that this request asks for.
        402 => Verdict::new(ErrorClass::OutOfCredit, OtherKey, KeyOrRequest),
        404 | 410 => Verdict::new(ErrorClass::ModelNotFound, OtherCandidate, Neutral),
        408 | 425 => Verdict::new(ErrorClass::Timeout, OtherCandidate, Upstream),
        // The upstream does not have the operation, or does not accept a request of this size.
        405 | 413 | 501 => Verdict::new(ErrorClass::Capability, OtherCandidate, Neutral),
        429 if message.is_some_and(says_it_is_too_large) => {
            Verdict::new(ErrorClass::Capability, OtherCandidate, Neutral)
        }
        429 => Verdict::new(ErrorClass::RateLimited, OtherKey, Upstream),
        400 | 422 if message.is_some_and(says_it_cannot) => {
            Verdict::new(ErrorClass::Capability, OtherCandidate, Neutral)
        }
        500.. => Verdict::new(ErrorClass::UpstreamError, OtherCandidate, Upstream),
        _ if retry_statuses.contains(&status) => {
            Verdict::new(ErrorClass::UpstreamError, OtherCandidate, Upstream)
        }
        400.. => Verdict::new(ErrorClass::ClientError, Stop, Neutral),
        // An informational, success or redirect status where an error was expected.
        _ => Verdict::new(ErrorClass::InvalidResponse, OtherCandidate, Upstream),
    }
}

/// Error codes of large vendors that are more specific than their status. Those about the key name it: nothing in a request can
/// cause them. Those that refuse what a request asks for are no reason to rest a key that other callers use as well.
fn classify_code(code: &str) -> Option<Verdict> {
    use Blame::{Key, Neutral};
    use Next::{OtherCandidate, OtherKey};
    Some(match code {
        // The request is too long, what it says is refused, or something is not supported: elsewhere it may be.
        "context_length_exceeded"
        | "string_above_max_length"
        | "request_too_large"
        | "moderation"
        | "content_moderation"
        | "data_inspection_failed"
        | "DataInspectionFailed"
        | "unsupported_parameter"
        | "unsupported_value"
        | "unsupported_feature"
        | "unsupported_model"
        | "model_not_supported"
        | "unknown_parameter" => Verdict::new(ErrorClass::Capability, OtherCandidate, Neutral),
        "model_not_found" | "DeploymentNotFound" | "ModelNotFound" | "model_deprecated" => {
            Verdict::new(ErrorClass::ModelNotFound, OtherCandidate, Neutral)
        }
        "insufficient_quota"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "insufficient_balance"
        | "Arrearage" => Verdict::new(ErrorClass::OutOfCredit, OtherKey, Key),
        "invalid_api_key"
        | "account_deactivated"
        | "API_KEY_INVALID"
        | "CONSUMER_SUSPENDED"
        | "InvalidApiKey"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException" => Verdict::new(ErrorClass::Auth, OtherKey, Key),
        // The account, or this key of it, may not use what the request asks for; another key may.
        "permission_error"
        | "insufficient_permissions"
        | "mismatched_organization"
        | "mismatched_project"
        | "invalid_organization"
        | "invalid_project"
        | "model_permission_blocked_org"
        | "model_permission_blocked_project"
        | "PERMISSION_DENIED"
        | "SERVICE_DISABLED"
        | "API_KEY_SERVICE_BLOCKED"
        | "AccessDeniedException"
        | "AccessDenied"
        | "AccessDenied.Unpurchased"
        | "Model.AccessDenied" => Verdict::new(ErrorClass::Auth, OtherKey, Neutral),
        _ => return None,
    })
}

/// Whether the message of a 400 says that this model lacks a capability, for vendors without codes. Only wordings
/// that name a limit of the model are listed: a false positive costs one useless attempt.
fn says_it_cannot(message: &str) -> bool {
    const WORDINGS: &[&str] = &[
        "not supported",
        "unsupported",
        "does not support",
        "doesn't support",
        "maximum context length",
        "context window",
        "prompt is too long",
        "exceeds the maximum number of tokens",
    ];
    // Long messages quote the request; the upstream's own text is at the beginning.
    let start: String = message.chars().take(400).collect::<String>().to_ascii_lowercase();
    WORDINGS.iter().any(|wording| start.contains(wording))
}

/// Whether the message of a 429 says that this request alone is larger than the account's limit: waiting does not help it, and
/// smaller requests pass.
fn says_it_is_too_large(message: &str) -> bool {
    const BEGINNINGS: &[&str] = &["request too large", "extra usage is required for long context"];
    let start: String = message.chars().take(60).collect::<String>().to_ascii_lowercase();
    BEGINNINGS.iter().any(|beginning| start.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Verdict {
        classify(Failure::Status(status), None, None, &[])
    }

    #[test]
    fn what_the_gateway_itself_refuses_counts_against_no_upstream_and_no_key() {
        for status in [400, 401, 403, 404, 408, 429] {
            let own = classify(Failure::Own(status), Some("invalid_api_key"), None, &[status]);
            assert_eq!(own, Verdict::new(ErrorClass::ClientError, Next::Stop, Blame::Neutral), "{status}");
        }
        let broken = classify(Failure::Own(503), None, None, &[]);
        assert_eq!(broken, Verdict::new(ErrorClass::ClientError, Next::OtherCandidate, Blame::Neutral));
    }

    #[test]
    fn what_is_the_upstreams_fault_goes_on_and_counts() {
        for (verdict, class) in [
            (classify(Failure::Transport, None, None, &[]), ErrorClass::Transport),
            (classify(Failure::FirstByteTimeout, None, None, &[]), ErrorClass::Timeout),
            (classify(Failure::Stalled, None, None, &[]), ErrorClass::Timeout),
            (classify(Failure::Unreadable, None, None, &[]), ErrorClass::InvalidResponse),
            (status(408), ErrorClass::Timeout),
            (status(425), ErrorClass::Timeout),
            (status(500), ErrorClass::UpstreamError),
            (status(503), ErrorClass::UpstreamError),
            (status(529), ErrorClass::UpstreamError),
            (status(302), ErrorClass::InvalidResponse),
        ] {
            assert_eq!(verdict, Verdict::new(class, Next::OtherCandidate, Blame::Upstream));
            let outcomes = verdict.outcomes(None, true);
            assert_eq!((outcomes.provider, outcomes.model), (Outcome::Failure, Outcome::Failure));
            assert_eq!(outcomes.key, Outcome::Neutral);
        }
    }

    #[test]
    fn a_faulty_stream_is_the_upstreams_fault() {
        assert_eq!(outcomes_of_stream(None), Outcomes::SUCCESS);
        for fault in
            [StreamFault::Truncated, StreamFault::Malformed, StreamFault::Idle, StreamFault::UpstreamError]
        {
            let outcomes = outcomes_of_stream(Some(fault));
            assert_eq!((outcomes.provider, outcomes.model), (Outcome::Failure, Outcome::Failure));
            assert_eq!(outcomes.key, Outcome::Neutral);
        }
    }

    #[test]
    fn a_bad_key_is_the_keys_fault() {
        for (verdict, class) in [
            (classify(Failure::Status(429), Some("insufficient_quota"), None, &[]), ErrorClass::OutOfCredit),
            (classify(Failure::Status(400), Some("invalid_api_key"), None, &[]), ErrorClass::Auth),
        ] {
            assert_eq!(verdict, Verdict::new(class, Next::OtherKey, Blame::Key));
            let outcomes = verdict.outcomes(Some(5), false);
            assert_eq!((outcomes.provider, outcomes.model), (Outcome::Neutral, Outcome::Neutral));
            assert_eq!(outcomes.key, Outcome::Rejected { retry_after_ms: Some(5) });
        }
    }

    #[test]
    fn a_refusal_without_a_code_of_the_key_may_be_about_the_request() {
        for (refused, class) in
            [(401, ErrorClass::Auth), (403, ErrorClass::Auth), (402, ErrorClass::OutOfCredit)]
        {
            let verdict = status(refused);
            assert_eq!(verdict, Verdict::new(class, Next::OtherKey, Blame::KeyOrRequest));
            let outcomes = verdict.outcomes(Some(5), false);
            assert_eq!((outcomes.provider, outcomes.model), (Outcome::Neutral, Outcome::Neutral));
            assert_eq!(outcomes.key, Outcome::Refused { retry_after_ms: Some(5) });
        }
    }

    #[test]
    fn what_only_this_request_may_not_do_rests_nothing() {
        for (status, code, next) in [
            (401, "mismatched_organization", Next::OtherKey),
            (403, "permission_error", Next::OtherKey),
            (403, "PERMISSION_DENIED", Next::OtherKey),
            (403, "AccessDeniedException", Next::OtherKey),
            (403, "Model.AccessDenied", Next::OtherKey),
            (403, "moderation", Next::OtherCandidate),
            (403, "model_not_found", Next::OtherCandidate),
        ] {
            let verdict = classify(Failure::Status(status), Some(code), None, &[]);
            assert_eq!((verdict.next, verdict.blame), (next, Blame::Neutral), "{code}");
        }
        let large = "Request too large for gpt-5 in organization o on tokens per min (TPM): Limit 30000, Requested 90000";
        let verdict = classify(Failure::Status(429), Some("rate_limit_exceeded"), Some(large), &[]);
        assert_eq!((verdict.next, verdict.blame), (Next::OtherCandidate, Blame::Neutral));
    }

    #[test]
    fn a_rate_limit_rests_the_key_or_the_model() {
        let verdict = status(429);
        assert_eq!((verdict.class, verdict.next), (ErrorClass::RateLimited, Next::OtherKey));
        let limited = Outcome::RateLimited { retry_after_ms: Some(7) };
        let neutral = Outcome::Neutral;
        let only = Outcomes { provider: neutral, model: limited, key: neutral };
        let one_of_many = Outcomes { provider: neutral, model: neutral, key: limited };
        assert_eq!(verdict.outcomes(Some(7), true), only);
        assert_eq!(verdict.outcomes(Some(7), false), one_of_many);
    }

    #[test]
    fn what_another_model_may_be_able_to_do_goes_on_without_blame() {
        for (verdict, class) in [
            (status(404), ErrorClass::ModelNotFound),
            (status(413), ErrorClass::Capability),
            (status(501), ErrorClass::Capability),
            (classify(Failure::CapabilityMismatch, None, None, &[]), ErrorClass::Capability),
            (classify(Failure::Busy, None, None, &[]), ErrorClass::Busy),
            (classify(Failure::CircuitOpen, None, None, &[]), ErrorClass::CircuitOpen),
            (
                classify(Failure::Status(400), Some("context_length_exceeded"), None, &[400]),
                ErrorClass::Capability,
            ),
            (
                classify(Failure::Status(400), Some("unsupported_parameter"), None, &[]),
                ErrorClass::Capability,
            ),
            (classify(Failure::Status(403), Some("model_not_found"), None, &[]), ErrorClass::ModelNotFound),
            (
                classify(Failure::Status(400), None, Some("Image input is NOT supported by this model"), &[]),
                ErrorClass::Capability,
            ),
        ] {
            assert_eq!(verdict, Verdict::new(class, Next::OtherCandidate, Blame::Neutral));
            assert_eq!(verdict.outcomes(None, false).model, Outcome::Neutral);
        }
    }

    #[test]
    fn the_callers_fault_is_final_unless_the_provider_says_otherwise() {
        for client in [400, 406, 409, 415, 418, 422, 499] {
            assert_eq!(
                status(client),
                Verdict::new(ErrorClass::ClientError, Next::Stop, Blame::Neutral),
                "{client}"
            );
            let listed = classify(Failure::Status(client), None, Some("bad"), &[client]);
            assert_eq!(listed.class, ErrorClass::UpstreamError);
            assert!(listed.may_go_on());
        }
        assert!(!classify(Failure::Status(400), Some("content_filter"), None, &[]).may_go_on());
    }

    #[test]
    fn every_class_has_the_word_that_it_is_stored_by() {
        for (word, class) in ErrorClass::NAMES {
            assert_eq!(class.word(), *word);
            assert_eq!(serde_json::to_string(class).unwrap(), format!("\"{word}\""));
        }
    }
}
