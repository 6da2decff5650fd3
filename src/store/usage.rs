//! Usage events: into the queue, from there into D1, and into R2 if neither accepts them.
//!
//! A message of the queue is a JSON list of events; an object in R2, `parked-usage/<id>`, is the same list:
//!
//! ```json
//! [{"id": "01M7…", "key_id": "…", "model": "gpt-5", "outcome": "completed", "prompt_tokens": 20, "completion_tokens": 4}]
//! ```
//!
//! Calls of tools are messages of their own ([`super::tool_calls`]).
//!
//! All fields: `nexus_edge_core::stats::UsageEvent`; `kept` is what the archive gets of the request
//! (`nexus_edge_core::conversation::kept::Kept`).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::slice;

use nexus_edge_core::conversation::kept::Kept;
use nexus_edge_core::id::ulid;
use nexus_edge_core::outbox::{Departure, Outbox};
use nexus_edge_core::settings::RecordSink;
use nexus_edge_core::stats::{PriceSource, UsageEvent};
use nexus_edge_stats::batch::{self, Batch};
use nexus_edge_stats::conversations::{self, Deletions};
use nexus_edge_stats::delivery;
use nexus_edge_stats::grain::Grain;
use nexus_edge_stats::log_row;
use nexus_edge_stats::message::Calls;
use nexus_edge_stats::queue_lag::{self, Noted};
use nexus_edge_stats::recorded::{self, Recorded};
use nexus_edge_stats::sql;
use nexus_edge_stats::tool_calls::ToolCall;
use nexus_edge_telemetry::sql::ADMIT;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, Env};

use super::archive::packs::{self, Registered};
use super::origin::NOTED_FOR_MS;
use super::request_log::{self, sink};
use super::usage_queue::{self, PARKED_PREFIX, enqueue};
use super::{StoreError, StoreResult, analytics, rows, statement, text, tool_calls, unsigned};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};
use crate::settings;

/// Most parked objects that one run of the cron records.
const REPLAY_BATCH: usize = 100;
/// Most events in one message.
const MESSAGE_EVENTS: usize = 64;
/// Most bytes of one message: a queue accepts 128 KB.
const MESSAGE_BYTES: usize = 120_000;
/// Texts of more bytes, as JSON, are put into R2 before their event is sent.
const LARGE_BYTES: usize = 90_000;
/// A conversation counts as active for this long after its last request, in milliseconds.
const ACTIVE_FOR_MS: u64 = 30 * 60 * 1000;
/// An open connection counts for this long: that one has ended is not heard of if its object was killed. Milliseconds.
const CONNECTED_FOR_MS: u64 = 24 * 60 * 60 * 1000;
/// With as many events a transaction takes no further chunk: D1 accepts a parameter of 2 MB.
const INGEST_EVENTS: usize = 400;

/// A model that was asked for before it was in the catalogue has a time series of its own so many milliseconds later: by then all
/// rows that were counted without it are older.
const ADMITTED_AFTER_MS: u64 = 120_000;

