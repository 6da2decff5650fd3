//! A submission: an owner offers a private provider to all, and what became of it.
//!
//! | from | `tested` | `approve` | `reject` | `withdraw` |
//! |---|---|---|---|---|
//! | `submitted` | `tested` | – | `rejected` | `withdrawn` |
//! | `tested` | `tested` | `approved`, with limits `approved_limited` | `rejected` | `withdrawn` |
//! | `approved`, `approved_limited` | – | – | `rejected` | `withdrawn` |
//! | `rejected`, `withdrawn` | – | – | – | – |
//!
//! Guarantees: no other step is made; every step is one entry of the history, with who made it and when; a provider is public by
//! a submission only while that is approved. An owner who wants another review makes another submission.

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::suite::Report;
use crate::catalog::{ProviderRecord, Visibility};
use crate::error::ApiError;
use crate::row::json_or_default;
use crate::row::table::{self, json, table};

/// Most steps that are kept; of more, the first and the latest.
const MAX_STEPS: usize = 50;

/// Where a submission stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SubmissionState"))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for its automatic checks.
    #[default]
    Submitted,
    /// It was checked and waits for a review.
    Tested,
    /// The provider is public.
    Approved,
    /// The provider is public within limits.
    ApprovedLimited,
    /// A reviewer refused it, before or after an approval.
    Rejected,
    /// Its owner took it back.
    Withdrawn,
}

impl State {
    /// Every state with its name.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("submitted", Self::Submitted),
        ("tested", Self::Tested),
        ("approved", Self::Approved),
        ("approved_limited", Self::ApprovedLimited),
        ("rejected", Self::Rejected),
        ("withdrawn", Self::Withdrawn),
    ];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, state)| *state == self).map_or("submitted", |(name, _)| name)
    }

    /// Whether it waits for checks or a review.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Submitted | Self::Tested)
    }

    /// Whether the provider is public by it.
    #[must_use]
    pub fn is_approved(self) -> bool {
        matches!(self, Self::Approved | Self::ApprovedLimited)
    }

    /// The state after an action; `None` if the action is not for this state.
    #[must_use]
    pub fn after(self, action: &Action) -> Option<Self> {
        match action {
            Action::Tested(_) if self.is_open() => Some(Self::Tested),
            Action::Approve { limits, .. } if self == Self::Tested => {
                Some(if limits.is_none() { Self::Approved } else { Self::ApprovedLimited })
            }
            Action::Reject { .. } if self.is_open() || self.is_approved() => Some(Self::Rejected),
            Action::Withdraw if self.is_open() || self.is_approved() => Some(Self::Withdrawn),
            _ => None,
        }
    }
}

/// What can be done with a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The automatic checks ran.
    Tested(Report),
    /// A reviewer makes the provider public.
    Approve {
        /// Within these limits.
        limits: Limits,
        /// What the reviewer says about it.
        notes: Option<String>,
        /// Although checks failed.
        despite_failures: bool,
    },
    /// A reviewer refuses it.
    Reject {
        /// Why.
        notes: String,
    },
    /// The owner takes it back.
    Withdraw,
}

impl Action {
    /// Its name, as it stands in the history.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tested(_) => "tested",
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::Withdraw => "withdraw",
        }
    }
}

/// One entry of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SubmissionStep"))]
pub struct Step {
    /// When, in milliseconds since the epoch.
    pub at: u64,
    /// Who: as in the audit log, or `gateway`.
    pub by: String,
    /// What: `submit`, `tested`, `approve`, `reject`, `withdraw`.
    pub action: String,
    /// The state before; `null` for the first step.
    pub from: Option<State>,
    /// The state after.
    pub to: State,
    /// What was said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// A submission as it is stored and shown. It contains no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ProviderSubmission"))]
pub struct SubmissionRecord {
    /// ULID.
    pub id: String,
    /// The provider.
    pub provider_id: i64,
    /// The name of the provider when it was submitted.
    pub provider_name: String,
    /// Whose the provider is.
    pub owner: String,
    /// What the owner says about it.
    pub description: String,
    /// Where it stands.
    #[serde(default)]
    pub state: State,
    /// What the automatic checks found; `null` before they ran.
    #[serde(default, deserialize_with = "json_or_default")]
    pub report: Option<Report>,
    /// Within which limits it was approved.
    #[serde(default, deserialize_with = "json_or_default")]
    pub limits: Limits,
    /// The history, the oldest step first.
    #[serde(default, deserialize_with = "json_or_default")]
    pub steps: Vec<Step>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

table! {
    SubmissionRecord in "provider_submissions" unique "provider_id" {
        given id;
        fixed { provider_id, provider_name, owner, created_at }
        changing {
            description,
            state = |record| table::name(record.state.name()),
            report = |record| json(&record.report),
            limits = |record| json(&record.limits),
            steps = |record| json(&record.steps),
        }
        elsewhere {}
    }
}

impl SubmissionRecord {
    /// A new submission of a provider by `by`, at `now_ms` (milliseconds since the epoch). The provider is in review from here
    /// on.
    ///
    /// # Errors
    /// `own_provider_restricted` (403) for a provider that belongs to no owner; `provider_in_review`, `already_public` (409).
    pub fn of(
        provider: &mut ProviderRecord,
        id: String,
        description: String,
        by: &str,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let Some(owner) = provider.owner.clone() else {
            let message = "Only a provider with an owner is submitted.";
            return Err(ApiError::forbidden("own_provider_restricted", message));
        };
        if provider.in_review {
            let message = "The provider is submitted already.";
            return Err(ApiError::conflict("provider_in_review", "id", message));
        }
        if provider.visibility == Visibility::Public {
            return Err(ApiError::conflict("already_public", "id", "The provider is public already."));
        }
        provider.in_review = true;
        let state = State::Submitted;
        let first = Step {
            at: now_ms,
            by: by.to_owned(),
            action: "submit".into(),
            from: None,
            to: state,
            notes: None,
        };
        Ok(Self {
            id,
            provider_id: provider.id,
            provider_name: provider.name.clone(),
            owner,
            description,
            state,
            report: None,
            limits: Limits::default(),
            steps: vec![first],
            created_at: now_ms,
            updated_at: now_ms,
        })
    }

