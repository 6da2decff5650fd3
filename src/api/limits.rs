//! The admin API for limits: how a subject stands, and the limits of everything but keys, which have theirs on the key.

use nexus_edge_core::catalog::Fields;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::limits::policy::{LimitPolicy, LimitPolicyInput, LimitRecord};
use nexus_edge_core::limits::rules::RuleKind;
use nexus_edge_core::limits::{Budget, FailurePolicy, Limits, Subject, SubjectKind};
use serde::Serialize;

use super::{answer_deleted, answer_list};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::store::{self, policies, snapshot};

/// Longest name of a subject, in characters.
const MAX_SUBJECT: usize = 210;

/// `GET /limits`: every subject with limits of its own, keys excepted.
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<_> =
        policies::limits(&exchange.env).await?.into_iter().filter_map(LimitRecord::read).collect();
    let views: Vec<_> = records
        .iter()
        .map(|(subject, policy)| ListView { subject, policy: PolicyView::of(policy) })
        .collect();
    answer_list("limits", &views)
}

/// `GET /limits/{subject}`: the limits of a subject and how much of them is used in the whole world.
pub async fn get(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    let subject = Subject::from_name(name).ok_or_else(not_found)?;
    let policy = match subject.kind {
        SubjectKind::Key => {
            store::keys::find(&exchange.env, &subject.id).await?.ok_or_else(not_found)?.policy
        }
        SubjectKind::User | SubjectKind::Model => {
            let record = policies::find_limits(&exchange.env, name).await?;
            record.and_then(LimitRecord::read).ok_or_else(not_found)?.1
        }
        _ => return Err(not_found()),
    };
    let rules = policy.rules();
    let look = store::limits::look(&exchange.env, &subject, rules).await?;
    let usage = look
        .reply
        .meters
        .iter()
        .map(|meter| UsageView {
            limit: meter.kind,
            max: meter.limit,
            used: meter.used,
            remaining: meter.remaining(),
            reset_ms: (meter.reset_ms < u64::from(u32::MAX) * 1000).then_some(meter.reset_ms),
        })
        .collect();
    let view = StateView {
        subject: name,
        policy: PolicyView::of(&policy),
        usage,
        running: policy.limits.concurrency.map(|_| look.reply.slots),
        authority_calls: look.asked,
    };
    exchange::json(200, &view)
}

/// `PUT /limits/{subject}`: sets the limits of an owner (`user:<owner>`) or of a model (`model:<name>`).
pub async fn put(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    if name.chars().count() > MAX_SUBJECT {
        return Err(not_found());
    }
    match Subject::from_name(name).map(|subject| subject.kind) {
        Some(SubjectKind::User | SubjectKind::Model) => {}
        Some(SubjectKind::Key) => {
            let message = "The limits of a key are set by PUT /keys/{id}.";
            return Err(ApiError::invalid("invalid_value", "subject", message));
        }
        Some(SubjectKind::Provider) => {
            let message = "The limit of a provider is set by PUT /providers/{id} as `rate_limit`.";
            return Err(ApiError::invalid("invalid_value", "subject", message));
        }
        _ => return Err(not_found()),
    }
    let body = exchange.body().await?;
    let fields = Fields::parse(&body.bytes, &LimitPolicyInput::FIELDS)?;
    let mut policy = LimitPolicy::default();
    LimitPolicyInput::read(&fields)?.apply(&mut policy);
    policies::put_limits(&exchange.env, name, &policy).await?;
    snapshot::reload(exchange).await?;
    exchange::json(200, &ListView { subject: name, policy: PolicyView::of(&policy) })
}

/// `DELETE /limits/{subject}`
pub async fn delete(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    if !policies::delete_limits(&exchange.env, name).await? {
        return Err(not_found());
    }
    snapshot::reload(exchange).await?;
    answer_deleted(name)
}

fn not_found() -> ApiError {
    ApiError::not_found(
        "subject_not_found",
        "There is nothing of this name that has limits: `key:<id>`, `user:<owner>` or `model:<name>`.",
    )
}

#[derive(Serialize)]
struct ListView<'a> {
    subject: &'a str,
    #[serde(flatten)]
    policy: PolicyView<'a>,
}

#[derive(Serialize)]
struct StateView<'a> {
    subject: &'a str,
    #[serde(flatten)]
    policy: PolicyView<'a>,
    usage: Vec<UsageView>,
    /// Requests that run now, where their number is limited.
    running: Option<u64>,
    /// Questions of isolates to the authority since it was last loaded.
    authority_calls: u64,
}

#[derive(Serialize)]
struct UsageView {
    limit: RuleKind,
    max: u64,
    used: u64,
    remaining: u64,
    reset_ms: Option<u64>,
}

/// A policy as the admin API shows it.
#[derive(Serialize)]
pub struct PolicyView<'a> {
    limits: &'a Limits,
    budget: Option<BudgetView<'a>>,
    on_limit_failure: Option<FailurePolicy>,
}

/// A budget in dollars.
#[derive(Serialize)]
struct BudgetView<'a> {
    amount: f64,
    period: &'static str,
    alert_percent: &'a [u8],
}

impl<'a> PolicyView<'a> {
    /// The view of a policy.
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

/// Millionths of a dollar as the number that the API takes and gives.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^53")]
pub fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}
