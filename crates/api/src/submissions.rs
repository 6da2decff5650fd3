//! Submissions of private providers: checks, review, and the way back.

#[cfg(feature = "openapi")]
use nexus_edge_core::lifecycle::review::{ApproveInput, RejectInput, SubmitInput};
use nexus_edge_core::lifecycle::submission::SubmissionRecord;
use serde::Serialize;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "submission_not_found")];
#[cfg(feature = "openapi")]
const OF_STEPS: &[(u16, &str)] = &[(404, "submission_not_found"), (409, "wrong_state"), (503, "record_busy")];

operations! {
    "Submissions";

    /// List submissions.
    ///
    /// One's own, or with the permission for it all of them; the newest first.
    LIST: Get "/providers/submissions" ReviewProviders / SubmitProviders, |it| it
        .choice("state", &["submitted", "tested", "approved", "approved_limited", "rejected", "withdrawn"], "Only those in this state.")
        .number("limit", 1..=200, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<Submissions>(200, "A page.");

    /// Submit a provider.
    ///
    /// The provider is checked automatically within minutes and then reviewed. Meanwhile its owner does not change it.
    SUBMIT: Post "/providers/{id}/submit" ManageProviders / SubmitProviders, |it| it.optional_body::<SubmitInput>()
        .answer::<SubmissionRecord>(201, "The submission.")
        .errors(&[(403, "own_provider_restricted"), (404, "provider_not_found"),
            (409, "provider_in_review, already_public, too_many_submissions"), (503, "record_busy")]);

    /// Show a submission.
    ///
    /// With what its checks found and the steps that were made.
    GET: Get "/providers/submissions/{id}" ReviewProviders / SubmitProviders, |it| it
        .answer::<SubmissionRecord>(200, "The submission.").errors(NOT_FOUND);

    /// Run the checks of a submission.
    ///
    /// Now, instead of within minutes; also once more. Four real requests to one model of the provider.
    TEST: Post "/providers/submissions/{id}/test" ReviewProviders, |it| it.answer::<SubmissionRecord>(200, "The submission.")
        .errors(OF_STEPS);

    /// Approve a submission.
    ///
    /// The provider becomes public; with limits in the body within these.
    APPROVE: Post "/providers/submissions/{id}/approve" ReviewProviders, |it| it.optional_body::<ApproveInput>()
        .answer::<SubmissionRecord>(200, "The submission.").errors(OF_STEPS).errors(&[(409, "checks_failed")]);

    /// Refuse a submission.
    ///
    /// Also one that was approved: the provider is private again.
    REJECT: Post "/providers/submissions/{id}/reject" ReviewProviders, |it| it.body::<RejectInput>()
        .answer::<SubmissionRecord>(200, "The submission.").errors(OF_STEPS);

    /// Withdraw a submission.
    ///
    /// Also one that was approved: the provider is private again.
    WITHDRAW: Post "/providers/submissions/{id}/withdraw" ReviewProviders / SubmitProviders, |it| it
        .answer::<SubmissionRecord>(200, "The submission.").errors(OF_STEPS);
}

/// A page of submissions.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Submissions {
    /// The submissions.
    pub submissions: Vec<SubmissionRecord>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}