    /// Makes a step. `provider` is what is submitted, unless it was deleted; it becomes what the new state makes of it.
    ///
    /// # Errors
    /// `wrong_state` (409) for an action that is not for this state; `checks_failed` (409) for an approval although checks
    /// failed. Nothing is changed then.
    pub fn step(
        &mut self,
        action: Action,
        provider: Option<&mut ProviderRecord>,
        by: &str,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        let from = self.state;
        let Some(to) = from.after(&action) else {
            let message = format!("A submission that is {} cannot be {}.", words(from), done(&action));
            return Err(ApiError::conflict("wrong_state", "id", message));
        };
        let has_failed = self.report.as_ref().is_none_or(|report| !report.passed);
        if matches!(action, Action::Approve { despite_failures: false, .. }) && has_failed {
            let message = "Checks failed: approve it with `despite_failures`, or run them again.";
            return Err(ApiError::conflict("checks_failed", "despite_failures", message));
        }
        let action_name = action.name().to_owned();
        let notes = match action {
            Action::Tested(report) => {
                self.report = Some(report);
                None
            }
            Action::Approve { limits, notes, .. } => {
                self.limits = limits;
                notes
            }
            Action::Reject { notes } => Some(notes),
            Action::Withdraw => None,
        };
        self.state = to;
        self.steps.push(Step {
            at: now_ms,
            by: by.to_owned(),
            action: action_name,
            from: Some(from),
            to,
            notes,
        });
        if self.steps.len() > MAX_STEPS {
            self.steps.remove(1);
        }
        if let Some(provider) = provider {
            self.settle(from, provider);
        }
        Ok(())
    }

