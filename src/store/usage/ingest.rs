//! Records usage events in one transaction: the request log, all sums and the archive.

use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;
use std::slice;

use nexus_edge_core::settings::RecordSink;
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_stats::batch::Batch;
use nexus_edge_stats::conversations::{self, Deletions};
use nexus_edge_stats::delivery;
use nexus_edge_stats::grain::Grain;
use nexus_edge_stats::group::Group;
use nexus_edge_stats::log_row;
use nexus_edge_stats::queue_lag;
use nexus_edge_stats::recorded::Recorded;
use nexus_edge_stats::sql;
use nexus_edge_telemetry::sql::ADMIT;
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, Env};

use super::super::archive::packs;
use super::super::origin::NOTED_FOR_MS;
use super::super::request_log::{self, sink};
use super::super::{StoreError, StoreResult, analytics, database, read, statement, text, unsigned};
use crate::platform::now_ms;
use crate::settings;

/// With as many events a transaction takes no further chunk: D1 accepts a parameter of 2 MB.
const INGEST_EVENTS: usize = 400;

/// A model that was asked for before it was in the catalogue has a time series of its own so many milliseconds later: by then all
/// rows that were counted without it are older.
const ADMITTED_AFTER_MS: u64 = 120_000;

thread_local! {
    /// How long the last transaction took, until the next batch records it.
    static LAST_TRANSACTION_MS: Cell<Option<u64>> = const { Cell::new(None) };
}

const KNOWN: &str = "SELECT id FROM request_log WHERE id IN (SELECT value FROM json_each(?1))";

/// Parameters: the rows of [`conversations::rows`], rounds, tokens of prompts and of answers, requests without a price, and the two
/// of [`queue_lag::note`].
fn add_totals() -> String {
    format!(
        "UPDATE stats_totals SET conversations = conversations + ({}), \
         rounds = rounds + ?2, prompt_tokens = MIN(prompt_tokens + ?3, 9007199254740991), \
         completion_tokens = MIN(completion_tokens + ?4, 9007199254740991), unpriced = unpriced + ?5, {} WHERE id = 1",
        conversations::UNCOUNTED,
        queue_lag::note(6, 7)
    )
}

/// A row written for each use would double the price of a request, so a key's last use is exact to a minute.
const TOUCH_KEYS: &str = "UPDATE api_keys SET last_used_at = used.ts \
    FROM (SELECT value ->> 'key_id' AS key_id, value ->> 'ts' AS ts FROM json_each(?1)) AS used \
    WHERE api_keys.id = used.key_id AND used.ts >= COALESCE(api_keys.last_used_at, 0) + 60000";

/// How events come to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// How long the first of them was in the queue, in milliseconds; 0 if they did not come through it.
    pub waited_ms: u64,
    /// Of how many deliveries this one is, of those that one invocation of the Worker records.
    pub of: usize,
}

/// What did not come through the queue.
pub(super) const DIRECT: Delivery = Delivery { waited_ms: 0, of: 1 };

/// Records events and adds them to all sums and to the archive, once each however often and in whichever batch they are
/// delivered. Events that the request log has are left out; all rest is written in one transaction, which its primary key
/// refuses as a whole if another one wrote an event of it in between. Texts are written before it: a pack that it does not refer to
/// in the end is removed by the cron, and a text that it does not refer to is erased in a pack that it shares with others.
///
/// The events are one chunk: every delivery of it has the same events.
pub async fn ingest(env: &Env, recorded: &[Recorded]) -> StoreResult<()> {
    let whole = 0..recorded.len();
    ingest_chunks(env, recorded, slice::from_ref(&whole), DIRECT).await
}

