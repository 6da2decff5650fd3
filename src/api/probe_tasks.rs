//! Probe tasks of one's own providers, and for operators of all.

use nexus_edge_api::probe_tasks::ProbeRuns;
use nexus_edge_core::access::person::Scope;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::lifecycle::probe_task::{KEPT_RUNS, MAX_TASKS, ProbeTaskInput, ProbeTaskRecord};

use super::update::change;
use super::{answer_deleted, answer_list, input, providers, query};
use crate::exchange::{self, Exchange};
use crate::jobs;
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{probe_tasks, table};

/// `GET /probe-tasks`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let tasks: Vec<ProbeTaskRecord> = table::list_of(&exchange.env, exchange.scope()).await?;
    answer_list("tasks", &tasks)
}

/// `GET /probe-tasks/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &find(exchange, id).await?)
}

/// `POST /probe-tasks`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<ProbeTaskInput>(exchange).await?;
    let provider_id = input.provider_id.clone().required("provider_id")?;
    let provider = providers::find(exchange, &provider_id.to_string()).await;
    let provider = provider.map_err(|error| error.with_param("provider_id"))?;
    let now = now_ms();
    let mut record = ProbeTaskRecord::new(new_ulid(now), provider.id, provider.owner, now);
    input.apply(&mut record);
    if *exchange.scope() == Scope::All {
        table::insert(&exchange.env, &record, &[]).await?;
    } else if table::insert_below(&exchange.env, &record, "owner", "true", MAX_TASKS).await?.is_none() {
        let message = format!("You may have {MAX_TASKS} probe tasks.");
        return Err(ApiError::conflict("too_many_probe_tasks", "owner", message));
    }
    exchange.note_change(None, Some(&record));
    exchange::json(201, &record)
}

/// `PUT /probe-tasks/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<ProbeTaskInput>(exchange).await?;
    let apply = async |record: &mut ProbeTaskRecord| {
        if input.provider_id.as_set().is_some_and(|id| id.cast_signed() != record.provider_id) {
            let message = "The provider of a task cannot be changed.";
            return Err(ApiError::invalid("invalid_value", "provider_id", message));
        }
        input.apply(record);
        Ok(())
    };
    let write =
        async |record: &ProbeTaskRecord, read_at: u64| table::update(&exchange.env, record, read_at).await;
    let mut record = change(exchange, async || find(exchange, id).await, apply, write).await?;
    if input.interval_s.as_set().is_some() {
        // A longer wait that has begun does not hold back a shorter interval.
        record.next_at = record.next_at.min(now_ms() + u64::from(record.interval_s) * 1000);
        probe_tasks::due_at(&exchange.env, id, record.next_at).await?;
    }
    exchange::json(200, &record)
}

/// `DELETE /probe-tasks/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    if !table::delete::<ProbeTaskRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    answer_deleted(id)
}

/// `POST /probe-tasks/{id}/run`
pub async fn run(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let task = find(exchange, id).await?;
    let run = jobs::probe_tasks::run_one(&exchange.env, &exchange.settings, &task).await?;
    exchange::json(200, &run)
}

/// `GET /probe-tasks/{id}/runs`
pub async fn runs(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", KEPT_RUNS, KEPT_RUNS)?;
    let task = find(exchange, id).await?;
    let cursor = query::text(exchange, "cursor");
    let (runs, next_cursor) = probe_tasks::runs(&exchange.env, &task.id, cursor.as_deref(), limit).await?;
    exchange::json(200, &ProbeRuns { runs, next_cursor })
}

async fn find(exchange: &Exchange, id: &str) -> Result<ProbeTaskRecord, ApiError> {
    let found: Option<ProbeTaskRecord> = table::find(&exchange.env, id).await?;
    found.filter(|task| exchange.scope().has(task.owner.as_deref())).ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("probe_task_not_found", "There is no probe task with this id.")
}
