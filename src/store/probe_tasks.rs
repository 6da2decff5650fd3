//! Probe tasks and their runs in D1, besides what [`super::table`] does.

use nexus_edge_core::lifecycle::probe_task::{KEPT_RUNS, ProbeRun, ProbeTaskRecord};
use nexus_edge_core::time::DAY_MS;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, database, flag, integer, nullable, rows, statement, text, unsigned};

/// Takes tasks that are due: each is counted, and is due again after its interval. Those whose runs of the day are used up are
/// due on the next one.
pub async fn take_due(env: &Env, now_ms: u64, most: u32) -> StoreResult<Vec<ProbeTaskRecord>> {
    let database = database(env)?;
    let day = now_ms / DAY_MS;
    let rest = "UPDATE probe_tasks SET next_at = ?3 WHERE enabled = 1 AND next_at <= ?1 AND day = ?2 AND runs_today >= daily_runs";
    let rest = statement(&database, rest, &[unsigned(now_ms), unsigned(day), unsigned((day + 1) * DAY_MS)])?;
    let take = "UPDATE probe_tasks SET next_at = ?1 + interval_s * 1000, \
        runs_today = CASE WHEN day = ?2 THEN runs_today + 1 ELSE 1 END, day = ?2 WHERE id IN \
        (SELECT id FROM probe_tasks WHERE enabled = 1 AND next_at <= ?1 ORDER BY next_at LIMIT ?3) RETURNING *";
    let take = statement(&database, take, &[unsigned(now_ms), unsigned(day), unsigned(most.into())])?;
    let results = database.batch(vec![rest, take]).await?;
    match results.get(1) {
        Some(taken) => Ok(super::read(taken, "probe_tasks")?),
        None => Ok(Vec::new()),
    }
}

/// Makes a task due at this time.
pub async fn due_at(env: &Env, id: &str, at_ms: u64) -> StoreResult<()> {
    let sql = "UPDATE probe_tasks SET next_at = ?2 WHERE id = ?1";
    super::write(env, sql, &[text(id), unsigned(at_ms)]).await.map(drop)
}

/// Notes a run, and forgets the oldest ones. Does nothing for a task that was deleted meanwhile.
pub async fn add_run(env: &Env, run: &ProbeRun) -> StoreResult<()> {
    let database = database(env)?;
    let add = "INSERT INTO probe_runs (id, task_id, ts, ok, status, latency_ms, first_token_ms, prompt_tokens, \
        completion_tokens, model, reply, error) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 \
        WHERE EXISTS (SELECT 1 FROM probe_tasks WHERE id = ?2)";
    let parameters: [JsValue; 12] = [
        text(&run.id),
        text(&run.task_id),
        unsigned(run.ts),
        flag(run.ok),
        nullable(run.status, |status| unsigned(status.into())),
        unsigned(run.latency_ms),
        nullable(run.first_token_ms, unsigned),
        nullable(run.prompt_tokens, unsigned),
        nullable(run.completion_tokens, unsigned),
        text(&run.model),
        nullable(run.reply.as_deref(), text),
        nullable(run.error.as_deref(), text),
    ];
    let note = "UPDATE probe_tasks SET last_ok = ?2 WHERE id = ?1 AND last_ok IS NOT ?2";
    let forget = "DELETE FROM probe_runs WHERE task_id = ?1 AND id < (SELECT id FROM probe_runs WHERE task_id = ?1 \
        ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    let kept = integer(i64::from(KEPT_RUNS) - 1);
    let statements = vec![
        statement(&database, add, &parameters)?,
        statement(&database, note, &[text(&run.task_id), flag(run.ok)])?,
        statement(&database, forget, &[text(&run.task_id), kept])?,
    ];
    database.batch(statements).await?;
    Ok(())
}

/// A page of a task's runs, the newest first, and the cursor of the next one.
pub async fn runs(
    env: &Env,
    task_id: &str,
    cursor: Option<&str>,
    limit: u32,
) -> StoreResult<(Vec<ProbeRun>, Option<String>)> {
    let sql = "SELECT * FROM probe_runs WHERE task_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    // `~` sorts after every ULID.
    let found: Vec<ProbeRun> =
        rows(env, sql, &[text(task_id), text(cursor.unwrap_or("~")), unsigned(limit.into())]).await?;
    let is_full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().map(|last| last.id.clone()).filter(|_| is_full);
    Ok((found, next))
}
