//! The admin API for limits: the usage of a subject, and the limits of owners and models. Limits of a key are fields of the
//! key.

use nexus_edge_api::limits::{LimitUsage, PolicyView, SubjectLimits, SubjectState};
use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::limits::policy::{LimitPolicy, LimitPolicyInput, LimitRecord};
use nexus_edge_core::limits::{Subject, SubjectKind};

use super::{answer_deleted, answer_list, input};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::store::{self, policies, snapshot, table};

/// Longest name of a subject, in characters.
const MAX_SUBJECT: usize = 210;

/// `GET /limits`: every subject with limits of its own, keys excepted.
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<_> = policies::limits(&exchange.env).await?.into_iter().map(LimitRecord::read).collect();
    let scope = exchange.scope();
    let views: Vec<_> = records
        .iter()
        .filter(|(subject, _)| {
            scope.has(None) || subject.strip_prefix("user:").is_some_and(|owner| scope.has(Some(owner)))
        })
        .map(|(subject, policy)| SubjectLimits { subject, policy: PolicyView::of(policy) })
        .collect();
    answer_list("limits", &views)
}

/// `GET /limits/{subject}`: the limits of a subject and their usage in all locations together.
pub async fn get(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    let subject = Subject::from_name(name).ok_or_else(not_found)?;
    let (name, spelling) = (&*subject.name(), name);
    let scope = exchange.scope();
    let policy = match subject.kind {
        SubjectKind::Key => {
            let found = table::find::<ApiKeyRecord>(&exchange.env, subject.id.as_str()).await?;
            found.filter(|key| scope.has(key.owner.as_deref())).ok_or_else(not_found)?.policy
        }
        SubjectKind::User if !scope.has(Some(subject.id.as_str())) => return Err(not_found()),
        SubjectKind::Model if !scope.has(None) => return Err(not_found()),
        SubjectKind::User | SubjectKind::Model => {
            let record = policies::find_limits(&exchange.env, name, spelling).await?;
            record.map(LimitRecord::read).ok_or_else(not_found)?.1
        }
        _ => return Err(not_found()),
    };
    let rules = policy.rules();
    let look = store::limits::look(&exchange.env, &subject, rules).await?;
    let usage = look
        .reply
        .meters
        .iter()
        .map(|meter| LimitUsage {
            limit: meter.kind,
            max: meter.limit,
            used: meter.used,
            remaining: meter.remaining(),
            reset_ms: (meter.reset_ms < u64::from(u32::MAX) * 1000).then_some(meter.reset_ms),
        })
        .collect();
    let view = SubjectState {
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
    let subject = Subject::from_name(name).ok_or_else(not_found)?;
    match subject.kind {
        SubjectKind::User | SubjectKind::Model => {}
        SubjectKind::Key => {
            let message = "The limits of a key are set by PUT /keys/{id}.";
            return Err(ApiError::invalid("invalid_value", "subject", message));
        }
        SubjectKind::Provider => {
            let message = "The limit of a provider is set by PUT /providers/{id} as `rate_limit`.";
            return Err(ApiError::invalid("invalid_value", "subject", message));
        }
        _ => return Err(not_found()),
    }
    let (name, spelling) = (&*subject.name(), name);
    let mut policy = LimitPolicy::default();
    input::new::<LimitPolicyInput>(exchange).await?.apply(&mut policy);
    let before = policies::find_limits(&exchange.env, name, spelling).await?;
    let before = before.map(LimitRecord::read).map(|(_, policy)| policy);
    policies::put_limits(&exchange.env, name, &policy).await?;
    exchange.note_setting("limits", before.as_ref(), Some(&policy));
    if spelling != name {
        policies::delete_limits(&exchange.env, spelling, spelling).await?;
    }
    snapshot::reload(exchange).await?;
    exchange::json(200, &SubjectLimits { subject: name, policy: PolicyView::of(&policy) })
}

/// `DELETE /limits/{subject}`
pub async fn delete(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    let subject = Subject::from_name(name).ok_or_else(not_found)?;
    let (name, spelling) = (&*subject.name(), name);
    let before = policies::find_limits(&exchange.env, name, spelling).await?.ok_or_else(not_found)?;
    if !policies::delete_limits(&exchange.env, name, spelling).await? {
        return Err(not_found());
    }
    exchange.note_setting("limits", Some(&before.read().1), None);
    snapshot::reload(exchange).await?;
    answer_deleted(name)
}

fn not_found() -> ApiError {
    ApiError::not_found(
        "subject_not_found",
        "There is nothing of this name that has limits: `key:<id>`, `user:<owner>` or `model:<name>`.",
    )
}
