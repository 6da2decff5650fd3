//! The archive of what was said, in D1; what is too large for a row, in R2.
//!
//! Writing it may wait, so the messages of several requests go into one statement, as usage events do. It is written
//! at most once a request: an id that is there already changes nothing.

use std::cell::RefCell;

use nexus_edge_core::access::StorePolicy;
use nexus_edge_core::conversation::archive::ArchivedMessage;
use nexus_edge_core::stats::UsageEvent;
use serde::{Deserialize, Serialize};
use worker::{D1Database, Env};

use super::{StoreError, StoreResult, nullable, rows, statement, text, unsigned, write};
use crate::platform::timer::Timer;
use crate::platform::{log_error, now_ms};

/// Milliseconds that messages wait for others to be written with.
const LINGER_MS: u64 = 50;
/// An outbox that should have been written this long ago, in milliseconds, has lost whoever was to write it.
const OVERDUE_MS: u64 = 1_000;
/// A content of more bytes goes to R2.
const MAX_ROW_BYTES: usize = 64_000;
/// Most bytes of contents that go into one statement: D1 takes a parameter of 2 MB.
const MAX_STATEMENT_BYTES: usize = 1_000_000;
/// Characters of a large content that stay in its row, to be searched.
const PREVIEW_CHARS: usize = 2_000;
/// How long messages are kept, in milliseconds: six months.
const KEPT_FOR_MS: u64 = 183 * 24 * 60 * 60 * 1000;
/// Most messages that one run of the cron removes.
const EXPIRY_BATCH: u64 = 1_000;

/// A message on its way into the table.
#[derive(Debug, Serialize)]
struct NewRow {
    id: String,
    timestamp: u64,
    key_id: String,
    conversation_id: String,
    #[serde(skip)]
    parent_id: Option<String>,
    #[serde(skip)]
    title: Option<String>,
    provider_id: Option<i64>,
    model_name: String,
    role: &'static str,
    content: Option<String>,
    preview: Option<String>,
    in_r2: u8,
    tokens_count: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    finish_reason: Option<String>,
}

/// What the list of conversations is told of a message. Its content, which may be large, goes to the database once.
#[derive(Serialize)]
struct Seen<'a> {
    key_id: &'a str,
    conversation_id: &'a str,
    parent_id: Option<&'a str>,
    title: Option<&'a str>,
    model_name: &'a str,
    timestamp: u64,
}

impl<'a> Seen<'a> {
    fn of(row: &'a NewRow) -> Self {
        Self {
            key_id: &row.key_id,
            conversation_id: &row.conversation_id,
            parent_id: row.parent_id.as_deref(),
            title: row.title.as_deref(),
            model_name: &row.model_name,
            timestamp: row.timestamp,
        }
    }

    fn is_same_conversation(&self, other: &Self) -> bool {
        (self.key_id, self.conversation_id) == (other.key_id, other.conversation_id)
    }
}

/// The conversations of some rows. Of messages in a row that are of one, the first and the last tell all of it.
fn seen(rows: &[NewRow]) -> Vec<Seen<'_>> {
    let mut seen: Vec<Seen<'_>> = Vec::new();
    for row in rows {
        let mut next = Seen::of(row);
        match seen.as_slice() {
            [.., before, last] if before.is_same_conversation(&next) && last.is_same_conversation(&next) => {
                next.parent_id = next.parent_id.or(last.parent_id);
                seen.pop();
                seen.push(next);
            }
            _ => seen.push(next),
        }
    }
    seen
}

#[derive(Default)]
struct Outbox {
    rows: Vec<NewRow>,
    leaves_at_ms: Option<u64>,
}

thread_local! {
    static OUTBOX: RefCell<Outbox> = RefCell::default();
}

/// What a request leaves in the archive.
pub struct Entry<'a> {
    /// What is recorded of the request.
    pub event: &'a UsageEvent,
    /// How much is kept.
    pub policy: StorePolicy,
    /// The messages, the answer last.
    pub messages: Vec<ArchivedMessage>,
    /// Under which id all messages but the answer are kept, if not that of the request: of all requests with the same id
    /// the first leaves them, and each its answer.
    pub asked_by: Option<String>,
    /// What a new conversation is called.
    pub title: Option<String>,
    /// The conversation that it was branched off.
    pub parent: Option<String>,
}

