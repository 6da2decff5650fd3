//! The admin API for limits: the usage of a subject, and the limits of owners and models. Limits of a key are fields of the
//! key.

use futures::StreamExt;
use nexus_edge_api::limits::{LimitList, LimitUsage, ListedLimits, PolicyView, SubjectLimits, SubjectState};
use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::access::person::Scope;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::limits::policy::{LimitPolicy, LimitPolicyInput, LimitRecord};
use nexus_edge_core::limits::{Subject, SubjectKind};
use worker::Env;

use super::{answer_deleted, input, query};
use crate::exchange::{self, Exchange};
use crate::objects::quota::Look;
use crate::platform::http::Response;
use crate::platform::log_error;
use crate::store::{self, policies, snapshot, table};

/// Subjects of a page with usage: unless said, and at most.
const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 100;
/// Authorities that are asked concurrently.
const AT_A_TIME: usize = 8;

/// Longest name of a subject, in characters.
const MAX_SUBJECT: usize = 210;

/// `GET /limits`: every subject with limits of its own, keys excepted; with `with=usage` a page of all, with their usage.
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    if query::one_of(exchange, "with", &["usage"])?.is_some() {
        return list_with_usage(exchange).await;
    }
    let records: Vec<_> = policies::limits(&exchange.env).await?.into_iter().map(LimitRecord::read).collect();
    let scope = exchange.scope();
    let views: Vec<_> = records
        .iter()
        .filter(|(subject, _)| {
            scope.has(None) || subject.strip_prefix("user:").is_some_and(|owner| scope.has(Some(owner)))
        })
        .map(|(subject, policy)| ListedLimits {
            subject,
            name: None,
            policy: PolicyView::of(policy),
            usage: None,
            running: None,
            nearest: None,
        })
        .collect();
    exchange::json(200, &LimitList { limits: views, next_cursor: None })
}

/// A page of subjects by name, each asked of its authority: that is what a page costs.
async fn list_with_usage(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let owners = match exchange.scope() {
        Scope::All => None,
        Scope::Owners(owners) => Some(owners.as_slice()),
    };
    let after = query::text(exchange, "cursor");
    let mut found = policies::limited_subjects(&exchange.env, owners, after.as_deref(), limit + 1).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > page;
    found.truncate(page);
    let next_cursor = found.last().filter(|_| has_more).map(|(_, record)| record.subject.clone());
    let records: Vec<_> = found.into_iter().map(|(name, record)| (name, record.read())).collect();
    let env = &exchange.env;
    let mut views: Vec<ListedLimits<'_>> = futures::stream::iter(&records)
        .map(|(name, (subject, policy))| async move {
            let look = look_at(env, subject, policy).await;
            let usage = look.as_ref().map(usage_of);
            let counts_running = look.as_ref().filter(|_| policy.limits.concurrency.is_some());
            let running = counts_running.map(|look| look.reply.slots);
            ListedLimits {
                subject,
                name: name.as_deref(),
                policy: PolicyView::of(policy),
                nearest: usage.as_deref().map(nearest),
                usage,
                running,
            }
        })
        .buffered(AT_A_TIME)
        .collect()
        .await;
    views.sort_by(|a, b| b.nearest.unwrap_or_default().total_cmp(&a.nearest.unwrap_or_default()));
    exchange::json(200, &LimitList { limits: views, next_cursor: next_cursor.as_deref() })
}

/// What the authority of a subject says; `None` if it cannot be reached.
async fn look_at(env: &Env, subject: &str, policy: &LimitPolicy) -> Option<Look> {
    let subject = Subject::from_name(subject)?;
    let looked = store::limits::look(env, &subject, policy.rules()).await;
    looked.map_err(|error| log_error("limits", &error)).ok()
}

/// The largest part of a limit that is used.
#[expect(clippy::cast_precision_loss, reason = "a part of a bar")]
fn nearest(usage: &[LimitUsage]) -> f64 {
    let parts = usage.iter().map(|one| if one.max == 0 { 1.0 } else { one.used as f64 / one.max as f64 });
    parts.fold(0.0, f64::max)
}

fn usage_of(look: &Look) -> Vec<LimitUsage> {
    let meters = look.reply.meters.iter();
    meters
        .map(|meter| LimitUsage {
            limit: meter.kind,
            max: meter.limit,
            used: meter.used,
            remaining: meter.remaining(),
            reset_ms: (meter.reset_ms < u64::from(u32::MAX) * 1000).then_some(meter.reset_ms),
        })
        .collect()
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
    let usage = usage_of(&look);
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
