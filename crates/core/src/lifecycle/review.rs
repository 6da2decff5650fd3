//! What a reviewer says about a submission, and what an owner says when making one.

use super::limits::Limits;
use super::submission::Action;
use crate::catalog::operation::RATE_RANGE;
use crate::input;
use crate::input::{Rule, boolean, integer_u32, text};

input! {
    /// What an owner says about a provider that they submit.
    pub struct SubmitInput {
        /// What the provider is and why others should use it.
        pub description: String = text(0..=2000).not_null(),
    }
}

input! {
    /// An approval. With a limit the provider is public within it.
    pub struct ApproveInput {
        /// Requests a minute.
        pub rate_limit: u32 = integer_u32(RATE_RANGE),
        /// Requests a second.
        pub max_qps: u32 = integer_u32(RATE_RANGE),
        /// Requests under way at the same time.
        pub max_in_flight: u32 = integer_u32(RATE_RANGE),
        /// What the owner is told.
        pub notes: String = text(1..=2000),
        /// Approves it although checks failed.
        pub despite_failures: bool = boolean().not_null(),
    }
}

impl ApproveInput {
    /// The action.
    #[must_use]
    pub fn action(self) -> Action {
        let limits = Limits {
            rate_limit: self.rate_limit.into_set(),
            max_qps: self.max_qps.into_set(),
            max_in_flight: self.max_in_flight.into_set(),
        };
        let despite_failures = self.despite_failures.into_set().unwrap_or(false);
        Action::Approve { limits, notes: self.notes.into_set(), despite_failures }
    }
}

input! {
    /// A refusal.
    pub struct RejectInput {
        /// Why, and what the owner can do about it.
        pub notes: String = text(1..=2000).not_null().required(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    #[test]
    fn a_refusal_needs_a_reason() {
        assert_eq!(RejectInput::parse_new(b"{}").unwrap_err().param.as_deref(), Some("notes"));
        let approved = ApproveInput::parse(br#"{"max_qps":3}"#).unwrap().action();
        let Action::Approve { limits, despite_failures, .. } = approved else { panic!("{approved:?}") };
        assert_eq!((limits.max_qps, limits.is_none(), despite_failures), (Some(3), false, false));
    }
}
