//! Compares an account with the request log, and writes the rows and charges that an isolate did not write before it was stopped.
//!
//! The rules are in [`nexus_edge_core::billing::journal`]. Every step is idempotent by the id of the request's usage
//! event, so that it may be repeated at any point, and that a late event or charge of the isolate changes nothing twice.

use std::collections::HashMap;

use nexus_edge_core::billing::journal::{Note, event_id};
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_stats::recorded::Recorded;
use worker::{Env, Error, Result};

use super::book::Book;
use super::tables::{Open, Uncompared};
use crate::platform::{log_error, now_ms};
use crate::settings;
use crate::store::usage::{self, LoggedCost};

/// Most charges and most reservations that are compared at once.
const BATCH: u32 = 500;
/// Most batches of one alarm.
const BATCHES: usize = 20;

/// Compares what is old enough. True if there is more to compare later.
pub async fn run(env: &Env, book: &Book) -> Result<bool> {
    let settings = settings::get(env).map_err(|error| Error::RustError(error.message))?;
    book.with(0, |_| Ok(()))?;
    let old_enough = now_ms().saturating_sub(settings.credit_reconcile_ms);
    for _ in 0..BATCHES {
        let charges = book.tables.uncompared(old_enough, BATCH)?;
        let is_last = charges.len() < BATCH as usize;
        compare_charges(env, book, &charges).await?;
        if is_last {
            break;
        }
    }
    // Of these, too, only those that were made long enough ago: the others are most likely in progress.
    let made_before = old_enough.saturating_add(settings.credit_reservation_ms);
    let reservations = book.tables.open(made_before, BATCH)?;
    compare_reservations(env, book, &reservations).await?;
    let is_more = book.with(0, |state| Ok(state.has_reservations()))? || book.tables.has_uncompared()?;
    Ok(is_more)
}

/// Records the requests of charges that the request log does not have.
async fn compare_charges(env: &Env, book: &Book, charges: &[Uncompared]) -> Result<()> {
    let Some(last) = charges.last() else { return Ok(()) };
    let noted = charges.iter().filter_map(|charge| {
        let id = event_id(&charge.entry.id)?;
        Some((id, &charge.entry, read(charge.note.as_deref())?))
    });
    let noted: Vec<_> = noted.collect();
    let ids: Vec<&str> = noted.iter().map(|(id, ..)| *id).collect();
    let known = known(env, &ids).await?;
    let missing = noted.into_iter().filter(|(id, ..)| !known.contains_key(*id));
    let events: Vec<UsageEvent> = missing.map(|(id, entry, note)| note.record(id, entry)).collect();
    record(env, &events).await?;
    book.tables.note_compared(&last.entry)
}

/// Charges the reservations of requests that have ended by the request log, and those that have expired.
async fn compare_reservations(env: &Env, book: &Book, reservations: &[Open]) -> Result<()> {
    let ids: Vec<&str> = reservations.iter().map(|reservation| reservation.id.as_str()).collect();
    let known = known(env, &ids).await?;
    let now = now_ms();
    let mut events = Vec::new();
    for Open { id, amount, expires_at, note } in reservations {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "written from whole numbers"
        )]
        let (amount, is_expired) = (*amount as u64, *expires_at as u64 <= now);
        let known = known.get(id.as_str());
        if known.is_none() && !is_expired {
            continue;
        }
        let note = read(note.as_deref());
        book.with(0, |state| {
            let Some(note) = &note else {
                // Of an earlier release, which kept no note: it is released as it was then.
                state.release(id);
                return book.tables.release(id);
            };
            let mut entry = note.by_reservation(id, amount, now);
            if let Some(cost) = known.and_then(LoggedCost::cost) {
                (entry.amount, entry.description) = (-cost.cast_signed(), String::new());
            }
            if known.is_none() {
                events.push(note.clone().record(id, &entry));
            }
            book.end(state, id, entry, note).map(|_| ())
        })?;
    }
    record(env, &events).await
}

async fn known(env: &Env, ids: &[&str]) -> Result<HashMap<String, LoggedCost>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    usage::recorded(env, ids).await.map_err(|error| Error::RustError(error.to_string()))
}

async fn record(env: &Env, events: &[UsageEvent]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    log_error("requests were lost with an isolate and are recorded by their account", &events.len());
    let recorded: Vec<Recorded> = events.iter().cloned().map(Recorded::from).collect();
    usage::ingest(env, &recorded).await.map_err(|error| Error::RustError(error.to_string()))
}

fn read(note: Option<&str>) -> Option<Note> {
    serde_json::from_str(note?).inspect_err(|error| log_error("a note of an account", error)).ok()
}