/// Hands messages over to be written. Never fails: what cannot be written is logged.
pub async fn record(env: &Env, entry: Entry<'_>) {
    if entry.policy == StorePolicy::None {
        return;
    }
    let rows = new_rows(env, entry).await;
    let now = now_ms();
    let is_first = OUTBOX.with_borrow_mut(|outbox| {
        outbox.rows.extend(rows);
        let is_taken_care_of = outbox.leaves_at_ms.is_some_and(|due| now < due + OVERDUE_MS);
        if !is_taken_care_of {
            outbox.leaves_at_ms = Some(now + LINGER_MS);
        }
        !is_taken_care_of
    });
    if !is_first {
        return;
    }
    Timer::after_ms(LINGER_MS).await;
    let rows = OUTBOX.with_borrow_mut(|outbox| {
        outbox.leaves_at_ms = None;
        std::mem::take(&mut outbox.rows)
    });
    let mut chunk = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let size =
            500 + row.content.as_ref().map_or(0, String::len) + row.preview.as_ref().map_or(0, String::len);
        if bytes + size > MAX_STATEMENT_BYTES && !chunk.is_empty() {
            insert(env, &std::mem::take(&mut chunk)).await;
            bytes = 0;
        }
        bytes += size;
        chunk.push(row);
    }
    insert(env, &chunk).await;
}

async fn new_rows(env: &Env, entry: Entry<'_>) -> Vec<NewRow> {
    let Entry { event, policy, messages, asked_by, title, parent } = entry;
    let asked_by = asked_by.as_deref().unwrap_or(&event.id);
    let last = messages.len().saturating_sub(1);
    let mut rows = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        let is_answer = index == last;
        let mut row = NewRow {
            id: format!("{}.{index:04}", if is_answer { &event.id } else { asked_by }),
            timestamp: if is_answer { event.ts + event.duration_ms } else { event.ts },
            key_id: event.key_id.clone(),
            conversation_id: event.conversation_id.clone(),
            parent_id: parent.clone(),
            title: title.clone().filter(|_| policy == StorePolicy::Full),
            provider_id: event.provider_id,
            model_name: event.model.clone(),
            role: message.role,
            content: None,
            preview: None,
            in_r2: 0,
            tokens_count: message.tokens,
            prompt_tokens: if is_answer { event.usage.prompt } else { 0 },
            completion_tokens: if is_answer { event.usage.completion } else { 0 },
            finish_reason: event.finish_reason.clone().filter(|_| is_answer),
        };
        if policy == StorePolicy::Full {
            if message.content.len() <= MAX_ROW_BYTES {
                row.content = Some(message.content);
            } else {
                row.preview = Some(message.content.chars().take(PREVIEW_CHARS).collect());
                match put_large(env, &row.id, message.content).await {
                    Ok(()) => row.in_r2 = 1,
                    Err(error) => log_error("a large message is not archived", &error),
                }
            }
        }
        rows.push(row);
    }
    rows
}

async fn put_large(env: &Env, id: &str, content: String) -> StoreResult<()> {
    env.bucket("BUCKET")?.put(object_name(id), content.into_bytes()).execute().await?;
    Ok(())
}

async fn insert(env: &Env, rows: &[NewRow]) {
    if rows.is_empty() {
        return;
    }
    if let Err(error) = try_insert(env, rows).await {
        log_error("messages are not archived", &error);
    }
}

const INSERT_MESSAGES: &str = "INSERT INTO chat_messages (id, timestamp, key_id, conversation_id, provider_id, model_name, \
    role, content, preview, in_r2, tokens_count, prompt_tokens, completion_tokens, finish_reason) \
    SELECT e.value ->> 'id', e.value ->> 'timestamp', e.value ->> 'key_id', e.value ->> 'conversation_id', \
    e.value ->> 'provider_id', e.value ->> 'model_name', e.value ->> 'role', e.value ->> 'content', e.value ->> 'preview', \
    e.value ->> 'in_r2', e.value ->> 'tokens_count', e.value ->> 'prompt_tokens', e.value ->> 'completion_tokens', \
    e.value ->> 'finish_reason' FROM json_each(?1) AS e WHERE true ON CONFLICT (id) DO NOTHING";