/// The same for several chunks, which follow each other.
pub async fn ingest_chunks(
    env: &Env,
    recorded: &[Recorded],
    chunks: &[Range<usize>],
    delivery: Delivery,
) -> StoreResult<()> {
    let groups = delivery::groups(chunks, INGEST_EVENTS);
    let delivery = Delivery { of: delivery.of * groups.len(), ..delivery };
    for chunks in groups {
        ingest_group(env, recorded, chunks, delivery).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Known {
    id: String,
}

#[derive(Deserialize)]
struct Deletion {
    key_id: String,
    id: String,
    deleted_at: u64,
}

/// What was recorded before a group of events.
struct Before {
    /// Ids of its events that the request log has.
    logged: HashSet<String>,
    /// Names of its chunks, and ids of its events, that are noted as recorded.
    noted: HashSet<String>,
    /// Conversations of it that were deleted.
    deletions: Deletions,
}

async fn recorded_before(env: &Env, database: &D1Database, group: &Group<'_>) -> StoreResult<Before> {
    let run = |sql: &str, parameters: &[JsValue]| statement(database, sql, parameters);
    let ids = group.ids();
    let queries = [
        run(KNOWN, &[text(&serde_json::to_string(&ids)?)])?,
        run(conversations::DELETIONS, &[text(&group.archived_in()?)])?,
        run(sink::NOTED, &[text(&serde_json::to_string(&group.names())?)])?,
    ];
    let found = database.batch(queries.into()).await?;
    let [logged, deletions, noted] = found.as_slice() else {
        return Err(StoreError::Platform("the database answered fewer statements than it was asked".into()));
    };
    let mut logged: HashSet<String> = read::<Known>(logged, KNOWN)?.into_iter().map(|row| row.id).collect();
    logged.extend(request_log::known(env, &ids).await?);
    let noted = read::<Known>(noted, sink::NOTED)?.into_iter().map(|row| row.id).collect();
    let deletions = read::<Deletion>(deletions, conversations::DELETIONS)?;
    let deletions = deletions.into_iter().map(|row| (row.key_id, row.id, row.deleted_at));
    let deletions = Deletions::of(deletions, now_ms().saturating_sub(NOTED_FOR_MS));
    Ok(Before { logged, noted, deletions })
}

async fn ingest_group(
    env: &Env,
    all: &[Recorded],
    chunks: &[Range<usize>],
    delivery: Delivery,
) -> StoreResult<()> {
    let settings = settings::get(env).map_err(|error| StoreError::Platform(error.message))?;
    let database = database(env)?;
    let run = |sql: &str, parameters: &[JsValue]| statement(&database, sql, parameters);
    let group = Group::of(all, chunks);
    let Before { logged, noted, deletions } = recorded_before(env, &database, &group).await?;
    let fresh = group.fresh(&logged, &noted);
    let large = packs::settle(&database, &group.placed().collect::<Vec<_>>())?;
    if fresh.is_empty() {
        if !large.is_empty() {
            database.batch(large).await?;
        }
        return Ok(());
    }
    let archived = fresh.iter().map(|one| (one, deletions.kept(one).and_then(|kept| kept.archived.as_ref())));
    let lines = archived
        .map(|(one, archived)| Ok(archived.map(|archived| archived.line(&one.event)).transpose()?.flatten()));
    let lines = lines.collect::<StoreResult<Vec<_>>>()?;
    let (places, pack) = packs::write(env, lines).await?;
    let events: Vec<&UsageEvent> = fresh.iter().map(|one| &one.event).collect();
    let mut statements = match settings.record_sink {
        RecordSink::D1 => vec![run(&log_row::insert(), &[text(&log_row::list(&events)?)])?],
        RecordSink::R2 => {
            let names = group.unnoted(&noted);
            let mut statements = sink::write_events(env, &database, &settings, &names, &events).await?;
            if let (Some(answered), Some(first)) = (conversations::answered(&fresh), events.first()) {
                statements.push(sink::note_active(&database, &answered, &first.id, now_ms())?);
            }
            statements
        }
    };
    let now = now_ms();
    let batch = Batch::of(&events, now, LAST_TRANSACTION_MS.take())?;
    let conversations = text(&serde_json::to_string(&conversations::rows(&fresh, &deletions, &places)?)?);
    let (part, totals) = (text(&batch.part), batch.totals);
    statements.extend([
        run(conversations::NOT_DELETED, slice::from_ref(&conversations))?,
        run(
            &add_totals(),
            &[
                conversations.clone(),
                unsigned(totals.rounds),
                unsigned(totals.prompt_tokens),
                unsigned(totals.completion_tokens),
                unsigned(totals.unpriced),
                unsigned(queue_lag::minute_of(now)),
                unsigned(delivery.waited_ms),
            ],
        )?,
        run(conversations::MOVE_ITEMS, slice::from_ref(&conversations))?,
        run(&conversations::upsert(), &[conversations])?,
        run(TOUCH_KEYS, &[text(&batch.keys)])?,
        run(ADMIT, &[text(&batch.names), unsigned(now + ADMITTED_AFTER_MS)])?,
        run(sql::INSERT_SERIES, &[text(&batch.series)])?,
        run(&sql::insert_rows(Grain::Minute, false), &[text(&batch.minutes), part.clone()])?,
    ]);
    if let Some(pack) = pack {
        statements.push(run(packs::REGISTER, &[text(&serde_json::to_string(&[pack])?)])?);
    }
    statements.extend(large);
    if !batch.late_minutes.is_empty() {
        statements.push(run(&sql::insert_late(), &[text(&batch.late_minutes), part.clone()])?);
    }
    for late in &batch.late {
        if let Some(insert) = sql::insert_totals(late.grain, true) {
            statements.push(run(&insert, &[text(&late.totals), part.clone()])?);
        }
        statements.push(run(&sql::insert_rows(late.grain, true), &[text(&late.rows), part.clone()])?);
    }
    let began = now_ms();
    database.batch(statements).await?;
    LAST_TRANSACTION_MS.set(Some(now_ms().saturating_sub(began)));
    analytics::write(env, &events, delivery.of);
    Ok(())
}