    /// Makes of the provider what the state says, after a step from `from`.
    fn settle(&self, from: State, provider: &mut ProviderRecord) {
        if from.is_open() {
            provider.in_review = self.state.is_open();
        }
        if self.state.is_approved() {
            provider.visibility = Visibility::Public;
            self.limits.apply(provider);
        } else if from.is_approved() && provider.visibility == Visibility::Public {
            provider.visibility =
                if provider.shared_with.is_empty() { Visibility::Private } else { Visibility::Shared };
        }
    }
}

fn words(state: State) -> &'static str {
    match state {
        State::Submitted => "not tested yet",
        State::Tested => "waiting for a review",
        State::Approved | State::ApprovedLimited => "approved",
        State::Rejected => "rejected",
        State::Withdrawn => "withdrawn",
    }
}

fn done(action: &Action) -> &'static str {
    match action {
        Action::Tested(_) => "tested",
        Action::Approve { .. } => "approved",
        Action::Reject { .. } => "rejected",
        Action::Withdraw => "withdrawn",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::access::person::Scope;

    fn provider() -> ProviderRecord {
        ProviderRecord {
            owner: Some("ada".into()),
            visibility: Visibility::Private,
            ..ProviderRecord::new("uid".into(), "mine".into(), 0)
        }
    }

    fn report(passed: bool) -> Report {
        Report { at: 1, passed, findings: Vec::new() }
    }

    fn approve(limits: Limits, despite_failures: bool) -> Action {
        Action::Approve { limits, notes: None, despite_failures }
    }

    fn submitted() -> (ProviderRecord, SubmissionRecord) {
        let mut provider = provider();
        let made = SubmissionRecord::of(&mut provider, "S".into(), "good".into(), "user:ada", 1).unwrap();
        (provider, made)
    }

    #[test]
    fn the_way_to_a_public_provider_and_back() {
        let (mut provider, mut submission) = submitted();
        assert!(provider.in_review && provider.visibility == Visibility::Private);
        let early = submission.step(approve(Limits::default(), true), Some(&mut provider), "user:r", 2);
        assert_eq!(early.unwrap_err().code, "wrong_state");
        submission.step(Action::Tested(report(false)), Some(&mut provider), "gateway", 2).unwrap();
        let failed = submission.step(approve(Limits::default(), false), Some(&mut provider), "user:r", 3);
        assert_eq!(failed.unwrap_err().code, "checks_failed");
        assert_eq!((submission.state, submission.steps.len()), (State::Tested, 2));
        let limits = Limits { max_qps: Some(2), ..Limits::default() };
        submission.step(approve(limits, true), Some(&mut provider), "user:r", 3).unwrap();
        assert_eq!((submission.state, provider.visibility), (State::ApprovedLimited, Visibility::Public));
        assert_eq!((provider.max_qps, provider.in_review), (Some(2), false));
        submission.step(Action::Withdraw, Some(&mut provider), "user:ada", 4).unwrap();
        assert_eq!((submission.state, provider.visibility), (State::Withdrawn, Visibility::Private));
        let actions: Vec<&str> = submission.steps.iter().map(|step| step.action.as_str()).collect();
        assert_eq!(actions, ["submit", "tested", "approve", "withdraw"]);
    }

    #[test]
    fn a_refusal_says_why_and_another_submission_follows() {
        let (mut provider, mut submission) = submitted();
        let reject = Action::Reject { notes: "The price is a guess.".into() };
        submission.step(reject, Some(&mut provider), "user:r", 2).unwrap();
        assert_eq!(submission.steps.last().unwrap().notes.as_deref(), Some("The price is a guess."));
        assert!(!provider.in_review && provider.visibility == Visibility::Private);
        assert!(SubmissionRecord::of(&mut provider, "S2".into(), String::new(), "user:ada", 3).is_ok());
    }

    #[test]
    fn what_cannot_be_submitted() {
        let code = |mut provider: ProviderRecord| {
            SubmissionRecord::of(&mut provider, "S".into(), String::new(), "user:ada", 1).unwrap_err().code
        };
        assert_eq!(code(ProviderRecord { owner: None, ..provider() }), "own_provider_restricted");
        assert_eq!(code(ProviderRecord { in_review: true, ..provider() }), "provider_in_review");
        assert_eq!(code(ProviderRecord { visibility: Visibility::Public, ..provider() }), "already_public");
    }

    #[test]
    fn what_is_stored_reads_back() {
        for (name, state) in State::NAMES {
            assert_eq!(state.name(), *name);
            assert_eq!(serde_json::to_string(state).unwrap(), format!("\"{name}\""));
        }
        let (_, submission) = submitted();
        let stored = serde_json::to_string(&submission).unwrap();
        assert_eq!(serde_json::from_str::<SubmissionRecord>(&stored).unwrap(), submission);
    }

    fn any_action() -> impl Strategy<Value = Action> {
        prop_oneof![
            any::<bool>().prop_map(|passed| Action::Tested(report(passed))),
            (any::<Option<u16>>(), any::<bool>()).prop_map(|(qps, despite)| {
                let max_qps = qps.map(|qps| u32::from(qps).max(1));
                approve(Limits { max_qps, ..Limits::default() }, despite)
            }),
            Just(Action::Reject { notes: "no".into() }),
            Just(Action::Withdraw),
        ]
    }

    /// The steps of the table at the top of this module.
    fn legal() -> HashSet<(State, &'static str, State)> {
        use State::{Approved, ApprovedLimited, Rejected, Submitted, Tested, Withdrawn};
        let mut legal = HashSet::from([
            (Submitted, "tested", Tested),
            (Tested, "tested", Tested),
            (Tested, "approve", Approved),
            (Tested, "approve", ApprovedLimited),
        ]);
        for state in [Submitted, Tested, Approved, ApprovedLimited] {
            legal.insert((state, "reject", Rejected));
            legal.insert((state, "withdraw", Withdrawn));
        }
        legal
    }

    proptest! {
        #[test]
        fn no_sequence_of_actions_makes_an_illegal_step(actions in prop::collection::vec(any_action(), 0..80)) {
            let (mut provider, mut submission) = submitted();
            let mut made = 1;
            for (at, action) in (2..).zip(actions) {
                let (before, old_provider) = (submission.clone(), provider.clone());
                let name = action.name();
                let outcome = submission.step(action, Some(&mut provider), "user:r", at);
                if outcome.is_err() {
                    prop_assert_eq!(&submission, &before);
                    prop_assert_eq!(&provider, &old_provider);
                    continue;
                }
                made += 1;
                let last = submission.steps.last().unwrap();
                prop_assert!(legal().contains(&(before.state, name, submission.state)));
                prop_assert_eq!((last.from, last.to, last.at), (Some(before.state), submission.state, at));
                prop_assert_eq!(submission.steps.len(), made.min(MAX_STEPS));
                // What others use is what is approved; what is reviewed is out of the owner's hands.
                prop_assert_eq!(provider.visibility == Visibility::Public, submission.state.is_approved());
                prop_assert_eq!(provider.in_review, submission.state.is_open());
                let owner = Scope::Owners(vec!["ada".into()]);
                let is_changeable = provider.check_parts_changeable(&owner).is_ok();
                prop_assert_eq!(is_changeable, !submission.state.is_open() && !submission.state.is_approved());
            }
            prop_assert_eq!(submission.steps.first().unwrap().action.as_str(), "submit");
        }
    }
}