const INSERT_CONVERSATIONS: &str = "INSERT INTO archived_conversations (key_id, id, parent_id, title, model_name, first_seen, last_seen) \
    SELECT e.value ->> 'key_id', e.value ->> 'conversation_id', MAX(e.value ->> 'parent_id'), MIN(e.value ->> 'title'), \
    MAX(e.value ->> 'model_name'), MIN(e.value ->> 'timestamp'), MAX(e.value ->> 'timestamp') FROM json_each(?1) AS e WHERE true \
    GROUP BY 1, 2 ON CONFLICT (key_id, id) DO UPDATE SET last_seen = MAX(last_seen, excluded.last_seen), \
    model_name = excluded.model_name, parent_id = COALESCE(parent_id, excluded.parent_id), \
    title = COALESCE(title, excluded.title)";

async fn try_insert(env: &Env, rows: &[NewRow]) -> StoreResult<()> {
    let messages = serde_json::to_string(rows)?;
    let conversations = serde_json::to_string(&seen(rows))?;
    let database: D1Database = super::database(env)?;
    let statements = vec![
        statement(&database, INSERT_MESSAGES, &[text(&messages)])?,
        statement(&database, INSERT_CONVERSATIONS, &[text(&conversations)])?,
    ];
    database.batch(statements).await?;
    Ok(())
}