thread_local! {
    static OUTBOX: RefCell<Outbox<Recorded>> = const { RefCell::new(Outbox::new()) };
    /// How long the last transaction took, until the next batch records it.
    static LAST_TRANSACTION_MS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Events of this isolate that wait to be sent.
pub fn waiting() -> usize {
    OUTBOX.with_borrow(Outbox::len)
}

/// Hands an event over to be recorded, with what is kept of its request. Never fails: what the queue refuses goes to D1, what D1
/// refuses goes to R2.
pub async fn record(env: &Env, event: UsageEvent, kept: Option<Kept>) {
    let mut recorded = Recorded { event, kept: kept.map(Box::new) };
    if let Err(error) = put_large(env, &mut recorded).await {
        log_error("a large text is not archived", &error);
    }
    let departure = OUTBOX.with_borrow_mut(|outbox| outbox.add([recorded], MESSAGE_EVENTS, now_ms()));
    let Some(departure) = departure else { return };
    if let Departure::AfterMs(ms) = departure {
        Timer::after_ms(ms).await;
    }
    let recorded = OUTBOX.with_borrow_mut(|outbox| outbox.take(departure));
    let messages = match recorded::messages(&recorded, MESSAGE_EVENTS, MESSAGE_BYTES) {
        Ok(messages) => messages,
        Err(error) => return log_error("usage events cannot be written", &error),
    };
    for message in messages {
        send(env, message.json, recorded.get(message.events).unwrap_or_default()).await;
    }
}

/// Puts texts that are too large for a message into a pack of their own.
async fn put_large(env: &Env, recorded: &mut Recorded) -> StoreResult<()> {
    let Recorded { event, kept } = recorded;
    let Some(archived) = kept.as_mut().and_then(|kept| kept.archived.as_mut()) else { return Ok(()) };
    let bytes: usize = archived.texts.iter().map(String::len).sum();
    // JSON needs at most six bytes for one; most texts are far too small for a look at theirs.
    if bytes * 6 < LARGE_BYTES || serde_json::to_string(&archived.texts)?.len() < LARGE_BYTES {
        return Ok(());
    }
    let Some(line) = archived.line(event)? else { return Ok(()) };
    archived.texts.clear();
    archived.place = Some(packs::put_large(env, line).await?);
    Ok(())
}

async fn send(env: &Env, message: String, recorded: &[Recorded]) {
    let Err(error) = enqueue(env, message).await else { return };
    log_error("usage queue", &error);
    let Err(error) = ingest(env, recorded).await else { return };
    log_error("usage ingest", &error);
    if let Err(error) = park(env, recorded).await {
        log_error("usage events are lost", &error);
    }
}

/// Parks a chunk of events as one object, so that it stays the chunk that it is.
async fn park(env: &Env, recorded: &[Recorded]) -> StoreResult<()> {
    let Some(first) = recorded.first() else { return Ok(()) };
    usage_queue::park(env, &first.event.id, serde_json::to_vec(recorded)?).await
}

/// A parked object; those of earlier releases are one event.
#[derive(Deserialize)]
#[serde(untagged)]
enum Parked {
    Calls(Calls<Vec<ToolCall>>),
    Chunk(Vec<Recorded>),
    One(Box<Recorded>),
}

/// Records the parked events, oldest first.
pub async fn replay_parked(env: &Env) -> StoreResult<()> {
    let bucket = env.bucket("BUCKET")?;
    let listed =
        bucket.list().prefix(PARKED_PREFIX).limit(u32::try_from(REPLAY_BATCH).unwrap_or(1)).execute().await?;
    let names: Vec<String> = listed.objects().iter().map(worker::Object::key).collect();
    let (mut events, mut chunks) = (Vec::new(), Vec::with_capacity(names.len()));
    for name in &names {
        let Some(object) = bucket.get(name).execute().await? else { continue };
        let Some(body) = object.body() else { continue };
        let begin = events.len();
        match serde_json::from_slice(&body.bytes().await?) {
            Ok(Parked::Calls(Calls { tool_calls })) => tool_calls::insert(env, &[tool_calls]).await?,
            Ok(Parked::Chunk(chunk)) => events.extend(chunk),
            Ok(Parked::One(event)) => events.push(*event),
            Err(error) => log_error("a parked object is no list of usage events", &error),
        }
        chunks.push(begin..events.len());
    }
    ingest_chunks(env, &events, &chunks, DIRECT).await?;
    for name in names {
        bucket.delete(name).await?;
    }
    Ok(())
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
const DIRECT: Delivery = Delivery { waited_ms: 0, of: 1 };

/// Records events and adds them to all sums and to the archive, once each however often and in whatever company they are
/// delivered. Events that the request log has are left out; all rest is written in one transaction, which its primary key
/// refuses as a whole if another one wrote an event of it in between. Texts are written before it: what it does not refer to
/// in the end is removed by the cron.
///
/// The events are a chunk that is delivered as such each time.
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
    /// Ids of its events that are recorded.
    known: HashSet<String>,
    /// Names of its chunks, and ids of its events, that are noted as recorded.
    noted: HashSet<String>,
    /// Conversations of it that were deleted.
    deletions: Deletions,
}

/// The chunks of a group by name, with the ids of their events.
type Chunks = BTreeMap<String, Vec<String>>;

async fn recorded_before(
    env: &Env,
    database: &D1Database,
    recorded: &[Recorded],
    chunks: &Chunks,
) -> StoreResult<Before> {
    #[derive(Serialize)]
    struct Named<'a> {
        key_id: &'a str,
        id: &'a str,
    }
    let run = |sql: &str, parameters: &[JsValue]| statement(database, sql, parameters);
    let ids: Vec<&str> = recorded.iter().map(|one| one.event.id.as_str()).collect();
    let names: Vec<&str> = ids.iter().copied().chain(chunks.keys().map(String::as_str)).collect();
    let archived = recorded.iter().filter(|one| one.kept.is_some()).map(|one| &one.event);
    let archived_in: Vec<Named<'_>> =
        archived.map(|event| Named { key_id: &event.key_id, id: &event.conversation_id }).collect();
    let read = [
        run(KNOWN, &[text(&serde_json::to_string(&ids)?)])?,
        run(conversations::DELETIONS, &[text(&serde_json::to_string(&archived_in)?)])?,
        run(sink::NOTED, &[text(&serde_json::to_string(&names)?)])?,
    ];
    let found = database.batch(read.into()).await?;
    let [known, deletions, noted] = found.as_slice() else {
        return Err(StoreError::Platform("the database answered fewer statements than it was asked".into()));
    };
    let mut known =
        super::read::<Known>(known, KNOWN)?.into_iter().map(|row| row.id).collect::<HashSet<String>>();
    known.extend(request_log::known(env, &ids).await?);
    let already = super::read::<Known>(noted, sink::NOTED)?.into_iter().map(|row| row.id);
    let noted: HashSet<String> = already.collect();
    known.extend(chunks.iter().filter(|(name, _)| noted.contains(*name)).flat_map(|(_, ids)| ids.clone()));
    known.extend(noted.iter().cloned());
    let deletions = super::read::<Deletion>(deletions, conversations::DELETIONS)?;
    let deletions = deletions.into_iter().map(|row| (row.key_id, row.id, row.deleted_at));
    let deletions = Deletions::of(deletions, now_ms().saturating_sub(NOTED_FOR_MS));
    Ok(Before { known, noted, deletions })
}

