//! The audit log in D1.
//!
//! Entries are numbered and chained when they are written, in one place: the isolate collects what happened, reads the head of
//! the log, and inserts what follows it. If another isolate was first, the numbers are taken, nothing is inserted, and the
//! entries are chained again to the new head.

use std::cell::RefCell;
use std::fmt::Write as _;

use nexus_edge_core::access::audit::Entry;
use nexus_edge_core::access::audit::chain::{self, BEGINNING};
use nexus_edge_core::outbox::{Departure, Outbox};
use serde::{Deserialize, Serialize};
use worker::Env;

use super::{StoreResult, rows, text, unsigned, write};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// How often entries are chained anew because another isolate was first.
const MAX_TRIES: u64 = 16;
/// Milliseconds before another try, times the number of tries.
const PAUSE_MS: u64 = 25;
/// Most entries that are inserted at once.
const FULL: usize = 200;
/// Rows that one page of a filtered search reads.
const SCANNED: u64 = 20_000;

thread_local! {
    static OUTBOX: RefCell<Outbox<Entry>> = const { RefCell::new(Outbox::new()) };
}

/// Writes an entry; its number is given here. Never fails: what cannot be written is logged.
pub async fn record(env: &Env, entry: Entry) {
    let departure = OUTBOX.with_borrow_mut(|outbox| outbox.add([entry], FULL, now_ms()));
    let Some(departure) = departure else { return };
    if let Departure::AfterMs(ms) = departure {
        Timer::after_ms(ms).await;
    }
    let entries = OUTBOX.with_borrow_mut(|outbox| outbox.take(departure));
    for entries in entries.chunks(FULL) {
        append(env, entries).await;
    }
}

async fn append(env: &Env, entries: &[Entry]) {
    for attempt in 1..=MAX_TRIES {
        match try_append(env, entries).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => log_error("audit log", &error),
        }
        Timer::after_ms(attempt * PAUSE_MS).await;
    }
    for entry in entries {
        log_error("an entry of the audit log is lost", &entry.line().unwrap_or_default());
    }
}

/// Appends entries to the log; false if another writer was first.
async fn try_append(env: &Env, entries: &[Entry]) -> StoreResult<bool> {
    #[derive(Serialize)]
    struct New {
        seq: u64,
        line: String,
        hash: String,
    }
    let (mut seq, mut hash) = head(env).await?;
    let mut new = Vec::with_capacity(entries.len());
    for entry in entries {
        seq += 1;
        let line = Entry { seq, ..entry.clone() }.line()?;
        hash = chain::hash(&hash, &line);
        new.push(New { seq, line, hash: hash.clone() });
    }
    let first = seq + 1 - new.len() as u64;
    let sql = "INSERT INTO audit_log (seq, line, hash) \
        SELECT value ->> 'seq', value ->> 'line', value ->> 'hash' FROM json_each(?1) \
        WHERE NOT EXISTS (SELECT 1 FROM audit_log WHERE seq >= ?2)";
    let written = write(env, sql, &[text(&serde_json::to_string(&new)?), unsigned(first)]).await?;
    Ok(written.changes > 0)
}

/// An entry as it is stored.
#[derive(Debug, Deserialize)]
pub struct Stored {
    /// Its number.
    pub seq: u64,
    /// What it says.
    pub line: String,
    /// Its hash.
    pub hash: String,
}

/// The number and the hash of the last entry.
pub async fn head(env: &Env) -> StoreResult<(u64, String)> {
    let sql = "SELECT seq, '' AS line, hash FROM audit_log ORDER BY seq DESC LIMIT 1";
    let last = rows::<Stored>(env, sql, &[]).await?.pop();
    Ok(last.map_or((0, BEGINNING.to_owned()), |last| (last.seq, last.hash)))
}

/// The entries after a number, oldest first.
pub async fn after(env: &Env, seq: u64, limit: u64) -> StoreResult<Vec<Stored>> {
    let sql = "SELECT seq, line, hash FROM audit_log WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    rows(env, sql, &[unsigned(seq), unsigned(limit)]).await
}

/// What entries are looked for: each is compared for equality.
#[derive(Debug, Default)]
pub struct Wanted {
    /// From when on, in milliseconds since the epoch.
    pub from: Option<u64>,
    /// Until when.
    pub to: Option<u64>,
    /// Fields with their values: `actor`, `operation`, `target`, `status`, `request_id`.
    pub fields: Vec<(&'static str, String)>,
}

/// Entries before a number, newest first, and the number before which the next page goes on.
pub async fn page(
    env: &Env,
    wanted: &Wanted,
    before: Option<u64>,
    limit: u32,
) -> StoreResult<(Vec<Stored>, Option<u64>)> {
    let before = match before {
        Some(before) => before,
        None => head(env).await?.0 + 1,
    };
    let floor = before.saturating_sub(SCANNED);
    let mut sql = "SELECT seq, line, hash FROM audit_log WHERE seq < ?1 AND seq >= ?2 \
        AND line ->> 'at' >= ?3 AND line ->> 'at' <= ?4"
        .to_owned();
    let mut parameters = vec![
        unsigned(before),
        unsigned(floor),
        unsigned(wanted.from.unwrap_or(0)),
        unsigned(wanted.to.unwrap_or(1 << 53)),
    ];
    for (field, value) in &wanted.fields {
        parameters.push(text(value));
        // Writing to a string does not fail.
        let _ = write!(sql, " AND CAST(line ->> '{field}' AS TEXT) = ?{}", parameters.len());
    }
    parameters.push(unsigned(limit.into()));
    let _ = write!(sql, " ORDER BY seq DESC LIMIT ?{}", parameters.len());
    let found: Vec<Stored> = rows(env, &sql, &parameters).await?;
    let is_full = found.len() as u64 == u64::from(limit);
    let next = if is_full { found.last().map(|last| last.seq) } else { (floor > 0).then_some(floor) };
    Ok((found, next.filter(|next| *next > 1)))
}