/// A pattern that finds the text anywhere.
pub fn pattern(search: &str) -> String {
    let mut pattern = String::from("%");
    for character in search.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// An archived message.
#[derive(Debug, Deserialize)]
pub struct MessageRow {
    pub id: String,
    pub timestamp: f64,
    pub model_name: String,
    pub role: String,
    pub content: Option<String>,
    pub preview: Option<String>,
    pub in_r2: f64,
    pub tokens_count: f64,
    pub finish_reason: Option<String>,
}

/// Sums over a conversation.
#[derive(Debug, Deserialize)]
pub struct Sums {
    pub key_id: String,
    pub rounds: f64,
    pub prompt_tokens: f64,
    pub completion_tokens: f64,
}

/// Sums over a conversation, one row for each key that has one of this id.
pub async fn sums(env: &Env, key_id: Option<&str>, id: &str) -> StoreResult<Vec<Sums>> {
    let sql = "SELECT key_id, SUM(role = 'assistant') AS rounds, SUM(prompt_tokens) AS prompt_tokens, \
        SUM(completion_tokens) AS completion_tokens FROM chat_messages \
        WHERE conversation_id = ?1 AND (?2 IS NULL OR key_id = ?2) GROUP BY key_id ORDER BY key_id LIMIT 20";
    rows(env, sql, &[text(id), nullable(key_id, text)]).await
}

/// Messages of a conversation after the message `after`, the oldest first, with the content of large ones.
pub async fn messages(
    env: &Env,
    key_id: &str,
    id: &str,
    after: Option<&str>,
    limit: u64,
) -> StoreResult<Vec<MessageRow>> {
    let sql = "SELECT id, timestamp, model_name, role, content, preview, in_r2, tokens_count, finish_reason \
        FROM chat_messages WHERE conversation_id = ?1 AND key_id = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
    let parameters = [text(id), text(key_id), text(after.unwrap_or_default()), unsigned(limit)];
    let mut found: Vec<MessageRow> = rows(env, sql, &parameters).await?;
    for row in found.iter_mut().filter(|row| row.in_r2 > 0.0) {
        row.content = large(env, &row.id).await?;
    }
    Ok(found)
}

async fn large(env: &Env, id: &str) -> StoreResult<Option<String>> {
    let object = env.bucket("BUCKET")?.get(object_name(id)).execute().await?;
    let Some(body) = object.as_ref().and_then(worker::Object::body) else { return Ok(None) };
    String::from_utf8(body.bytes().await?).map(Some).map_err(|error| StoreError::Platform(error.to_string()))
}

/// What is asked of the list of conversations.
#[derive(Debug, Default)]
pub struct Query {
    /// Words in what was said.
    pub search: Option<String>,
    /// Only of this key.
    pub key_id: Option<String>,
    /// Only with this model.
    pub model: Option<String>,
    /// Only those that went on at this time or later, in milliseconds since the epoch.
    pub from: Option<u64>,
    /// Only those that began before this time, in milliseconds since the epoch.
    pub to: Option<u64>,
    /// Behind this one: its `last_seen` and id.
    pub after: Option<(u64, String)>,
    /// Number of rows.
    pub limit: u64,
}

/// A conversation in the list.
#[derive(Debug, Deserialize, Serialize)]
pub struct ConversationRow {
    #[serde(rename(deserialize = "id"))]
    pub conversation_id: String,
    pub key_id: String,
    pub parent_id: Option<String>,
    pub title: Option<String>,
    pub model_name: String,
    pub first_seen: u64,
    pub last_seen: u64,
    pub rounds: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

/// Conversations, those that went on last first.
pub async fn conversations(env: &Env, query: &Query) -> StoreResult<Vec<ConversationRow>> {
    let of = "FROM chat_messages AS m WHERE m.conversation_id = c.id AND m.key_id = c.key_id";
    let sql = format!(
        "SELECT c.id, c.key_id, c.parent_id, c.title, c.model_name, c.first_seen, c.last_seen, \
         (SELECT COUNT(*) {of} AND m.role = 'assistant') AS rounds, \
         (SELECT COALESCE(SUM(m.prompt_tokens), 0) {of}) AS prompt_tokens, \
         (SELECT COALESCE(SUM(m.completion_tokens), 0) {of}) AS completion_tokens \
         FROM archived_conversations AS c WHERE (?1 IS NULL OR c.key_id = ?1) AND (?2 IS NULL OR c.model_name = ?2) \
         AND (?3 IS NULL OR c.last_seen >= ?3) AND (?4 IS NULL OR c.first_seen < ?4) \
         AND (?5 IS NULL OR (c.last_seen, c.id) < (?5, ?6)) \
         AND (?7 IS NULL OR c.title LIKE ?7 ESCAPE '\\' OR EXISTS (SELECT 1 {of} \
         AND COALESCE(m.content, m.preview) LIKE ?7 ESCAPE '\\')) ORDER BY c.last_seen DESC, c.id DESC LIMIT ?8"
    );
    let after = query.after.as_ref();
    let parameters = [
        nullable(query.key_id.as_deref(), text),
        nullable(query.model.as_deref(), text),
        nullable(query.from, unsigned),
        nullable(query.to, unsigned),
        nullable(after.map(|(last_seen, _)| *last_seen), unsigned),
        nullable(after.map(|(_, id)| id.as_str()), text),
        nullable(query.search.as_deref().map(pattern).as_deref(), text),
        unsigned(query.limit),
    ];
    rows(env, &sql, &parameters).await
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

/// Deletes a conversation for good, of one key or of all that have one of this id. The number of messages that are gone.
pub async fn delete(env: &Env, key_id: Option<&str>, id: &str) -> StoreResult<usize> {
    let parameters = [text(id), nullable(key_id, text)];
    let large = "SELECT id FROM chat_messages WHERE conversation_id = ?1 AND (?2 IS NULL OR key_id = ?2) AND in_r2 = 1";
    remove_objects(env, rows(env, large, &parameters).await?).await?;
    let messages = "DELETE FROM chat_messages WHERE conversation_id = ?1 AND (?2 IS NULL OR key_id = ?2)";
    let gone = write(env, messages, &parameters).await?.changes;
    let conversations = "DELETE FROM archived_conversations WHERE id = ?1 AND (?2 IS NULL OR key_id = ?2)";
    Ok(gone.max(write(env, conversations, &parameters).await?.changes))
}

async fn remove_objects(env: &Env, ids: Vec<IdRow>) -> StoreResult<()> {
    let bucket = env.bucket("BUCKET")?;
    for row in ids {
        bucket.delete(object_name(&row.id)).await?;
    }
    Ok(())
}

/// Removes what has been kept for long enough.
pub async fn expire(env: &Env) -> StoreResult<()> {
    let before = now_ms().saturating_sub(KEPT_FOR_MS);
    let oldest = "SELECT id FROM chat_messages WHERE timestamp < ?1 ORDER BY timestamp LIMIT ?2";
    let large = format!("SELECT id FROM chat_messages WHERE in_r2 = 1 AND id IN ({oldest})");
    let parameters = [unsigned(before), unsigned(EXPIRY_BATCH)];
    remove_objects(env, rows(env, &large, &parameters).await?).await?;
    write(env, &format!("DELETE FROM chat_messages WHERE id IN ({oldest})"), &parameters).await?;
    write(env, "DELETE FROM archived_conversations WHERE last_seen < ?1", &[unsigned(before)]).await?;
    Ok(())
}

fn object_name(id: &str) -> String {
    format!("archive/{id}")
}
