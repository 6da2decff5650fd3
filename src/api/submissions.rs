//! Submissions of private providers, for their owners and for reviewers.

use nexus_edge_api::submissions::Submissions;
use nexus_edge_core::access::audit::actor;
use nexus_edge_core::access::person::Scope;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::lifecycle::review::{ApproveInput, RejectInput, SubmitInput};
use nexus_edge_core::lifecycle::submission::{Action, State, SubmissionRecord};
use nexus_edge_core::time::DAY_MS;

use super::{input, providers, query};
use crate::exchange::{self, Exchange};
use crate::jobs::submissions::{self as steps, Made, not_found};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{submissions, table};

/// Rows of a page, unless the request says otherwise, and at most.
const PAGE: (u32, u32) = (50, 200);
/// Submissions of an owner in a day: each costs requests to the provider and a reviewer's time.
const MAX_A_DAY: u32 = 20;

/// `GET /providers/submissions`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", PAGE.0, PAGE.1)?;
    let names: Vec<&str> = State::NAMES.iter().map(|(name, _)| *name).collect();
    let state = query::one_of(exchange, "state", &names)?;
    let owners = match exchange.scope() {
        Scope::All => None,
        Scope::Owners(owners) => Some(owners.as_slice()),
    };
    let cursor = query::text(exchange, "cursor");
    let (submissions, next_cursor) =
        submissions::page(&exchange.env, owners, state.as_deref(), cursor.as_deref(), limit).await?;
    exchange::json(200, &Submissions { submissions, next_cursor })
}

/// `GET /providers/submissions/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?)
}

/// `POST /providers/{id}/submit`
pub async fn submit(exchange: &Exchange, provider: &str) -> Result<Response, ApiError> {
    let input = input::optional::<SubmitInput>(exchange).await?;
    let record = providers::find(exchange, provider).await?;
    if let Some(owner) = &record.owner {
        let since_ms = now_ms().saturating_sub(DAY_MS);
        if submissions::count_since(&exchange.env, owner, since_ms).await? >= MAX_A_DAY {
            let message = format!("An owner submits providers at most {MAX_A_DAY} times a day.");
            return Err(ApiError::conflict("too_many_submissions", "id", message));
        }
    }
    let description = input.description.into_set().unwrap_or_default();
    let find = async || providers::find(exchange, provider).await;
    let made = steps::submit(&exchange.env, find, &description, &by(exchange)?).await?;
    answer(exchange, 201, made)
}

/// `POST /providers/submissions/{id}/test`
pub async fn test(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let submission = find(exchange, id).await?;
    // Without this a step that is not allowed would be found only after the requests.
    if !submission.state.is_open() {
        let message = "Only a submission that waits for a review is checked.";
        return Err(ApiError::conflict("wrong_state", "id", message));
    }
    let made = steps::test(&exchange.env, &exchange.settings, &submission, &by(exchange)?).await?;
    answer(exchange, 200, made)
}

/// `POST /providers/submissions/{id}/approve`
pub async fn approve(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let action = input::optional::<ApproveInput>(exchange).await?.action();
    step(exchange, id, action).await
}

/// `POST /providers/submissions/{id}/reject`
pub async fn reject(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let notes = input::new::<RejectInput>(exchange).await?.notes.required("notes")?;
    step(exchange, id, Action::Reject { notes }).await
}

/// `POST /providers/submissions/{id}/withdraw`
pub async fn withdraw(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    step(exchange, id, Action::Withdraw).await
}

async fn step(exchange: &Exchange, id: &str, action: Action) -> Result<Response, ApiError> {
    let find = async || find(exchange, id).await;
    let made = steps::step(&exchange.env, find, action, &by(exchange)?).await?;
    answer(exchange, 200, made)
}

fn answer(exchange: &Exchange, status: u16, made: Made) -> Result<Response, ApiError> {
    let (before, after) = made.submission;
    exchange.note_change(before.as_ref(), Some(&after));
    if let Some((stored, changed)) = &made.provider {
        exchange.note_change(Some(stored), Some(changed));
    }
    exchange::json(status, &after)
}

async fn find(exchange: &Exchange, id: &str) -> Result<SubmissionRecord, ApiError> {
    let found: Option<SubmissionRecord> = table::find(&exchange.env, id).await?;
    found.filter(|found| exchange.scope().has(Some(&found.owner))).ok_or_else(not_found)
}

/// Who makes a step, as in the audit log.
fn by(exchange: &Exchange) -> Result<String, ApiError> {
    Ok(actor(Some(&exchange.person()?.id)))
}
