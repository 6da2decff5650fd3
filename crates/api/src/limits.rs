//! Limits: how a subject stands, and the limits of everything but keys, which have theirs on the key.

#[cfg(feature = "openapi")]
use nexus_edge_core::limits::LimitPolicyInput;
use nexus_edge_core::limits::policy::LimitPolicy;
use nexus_edge_core::limits::rules::RuleKind;
use nexus_edge_core::limits::{Budget, FailurePolicy, Limits};
use serde::Serialize;

use crate::declare::operations;
use crate::money::dollars;

#[cfg(feature = "openapi")]
const SUBJECT: &str = "`key:<id>`, `user:<owner>` or `model:<name>`.";

operations! {
    "Limits";

    /// List the limits.
    ///
    /// Every subject with limits of its own; those of keys stand on the key, and are here only `with=usage`.
    LIST: Get "/limits" ViewLimits / ViewOwnLimits, |it| it
        .choice("with", &["usage"], "How much of each limit is used, and the limits of keys, too: a page of subjects, that which is nearest to an end first.")
        .number("limit", 1..=100, "Subjects of a page with their usage; 50 is the default.")
        .text("cursor", "`next_cursor` of the page before.")
        .answer::<LimitList<'_>>(200, "The subjects with their limits.");

    /// Show the limits of a subject.
    ///
    /// And how much of them is used at the moment, in the whole world.
    GET: Get "/limits/{subject...}" ViewLimits / ViewOwnLimits, |it| it.path("subject", SUBJECT)
        .answer::<SubjectState<'_>>(200, "Limits and use.").errors(&[(404, "subject_not_found")]);

    /// Set the limits of an owner or a model.
    PUT: Put "/limits/{subject...}" ManageLimits, |it| it.path("subject", "`user:<owner>` or `model:<name>`.")
        .body::<LimitPolicyInput>().answer::<SubjectLimits<'_>>(200, "The limits as they are now.")
        .errors(&[(404, "subject_not_found")]);

    /// Remove the limits of an owner or a model.
    DELETE: Delete "/limits/{subject...}" ManageLimits, |it| it.path("subject", "`user:<owner>` or `model:<name>`.")
        .deleted("string").errors(&[(404, "subject_not_found")]);
}

/// Subjects and their limits.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LimitList<'a> {
    /// The subjects.
    pub limits: Vec<ListedLimits<'a>>,
    /// Of a page with usage: give it as `cursor` for the next one; `null` on the last.
    pub next_cursor: Option<&'a str>,
}

/// A subject of the list.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ListedLimits<'a> {
    /// The subject.
    pub subject: &'a str,
    /// The name of the key, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Its limits and budget.
    #[serde(flatten)]
    pub policy: PolicyView<'a>,
    /// Each limit with what is used of it, if that was asked for; `null` if the authority cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Vec<LimitUsage>>,
    /// Requests under way, where their number is limited and that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<u64>,
    /// The largest part of a limit that is used, from 0 to 1, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<f64>,
}

/// A subject and its limits.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SubjectLimits<'a> {
    /// The subject.
    pub subject: &'a str,
    /// Its limits and budget.
    #[serde(flatten)]
    pub policy: PolicyView<'a>,
}

/// How a subject stands.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SubjectState<'a> {
    /// The subject.
    pub subject: &'a str,
    /// Its limits and budget.
    #[serde(flatten)]
    pub policy: PolicyView<'a>,
    /// Each limit with what is used of it.
    pub usage: Vec<LimitUsage>,
    /// Requests under way, where their number is limited.
    pub running: Option<u64>,
    /// How often isolates have asked the authority since it was last loaded.
    pub authority_calls: u64,
}

/// One limit and what is used of it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LimitUsage {
    /// Which limit.
    pub limit: RuleKind,
    /// The most; of budgets in micro-dollars.
    pub max: u64,
    /// What is used.
    pub used: u64,
    /// What is left.
    pub remaining: u64,
    /// Milliseconds until all of it is available again; `null` where that never happens.
    pub reset_ms: Option<u64>,
}

/// A policy as the admin API shows it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PolicyView<'a> {
    /// Limits; what is absent is unlimited.
    pub limits: &'a Limits,
    /// Money for a period.
    pub budget: Option<BudgetView<'a>>,
    /// What happens while the authority cannot be reached; `null`: the default.
    pub on_limit_failure: Option<FailurePolicy>,
}

/// A budget in dollars.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BudgetView<'a> {
    /// Dollars.
    pub amount: f64,
    /// `day`, `week`, `month` or `total`.
    pub period: &'static str,
    /// Percentages at which answers carry a warning.
    pub alert_percent: &'a [u8],
}

impl<'a> PolicyView<'a> {
    /// The view of a policy.
    #[must_use]
    pub fn of(policy: &'a LimitPolicy) -> Self {
        let budget = |budget: &'a Budget| BudgetView {
            amount: dollars(budget.amount_micros),
            period: budget.period.name(),
            alert_percent: &budget.alert_percent,
        };
        Self {
            limits: &policy.limits,
            budget: policy.budget.as_ref().map(budget),
            on_limit_failure: policy.on_failure,
        }
    }
}
