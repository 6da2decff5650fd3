//! Statistics: sums of requests by time and series.
//!
//! The statements and what they mean are in `nexus_edge_stats`; here they are run.

use nexus_edge_core::settings::{Settings, StatisticsDays};
use nexus_edge_stats::compaction::{Step, delete_before, next_step};
use nexus_edge_stats::counters::{StoredRow, SummedRow};
use nexus_edge_stats::figures::SketchedRow;
use nexus_edge_stats::grain::{Grain, Retention};
use nexus_edge_stats::rollup::{Row, compact};
use nexus_edge_stats::sql::{self, Statement};
use nexus_edge_stats::window::Progress;
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;
use worker::{D1Result, Env};

use super::{StoreResult, rows, statement, text, unsigned, write};

/// Rows that are read at once when a span is added up.
const PAGE: u64 = 4_000;
/// Rows that one statement writes: D1 accepts a parameter of 2 MB.
const ROWS_OF_STATEMENT: usize = 2_000;
/// Rows that one statement deletes, so that none holds the database for long.
const DELETED_AT_ONCE: u64 = 2_000;

/// For how long the deployment keeps statistics.
pub fn retention(settings: &Settings) -> Retention {
    let StatisticsDays { quarters, hours, days } = settings.statistics_days;
    Retention { quarter_days: quarters, hour_days: hours, day_days: days }
}

/// Until when the rows of each grain are made from finer ones.
pub async fn progress(env: &Env) -> StoreResult<Progress> {
    #[derive(Deserialize)]
    struct Until {
        grain: String,
        until: u64,
    }
    let found: Vec<Until> = rows(env, "SELECT grain, until FROM stat_progress", &[]).await?;
    let of = |grain: Grain| {
        found.iter().find(|row| row.grain == grain.letter()).map(|row| row.until).unwrap_or_default()
    };
    Ok(Progress { quarter: of(Grain::Quarter), hour: of(Grain::Hour), day: of(Grain::Day) })
}

/// The rows of a statement of sums.
pub async fn sums(env: &Env, statement: &Statement) -> StoreResult<Vec<SummedRow>> {
    super::run(env, statement).await
}

/// The rows of a statement of sketches.
pub async fn sketches(env: &Env, statement: &Statement) -> StoreResult<Vec<SketchedRow>> {
    super::run(env, statement).await
}

/// The rows of pairs of statements, of sums and of sketches each, in one call of the database.
pub async fn pairs<const N: usize>(
    env: &Env,
    statements: [(Statement, Statement); N],
) -> StoreResult<Vec<(Vec<SummedRow>, Vec<SketchedRow>)>> {
    let database = super::database(env)?;
    let mut prepared = Vec::with_capacity(2 * N);
    for (sums, sketches) in &statements {
        prepared.push(super::prepare(&database, sums)?);
        prepared.push(super::prepare(&database, sketches)?);
    }
    let results = database.batch(prepared).await?;
    let (pairs, _) = results.as_chunks::<2>();
    let read = |[sums, sketches]: &[D1Result; 2]| {
        Ok((super::read(sums, "sums")?, super::read(sketches, "sketches")?))
    };
    pairs.iter().map(read).collect()
}

/// Adds up the next span that is complete. False if there is none.
pub async fn compact_next(env: &Env, now_ms: u64) -> StoreResult<bool> {
    #[derive(Deserialize)]
    struct Next {
        grain: String,
        until: u64,
        first: Option<u64>,
    }
    // The beginning of the first row that is not added up yet, by the grain to which it will be.
    let sql = "SELECT grain, until, (SELECT MIN(start) FROM stat_rows AS r WHERE r.start >= p.until AND r.grain = \
        CASE p.grain WHEN 'q' THEN 'm' WHEN 'h' THEN 'q' ELSE 'h' END) AS first FROM stat_progress AS p";
    let found: Vec<Next> = rows(env, sql, &[]).await?;
    let of = |grain: Grain| found.iter().find(|next| next.grain == grain.letter());
    let until = |grain: Grain| of(grain).map(|next| next.until).unwrap_or_default();
    let progress =
        Progress { quarter: until(Grain::Quarter), hour: until(Grain::Hour), day: until(Grain::Day) };
    let first = |finer: Grain| {
        let coarser = Grain::ALL.into_iter().find(|grain| grain.finer() == Some(finer))?;
        of(coarser)?.first
    };
    let Some(step) = next_step(progress, first, now_ms) else { return Ok(false) };
    add_up(env, step).await?;
    Ok(true)
}

/// Makes the rows of a span from finer ones. If such rows are added at the same time, nothing is written, and the next run
/// tries again.
async fn add_up(env: &Env, step: Step) -> StoreResult<()> {
    let (start, end) = (unsigned(step.start_ms), unsigned(step.end_ms));
    let from = text(step.from.letter());
    let (mut sums, mut read): (Vec<Row>, u64) = (Vec::new(), 0);
    let mut after = [unsigned(0), unsigned(0), text("")];
    loop {
        let [a, b, c] = after;
        let parameters = [from.clone(), start.clone(), end.clone(), a, b, c, unsigned(PAGE)];
        let page: Vec<StoredRow> = rows(env, &sql::rows_of_span(), &parameters).await?;
        read += page.len() as u64;
        let Some(last) = page.last() else { break };
        after = [JsValue::from_f64(last.start), JsValue::from_f64(last.series), text(&last.part)];
        let is_last = (page.len() as u64) < PAGE;
        sums.extend(page.iter().map(Row::of));
        sums = compact(&sums, step.grain);
        if is_last {
            break;
        }
    }
    let database = super::database(env)?;
    let grain = text(step.grain.letter());
    let guard = [from, start, end.clone(), unsigned(read), grain.clone()];
    let mut statements = vec![statement(&database, sql::UNCHANGED, &guard)?];
    for sums in sums.chunks(ROWS_OF_STATEMENT) {
        let sums = text(&serde_json::to_string(sums)?);
        statements.push(statement(&database, &sql::insert_rows(step.grain, false), &[sums, text("")])?);
    }
    let until = "UPDATE stat_progress SET until = ?1 WHERE grain = ?2";
    statements.push(statement(&database, until, &[end, grain])?);
    database.batch(statements).await?;
    Ok(())
}

/// Deletes rows whose retention has ended, at most so many statements' worth. True if there may be more.
pub async fn delete_expired(
    env: &Env,
    retention: Retention,
    now_ms: u64,
    statements: usize,
) -> StoreResult<bool> {
    let (progress, in_totals) = (progress(env).await?, super::metrics::until(env).await?);
    let mut left = statements;
    for grain in Grain::ALL {
        let mut before = delete_before(grain, progress, retention, now_ms);
        if grain == Grain::Minute {
            before = before.min(in_totals);
        }
        loop {
            if left == 0 {
                return Ok(true);
            }
            left -= 1;
            let parameters = [text(grain.letter()), unsigned(before), unsigned(DELETED_AT_ONCE)];
            let deleted = write(env, sql::DELETE_ROWS, &parameters).await?.changes;
            if (deleted as u64) < DELETED_AT_ONCE {
                break;
            }
        }
    }
    Ok(false)
}
