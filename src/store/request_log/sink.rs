//! Rows of requests that never are in the database: each batch of events is a pack, `RECORD_SINK=r2`.
//!
//! The pack is written before the transaction that counts its events and makes it count. In place of the rows, the names of the
//! chunks of events are noted (`nexus_edge_stats::delivery`), and where requests pay with credits the id and the cost of each
//! event: their primary key refuses a second count, and accounts read them.

use std::collections::BTreeMap;

use nexus_edge_core::id::{floor_time_of, ulid};
use nexus_edge_core::settings::Settings;
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_packs::layout::Row;
use nexus_edge_stats::delivery::NOTED_FOR_MS;
use nexus_edge_stats::log_row;
use nexus_edge_stats::moving::hour_of;
use serde::Serialize;
use worker::{D1Database, D1PreparedStatement, Env};

use super::place::KIND;
use crate::store::packs::{self, COLUMNS};
use crate::store::{StoreResult, statement, text, unsigned, write};

/// Rows that one statement deletes.
const DELETED_AT_ONCE: u64 = 2_000;
/// For how long it is known which conversations went on, in milliseconds: longer than anything counts as active.
const ACTIVE_FOR_MS: u64 = 60 * 60 * 1000;
/// Most statements of one run that delete.
const DELETES: usize = 40;

const NOTE: &str = "INSERT INTO recorded (id, cost_micros, price_source) \
    SELECT value ->> 'id', value ->> 'cost_micros', value ->> 'price_source' FROM json_each(?1)";

#[derive(Serialize)]
struct Note<'a> {
    id: &'a str,
    cost_micros: Option<u64>,
    price_source: Option<&'a str>,
}

/// Which chunks and events are noted. Parameter: a list of names and ids.
pub const NOTED: &str = "SELECT id FROM recorded WHERE id IN (SELECT value FROM json_each(?1))";

/// Writes these events as packs. The result are the statements that note them and make the packs count.
pub async fn write_events(
    env: &Env,
    database: &D1Database,
    settings: &Settings,
    chunks: &[&String],
    events: &[&UsageEvent],
) -> StoreResult<Vec<D1PreparedStatement>> {
    let mut notes: Vec<Note<'_>> =
        chunks.iter().map(|id| Note { id, cost_micros: None, price_source: None }).collect();
    if settings.checks_credits {
        notes.extend(events.iter().map(|event| Note {
            id: &event.id,
            cost_micros: Some(event.cost_micros),
            price_source: Some(event.price_source.as_str()),
        }));
    }
    let mut statements = vec![statement(database, NOTE, &[text(&serde_json::to_string(&notes)?)])?];
    let mut hours: BTreeMap<u64, Vec<(&str, String)>> = BTreeMap::new();
    for event in events {
        let hour = hour_of(floor_time_of(&event.id));
        hours.entry(hour).or_default().push((&event.id, log_row::line(event)?));
    }
    let insert = format!("INSERT INTO packs ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    for (hour, lines) in &hours {
        let rows = lines.iter().map(|(key, line)| Row { key, line }).collect();
        let pack = packs::write(env, KIND, *hour, rows).await?;
        statements.push(statement(database, &insert, &pack.parameters())?);
    }
    Ok(statements)
}

/// The statement that notes which conversations went on, as [`nexus_edge_stats::conversations::answered`] wrote them. `part` is the id of
/// the batch.
pub fn note_active(
    database: &D1Database,
    conversations: &str,
    part: &str,
    now_ms: u64,
) -> StoreResult<D1PreparedStatement> {
    let sql = "INSERT INTO active_conversations (id, conversations) VALUES (?1, ?2)";
    let id = format!("{}-{part}", ulid(now_ms, [0; 10]));
    statement(database, sql, &[text(&id), text(conversations)])
}

/// Keys and ids of the conversations that went on. Parameter: since when, as the beginning of an id.
pub const ACTIVE: &str = "SELECT c.value ->> 0, c.value ->> 1 FROM active_conversations AS a, json_each(a.conversations) AS c \
    WHERE a.id >= ?1";

/// Forgets what was noted so long ago that it is not delivered again, and conversations that no longer go on.
pub async fn forget(env: &Env, now_ms: u64) -> StoreResult<()> {
    let sql = "DELETE FROM active_conversations WHERE id IN \
        (SELECT id FROM active_conversations WHERE id < ?1 ORDER BY id LIMIT ?2)";
    let before = ulid(now_ms.saturating_sub(ACTIVE_FOR_MS), [0; 10]);
    write(env, sql, &[text(&before), unsigned(DELETED_AT_ONCE)]).await?;
    let before = ulid(now_ms.saturating_sub(NOTED_FOR_MS), [0; 10]);
    let sql = "DELETE FROM recorded WHERE id IN (SELECT id FROM recorded WHERE id < ?1 ORDER BY id LIMIT ?2)";
    for _ in 0..DELETES {
        let deleted = write(env, sql, &[text(&before), unsigned(DELETED_AT_ONCE)]).await?.changes;
        if (deleted as u64) < DELETED_AT_ONCE {
            break;
        }
    }
    Ok(())
}
