//! The cron: runs probe tasks that are due, a few at a time. The owner is notified when a task begins to fail, and when it succeeds
//! again.

use futures::StreamExt;
use nexus_edge_core::catalog::notification::Recipients;
use nexus_edge_core::catalog::probe::probed_model;
use nexus_edge_core::catalog::severity::Severity;
use nexus_edge_core::catalog::{NotificationRecord, ProviderRecord};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::lifecycle::probe_task::{ProbeRun, ProbeTaskRecord};
use nexus_edge_core::provider::probe::{Probe, ProbeError, reply_of};
use thiserror::Error;
use worker::Env;

use crate::pipeline::probe;
use crate::platform::{log_error, new_ulid, now_ms};
use crate::settings::{self, Settings};
use crate::store::{self, StoreResult, notifications, probe_tasks, table};

/// Most tasks of one run of the cron, and how many are under way at a time. With the time-out of a probe, they end within a minute.
const MAX_DUE: u32 = 10;
const AT_A_TIME: usize = 5;

/// Runs once a minute.
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    let due = match probe_tasks::take_due(env, now_ms(), MAX_DUE).await {
        Ok(due) => due,
        Err(error) => return log_error("probe tasks", &error),
    };
    let settings = &settings;
    futures::stream::iter(due)
        .for_each_concurrent(AT_A_TIME, |task| async move {
            if let Err(error) = run_one(env, settings, &task).await {
                log_error("probe tasks", &error);
            }
        })
        .await;
}

/// Runs a task now, and notes what came of it.
pub async fn run_one(env: &Env, settings: &Settings, task: &ProbeTaskRecord) -> StoreResult<ProbeRun> {
    let now = now_ms();
    let mut run = ProbeRun {
        id: new_ulid(now),
        task_id: task.id.clone(),
        ts: now,
        ok: false,
        status: None,
        latency_ms: 0,
        first_token_ms: None,
        prompt_tokens: None,
        completion_tokens: None,
        model: String::new(),
        reply: None,
        error: None,
    };
    if let Err(error) = ask(env, settings, task, &mut run).await? {
        run.error = Some(error.to_string());
    }
    probe_tasks::add_run(env, &run).await?;
    tell(env, task, &run).await;
    Ok(run)
}

/// Why a run has no answer. As text it is a sentence for people.
#[derive(Debug, Error)]
enum NoAnswer {
    #[error("The provider is gone, or belongs to another owner.")]
    NoProvider,
    #[error("The provider has no model to ask.")]
    NoModel,
    /// The provider cannot be used as it is configured.
    #[error("{}", .0.message)]
    Unusable(ApiError),
    #[error("{0}")]
    Probe(ProbeError),
}

/// Asks the provider.
async fn ask(
    env: &Env,
    settings: &Settings,
    task: &ProbeTaskRecord,
    run: &mut ProbeRun,
) -> StoreResult<Result<(), NoAnswer>> {
    let provider: Option<ProviderRecord> = table::find(env, task.provider_id).await?;
    // A provider that was given to another owner is no longer the task's to ask.
    let Some(provider) = provider.filter(|provider| provider.owner == task.owner) else {
        return Ok(Err(NoAnswer::NoProvider));
    };
    let models = store::models::list_of_provider(env, provider.id).await?;
    let Some(model) = probed_model(task.model.as_deref(), &models) else {
        return Ok(Err(NoAnswer::NoModel));
    };
    run.model.clone_from(&model);
    let upstream = match probe::open(env, settings, provider).await? {
        Ok(upstream) => upstream,
        Err(error) => return Ok(Err(NoAnswer::Unusable(error))),
    };
    let probe = Probe::asking(upstream.record.kind, &upstream.site(), &model, task.request(&model));
    let observed = probe::observe(env, &upstream, &probe, &model).await;
    (run.status, run.latency_ms, run.first_token_ms) =
        (observed.status, observed.latency_ms, observed.first_token_ms);
    let answer = match observed.answer {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(NoAnswer::Probe(error))),
    };
    run.ok = true;
    run.reply = Some(probe::without_secrets(&upstream, reply_of(&answer)));
    run.prompt_tokens = answer.usage.map(|usage| usage.prompt);
    run.completion_tokens = answer.usage.map(|usage| usage.completion);
    Ok(Ok(()))
}

async fn tell(env: &Env, task: &ProbeTaskRecord, run: &ProbeRun) {
    let (Some(owner), Some(fails)) = (&task.owner, task.begins_to_fail(run.ok)) else { return };
    let now = now_ms();
    let (topic, title, level) = if fails {
        ("probe.failed", format!("The probe task {} fails.", task.name), Severity::Warning)
    } else {
        ("probe.recovered", format!("The probe task {} succeeds again.", task.name), Severity::Info)
    };
    let body = run.error.clone().unwrap_or_default();
    let record = NotificationRecord {
        level,
        link: Some(format!("/probe-tasks/{}", task.id)),
        ..NotificationRecord::new(new_ulid(now), &Recipients::User(owner.clone()), topic, title, body, now)
    };
    if let Err(error) = notifications::add(env, &[record], now).await {
        log_error("a notification is lost", &error);
    }
}
