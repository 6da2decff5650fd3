//! Statistics: sums of requests by time and series.
//!
//! The statements and what they mean are in `nexus_edge_stats`; here they are run.

use nexus_edge_core::settings::{Settings, StatisticsDays};
use nexus_edge_stats::batch::numbered;
use nexus_edge_stats::compaction::{Step, delete_before, next_step};
use nexus_edge_stats::counters::{StoredRow, SummedRow};
use nexus_edge_stats::figures::SketchedRow;
use nexus_edge_stats::grain::{Grain, Retention};
use nexus_edge_stats::merging;
use nexus_edge_stats::rollup::{Row, compact};
use nexus_edge_stats::sql::{self, Statement};
use nexus_edge_stats::totals::{self, Adding, State};
use nexus_edge_stats::window::{Progress, Totalled};
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

/// Until when the rows of each grain are made from finer ones, and of which spans there are totals.
pub async fn progress(env: &Env) -> StoreResult<Progress> {
    #[derive(Deserialize)]
    struct OfGrain {
        grain: String,
        until: u64,
        totals_since: Option<u64>,
        totals_until: Option<u64>,
    }
    let sql = "SELECT grain, until, totals_since, totals_until FROM stat_progress";
    let found: Vec<OfGrain> = rows(env, sql, &[]).await?;
    let of = |grain: Grain| found.iter().find(|row| row.grain == grain.letter());
    let until = |grain: Grain| of(grain).map(|row| row.until).unwrap_or_default();
    let totals =
        |grain: Grain| of(grain).and_then(|row| row.totals_since.zip(row.totals_until)).unwrap_or_default();
    let [quarter, hour, day] = [Grain::Quarter, Grain::Hour, Grain::Day].map(totals);
    Ok(Progress {
        quarter: until(Grain::Quarter),
        hour: until(Grain::Hour),
        day: until(Grain::Day),
        totals: Totalled { quarter, hour, day },
    })
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
    let progress = Progress {
        quarter: until(Grain::Quarter),
        hour: until(Grain::Hour),
        day: until(Grain::Day),
        ..Progress::default()
    };
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
    let mut sums: Vec<Row> = Vec::new();
    let span = (step.start_ms, step.end_ms);
    let read = each_page(env, &sql::rows_of_span(false), step.from.letter(), span, |page| {
        sums.extend(page.iter().map(Row::of));
        sums = compact(&sums, step.grain);
    })
    .await?;
    let database = super::database(env)?;
    let grain = text(step.grain.letter());
    let (start, end) = (unsigned(step.start_ms), unsigned(step.end_ms));
    let guard = [text(step.from.letter()), start, end.clone(), unsigned(read), grain.clone()];
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

/// Reads the rows of a span page by page, with a statement of [`sql::rows_of_span`]. How many there are.
async fn each_page(
    env: &Env,
    sql: &str,
    letter: &str,
    (from_ms, to_ms): (u64, u64),
    mut each: impl FnMut(&[StoredRow]),
) -> StoreResult<u64> {
    let (grain, from, to) = (text(letter), unsigned(from_ms), unsigned(to_ms));
    let mut read = 0;
    let mut after = [unsigned(0), unsigned(0), text("")];
    loop {
        let [a, b, c] = after;
        let parameters = [grain.clone(), from.clone(), to.clone(), a, b, c, unsigned(PAGE)];
        let page: Vec<StoredRow> = rows(env, sql, &parameters).await?;
        read += page.len() as u64;
        let Some(last) = page.last() else { return Ok(read) };
        after = [JsValue::from_f64(last.start), JsValue::from_f64(last.series), text(&last.part)];
        each(&page);
        if (page.len() as u64) < PAGE {
            return Ok(read);
        }
    }
}

/// The sums of the rows of a span by class, and how many rows these were.
async fn sums_of_classes(env: &Env, letter: &str, span: (u64, u64)) -> StoreResult<(Adding, u64)> {
    let mut sums = Adding::default();
    let read = each_page(env, &sql::rows_of_span(true), letter, span, |page| {
        for (class, row) in page.iter().filter_map(|row| Some((row.class?, row))) {
            sums.add(class, &Row::of(row));
        }
    })
    .await?;
    Ok((sums, read))
}

/// The totals to be made next, of grains that are not left out; `None` if there are none.
pub async fn next_totals(env: &Env, left_out: &[Grain]) -> StoreResult<Option<totals::Step>> {
    #[derive(Deserialize)]
    struct Found {
        grain: String,
        until: u64,
        totals_since: Option<u64>,
        totals_until: Option<u64>,
        next: Option<u64>,
        before: Option<u64>,
    }
    let found: Vec<Found> = rows(env, totals::STATES, &[]).await?;
    let states = found.into_iter().filter_map(|of| {
        let grain = Grain::ALL.into_iter().find(|grain| grain.letter() == of.grain)?;
        let totals = of.totals_since.zip(of.totals_until).unwrap_or_default();
        Some(State { grain, until: of.until, totals, next: of.next, before: of.before })
    });
    Ok(totals::next_step(&states.collect::<Vec<_>>(), left_out))
}

/// Makes the totals of a span from its rows of series. From how many; `None` if such rows are added at the same time: then nothing is
/// written, and a later run tries again.
pub async fn total(env: &Env, step: totals::Step) -> StoreResult<Option<u64>> {
    let (Some(letter), Some(insert)) = (totals::letter(step.grain), sql::insert_totals(step.grain, false))
    else {
        return Ok(Some(0));
    };
    let (sums, read) = sums_of_classes(env, step.grain.letter(), (step.from_ms, step.to_ms)).await?;
    let database = super::database(env)?;
    let run = |sql: &str, parameters: &[JsValue]| statement(&database, sql, parameters);
    let (grain, from, to) = (text(step.grain.letter()), unsigned(step.from_ms), unsigned(step.to_ms));
    let (since, until) = step.before;
    let guard = [grain.clone(), from.clone(), to.clone(), unsigned(read), unsigned(since), unsigned(until)];
    let series: Vec<_> = sums.classes().map(totals::series_of).collect();
    let series = text(&numbered(series.iter().map(|(id, series)| (*id, series)))?);
    let statements = vec![
        run(totals::UNCHANGED, &guard)?,
        run(totals::DELETE, &[text(letter), from, to])?,
        run(sql::INSERT_SERIES, &[series])?,
        run(&insert, &[text(&serde_json::to_string(&sums.rows())?), text("")])?,
        run(totals::SET_TOTALLED, &[grain, unsigned(step.after.0), unsigned(step.after.1)])?,
    ];
    Ok(unless_changed(database.batch(statements).await)?.then_some(read))
}

/// Whether a transaction was done; not if it was refused because rows had changed since they were read.
fn unless_changed(done: worker::Result<Vec<D1Result>>) -> StoreResult<bool> {
    match done {
        Ok(_) => Ok(true),
        Err(error) if error.to_string().contains("malformed JSON") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes one row a class of the rows of totals of spans that have many, of those spans whose turn it is ([`merging`]), and at most of so many
/// of each grain.
pub async fn merge_totals(env: &Env, retention: Retention, now_ms: u64, most: u64) -> StoreResult<()> {
    #[derive(Deserialize)]
    struct Many {
        start: u64,
    }
    for (grain, letter, from, to) in merging::looked_at(retention, now_ms) {
        let parameters =
            [text(letter), unsigned(from), unsigned(to), unsigned(merging::MOST_ROWS), unsigned(most)];
        let many: Vec<Many> = rows(env, merging::MANY, &parameters).await?;
        for Many { start } in many {
            merge(env, grain, letter, (start, start + grain.length_ms())).await?;
        }
    }
    Ok(())
}

/// Merges the rows of totals of a span. If some are added at the same time, nothing is written, and its next turn tries again.
async fn merge(env: &Env, grain: Grain, letter: &str, span: (u64, u64)) -> StoreResult<()> {
    let Some(insert) = sql::insert_totals(grain, false) else { return Ok(()) };
    let (sums, read) = sums_of_classes(env, letter, span).await?;
    let database = super::database(env)?;
    let run = |sql: &str, parameters: &[JsValue]| statement(&database, sql, parameters);
    let (letter, from, to) = (text(letter), unsigned(span.0), unsigned(span.1));
    let statements = vec![
        run(merging::UNCHANGED, &[letter.clone(), from.clone(), to.clone(), unsigned(read)])?,
        run(totals::DELETE, &[letter, from, to])?,
        run(&insert, &[text(&serde_json::to_string(&sums.rows())?), text("")])?,
    ];
    unless_changed(database.batch(statements).await)?;
    Ok(())
}

/// Says that there are no totals, so that they are made anew: after a restore, which may have rows of different instants.
pub async fn forget_totals(env: &Env) -> StoreResult<()> {
    write(env, totals::FORGET, &[]).await?;
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
    let letters = |grain: Grain| [Some(grain.letter()), totals::letter(grain)].into_iter().flatten();
    for (grain, letter) in
        Grain::ALL.into_iter().flat_map(|grain| letters(grain).map(move |letter| (grain, letter)))
    {
        let mut before = delete_before(grain, progress, retention, now_ms);
        if grain == Grain::Minute {
            before = before.min(in_totals);
        }
        loop {
            if left == 0 {
                return Ok(true);
            }
            left -= 1;
            let parameters = [text(letter), unsigned(before), unsigned(DELETED_AT_ONCE)];
            let deleted = write(env, sql::DELETE_ROWS, &parameters).await?.changes;
            if (deleted as u64) < DELETED_AT_ONCE {
                break;
            }
        }
    }
    Ok(false)
}