async fn ingest_group(
    env: &Env,
    all: &[Recorded],
    chunks: &[Range<usize>],
    delivery: Delivery,
) -> StoreResult<()> {
    let settings = settings::get(env).map_err(|error| StoreError::Platform(error.message))?;
    let database = super::database(env)?;
    let run = |sql: &str, parameters: &[JsValue]| statement(&database, sql, parameters);
    let ids_of = |recorded: &'_ [Recorded]| -> Vec<String> {
        recorded.iter().map(|one| one.event.id.clone()).collect()
    };
    let place = chunks.first().map_or(0, |chunk| chunk.start)..chunks.last().map_or(0, |chunk| chunk.end);
    let recorded = all.get(place).unwrap_or_default();
    let chunks: Chunks = chunks
        .iter()
        .map(|chunk| ids_of(all.get(chunk.clone()).unwrap_or_default()))
        .map(|ids| (delivery::name_of(ids.iter().map(String::as_str)), ids))
        .collect();
    let Before { known, noted, deletions } = recorded_before(env, &database, recorded, &chunks).await?;
    let fresh = batch::fresh(recorded, &known);
    if fresh.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::with_capacity(fresh.len());
    let mut registered: Vec<Registered> = Vec::new();
    for one in &fresh {
        let archived = deletions.kept(one).and_then(|kept| kept.archived.as_ref());
        registered.extend(archived.and_then(|archived| archived.place.as_ref()).map(Registered::of_object));
        lines.push(archived.map(|archived| archived.line(&one.event)).transpose()?.flatten());
    }
    let (places, pack) = packs::write(env, lines).await?;
    registered.extend(pack);
    let events: Vec<&UsageEvent> = fresh.iter().map(|one| &one.event).collect();
    let mut statements = match settings.record_sink {
        RecordSink::D1 => vec![run(&log_row::insert(), &[text(&log_row::list(&events)?)])?],
        RecordSink::R2 => {
            let names: Vec<&String> = chunks.keys().filter(|name| !noted.contains(*name)).collect();
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
    if !registered.is_empty() {
        statements.push(run(packs::REGISTER, &[text(&serde_json::to_string(&registered)?)])?);
    }
    if !batch.late_minutes.is_empty() {
        statements.push(run(&sql::insert_late(), &[text(&batch.late_minutes), part.clone()])?);
    }
    for (grain, late) in &batch.late {
        statements.push(run(&sql::insert_rows(*grain, true), &[text(late), part.clone()])?);
    }
    let began = now_ms();
    database.batch(statements).await?;
    LAST_TRANSACTION_MS.set(Some(now_ms().saturating_sub(began)));
    analytics::write(env, &events, delivery.of);
    Ok(())
}

/// What the request log says of a request's cost.
#[derive(Debug, Deserialize)]
pub struct LoggedCost {
    id: String,
    cost_micros: u64,
    price_source: String,
}

impl LoggedCost {
    /// The cost in millionths of a dollar; `None` if it is not known.
    pub fn cost(&self) -> Option<u64> {
        (self.price_source != PriceSource::Unknown.as_str()).then_some(self.cost_micros)
    }
}

/// Which of these events are recorded, by their ids.
pub async fn recorded(env: &Env, ids: &[&str]) -> StoreResult<HashMap<String, LoggedCost>> {
    let sql = "SELECT id, cost_micros, price_source FROM request_log WHERE id IN (SELECT value FROM json_each(?1)) \
        UNION ALL SELECT id, cost_micros, price_source FROM recorded \
        WHERE id IN (SELECT value FROM json_each(?1)) AND cost_micros IS NOT NULL";
    let found: Vec<LoggedCost> = rows(env, sql, &[text(&serde_json::to_string(ids)?)]).await?;
    let mut found: HashMap<String, LoggedCost> = found.into_iter().map(|row| (row.id.clone(), row)).collect();
    let missing: Vec<&str> = ids.iter().copied().filter(|id| !found.contains_key(*id)).collect();
    for line in request_log::lines_of_old(env, &missing).await? {
        let row: LoggedCost = serde_json::from_str(&line)?;
        found.insert(row.id.clone(), row);
    }
    Ok(found)
}

/// How long messages waited in the queue lately.
pub async fn queue_lag(env: &Env) -> StoreResult<Noted> {
    Ok(super::row(env, queue_lag::NOTED, &[]).await?.unwrap_or_default())
}

/// Totals over all recorded requests.
#[derive(Debug, Deserialize)]
pub struct Totals {
    /// Distinct conversations.
    pub conversations: u64,
    /// Answered requests.
    pub rounds: u64,
    /// Tokens of all prompts.
    pub prompt_tokens: u64,
    /// Tokens of all answers.
    pub completion_tokens: u64,
    /// Requests that used something whose price was not known.
    pub unpriced: u64,
    /// Conversations with an answer in the last half hour, and chat sessions with a connection.
    pub active_sessions: u64,
}

/// Keys and ids of the conversations that were answered since a time. Parameter: when, as the beginning of an id.
const fn answered_since(sink: RecordSink) -> &'static str {
    match sink {
        RecordSink::D1 => {
            "SELECT key_id, conversation_id FROM request_log WHERE id >= ?1 AND usage_source <> 'none'"
        }
        RecordSink::R2 => sink::ACTIVE,
    }
}

/// The totals.
pub async fn totals(env: &Env, now_ms: u64) -> StoreResult<Totals> {
    let settings = settings::get(env).map_err(|error| StoreError::Platform(error.message.clone()))?;
    let answered = answered_since(settings.record_sink);
    let sql = format!(
        "SELECT conversations, rounds, prompt_tokens, completion_tokens, unpriced, (SELECT COUNT(*) FROM \
         ({answered} UNION SELECT key_id, id FROM sessions INDEXED BY sessions_connected \
         WHERE connected_at >= ?2 AND deleted_at IS NULL)) AS active_sessions FROM stats_totals WHERE id = 1"
    );
    // Ids begin with their time.
    let since = text(&ulid(now_ms.saturating_sub(ACTIVE_FOR_MS), [0; 10]));
    let parameters = [since, unsigned(now_ms.saturating_sub(CONNECTED_FOR_MS))];
    let found = super::row(env, &sql, &parameters).await?;
    found.ok_or_else(|| StoreError::Platform("the row of totals is missing".into()))
}
