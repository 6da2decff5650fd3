//! Metrics: the sums of all requests that were ever recorded.
//!
//! The statements and what they mean are in `nexus_edge_telemetry`; here they are run. What is read together is one transaction.

use std::cell::Cell;

use nexus_edge_stats::batch::SETTLED_AFTER_MS;
use nexus_edge_stats::grain::Grain;
use nexus_edge_telemetry::budget::Budget;
use nexus_edge_telemetry::sql;
use nexus_edge_telemetry::totals::{self, MinuteRow, Names, StoredName, StoredTotal, Totals};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{D1Result, Env};

use super::{StoreResult, rows, statement, text, unsigned, usage};

/// Complete minutes wait until there are so many rows of them, or a quarter of an hour is over: each time that they are added, a
/// row a key is written.
const ROWS_THAT_WAIT: u64 = 1_000;
/// Longest span of many rows that is added at once.
const SPAN_MS: u64 = Grain::Quarter.length_ms();
/// For how long an isolate remembers the number of active conversations, which is dear to count, in milliseconds.
const COUNT_FOR_MS: u64 = 60_000;

thread_local! {
    /// When active conversations were counted, and how many they were.
    static ACTIVE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// All that was counted.
pub struct Counted {
    /// The sums.
    pub totals: Totals,
    /// The names with time series of their own.
    pub names: Names,
    /// The providers, the oldest first.
    pub providers: Vec<Provider>,
    /// Since when is counted, in milliseconds since the epoch.
    pub since_ms: u64,
}

/// A provider.
#[derive(Deserialize)]
pub struct Provider {
    /// Its id in the health registry.
    pub uid: String,
    /// Its name.
    pub name: String,
}

/// Everything that was counted until now.
pub async fn counted(env: &Env, budget: Budget) -> StoreResult<Counted> {
    let database = super::database(env)?;
    let end = unsigned(sql::END_OF_TIME_MS);
    let statements = vec![
        statement(&database, sql::NAMES, &[])?,
        statement(&database, sql::TOTALS, &[])?,
        statement(&database, &sql::minutes(), &[end])?,
        statement(&database, sql::PROGRESS, &[])?,
        statement(&database, "SELECT uid, name FROM providers ORDER BY id LIMIT 1000", &[])?,
    ];
    let mut results = Results(database.batch(statements).await?.into_iter());
    let names = Names::new(results.next::<StoredName>("metric names")?, budget);
    let mut totals = totals::read(&results.next::<StoredTotal>("metric totals")?);
    for row in results.next::<MinuteRow>("minutes")? {
        totals::add(&mut totals, &row, &names);
    }
    let progress: Vec<Progress> = results.next("metric progress")?;
    let since_ms = progress.first().map(|progress| progress.since).unwrap_or_default();
    let providers = results.next("providers")?;
    Ok(Counted { totals, names, providers, since_ms })
}

/// Conversations with an answer in the last half hour, and connected chat sessions; the number may be a minute old.
pub async fn active_sessions(env: &Env, now_ms: u64) -> StoreResult<u64> {
    let (counted_ms, active) = ACTIVE.get();
    if now_ms < counted_ms + COUNT_FOR_MS {
        return Ok(active);
    }
    let active = usage::totals(env, now_ms).await?.active_sessions;
    ACTIVE.set((now_ms, active));
    Ok(active)
}

/// Up to when minutes are in the totals, so that they are not needed for them any more.
pub async fn until(env: &Env) -> StoreResult<u64> {
    let found: Vec<Progress> = rows(env, sql::PROGRESS, &[]).await?;
    Ok(found.first().map(|progress| progress.until).unwrap_or_default())
}

/// Adds the next complete minutes to the totals, if there are enough of them. False if there are not.
pub async fn add_minutes(env: &Env, budget: Budget, now_ms: u64) -> StoreResult<bool> {
    let complete = Grain::Minute.start_of(now_ms.saturating_sub(SETTLED_AFTER_MS));
    let waiting: Vec<Waiting> = rows(env, sql::WAITING, &[unsigned(complete)]).await?;
    let Some(Waiting { rows: waiting, first, late }) = waiting.into_iter().next() else { return Ok(false) };
    let first = first.unwrap_or(complete);
    if waiting < ROWS_THAT_WAIT && late == 0 && first.saturating_add(SPAN_MS) > complete {
        return Ok(false);
    }
    // Few rows are added whatever span they are of.
    let end = if waiting < ROWS_THAT_WAIT { complete } else { first.saturating_add(SPAN_MS).min(complete) };
    add_until(env, budget, end).await?;
    Ok(true)
}

/// Adds the minutes before `end_ms`. If rows of them are added at the same time, nothing is written, and the next run tries again.
async fn add_until(env: &Env, budget: Budget, end_ms: u64) -> StoreResult<()> {
    let database = super::database(env)?;
    let end = unsigned(end_ms);
    let statements = vec![
        statement(&database, sql::NAMES, &[])?,
        statement(&database, sql::TOTALS, &[])?,
        statement(&database, &sql::minutes(), std::slice::from_ref(&end))?,
        statement(&database, sql::STATE, std::slice::from_ref(&end))?,
    ];
    let mut results = Results(database.batch(statements).await?.into_iter());
    let names = Names::new(results.next::<StoredName>("metric names")?, budget);
    let known = totals::read(&results.next::<StoredTotal>("metric totals")?);
    let mut added = Totals::new();
    for row in results.next::<MinuteRow>("minutes")? {
        totals::add(&mut added, &row, &names);
    }
    let Some(state) = results.next::<State>("metric state")?.into_iter().next() else { return Ok(()) };
    // Late rows may come while no minute is complete.
    let until = unsigned(end_ms.max(state.until));
    let written = text(&serde_json::to_string(&totals::rows_after(&known, &added)?)?);
    let guard = [end, unsigned(state.until), unsigned(state.rows), unsigned(state.late)];
    let statements = vec![
        statement(&database, sql::UNCHANGED, &guard)?,
        statement(&database, sql::WRITE_TOTALS, &[written])?,
        statement(&database, sql::DELETE_LATE, &[])?,
        statement(&database, sql::SET_UNTIL, &[until])?,
    ];
    database.batch(statements).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Progress {
    since: u64,
    until: u64,
}

#[derive(Deserialize)]
struct Waiting {
    rows: u64,
    first: Option<u64>,
    late: u64,
}

#[derive(Deserialize)]
struct State {
    until: u64,
    rows: u64,
    late: u64,
}

/// The results of a transaction, one after the other.
struct Results(std::vec::IntoIter<D1Result>);

impl Results {
    /// The rows of the next one; `of` says whose they are.
    fn next<T: DeserializeOwned>(&mut self, of: &str) -> StoreResult<Vec<T>> {
        match self.0.next() {
            Some(result) => Ok(super::read(&result, of)?),
            None => Ok(Vec::new()),
        }
    }
}
