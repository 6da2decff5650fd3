//! Writes the archive.
//!
//! The rows of several requests are batched into one statement, like usage events. A request is written at most once:
//! an id that exists already changes nothing.

use std::cell::RefCell;

use nexus_edge_core::access::StorePolicy;
use nexus_edge_core::conversation::archive::ArchivedMessage;
use nexus_edge_core::conversation::archive_row::{self, Bundle, Item};
use nexus_edge_core::stats::UsageEvent;
use serde::Serialize;
use worker::{D1Database, Env};

use super::super::{StoreResult, statement, text};
use super::large;
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// Milliseconds for which messages wait so that others join their statement.
const LINGER_MS: u64 = 50;
/// An outbox that is overdue by this many milliseconds has lost the request that was to write it, because that was
/// cancelled.
const OVERDUE_MS: u64 = 1_000;
/// A larger content, in bytes, goes to R2.
const MAX_ROW_BYTES: usize = 64_000;
/// Most bytes of contents in one statement: D1 accepts a parameter of 2 MB.
const MAX_STATEMENT_BYTES: usize = 1_000_000;
/// Characters of a large content that stay in its row for the search.
const PREVIEW_CHARS: usize = 2_000;

/// A row to be inserted.
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
    content: Option<Content>,
    preview: Option<String>,
    in_r2: u8,
    tokens_count: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    finish_reason: Option<String>,
    outline: Option<Vec<Item>>,
    answers: usize,
}

/// The contents of the messages of a row. SQL reads a list as JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    One(String),
    Several(Vec<String>),
}

impl Content {
    fn of(messages: Vec<ArchivedMessage>) -> Self {
        let mut texts: Vec<String> = messages.into_iter().map(|message| message.content).collect();
        match texts.pop() {
            Some(only) if texts.is_empty() => Self::One(only),
            last => {
                texts.extend(last);
                Self::Several(texts)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::One(text) => text.len(),
            Self::Several(texts) => texts.iter().map(String::len).sum(),
        }
    }
}

/// What the list of conversations records of a message, without its content, which may be large and goes to the
/// database once.
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

/// The conversations of some rows. The first and the last message of a conversation in a row determine all of its
/// fields.
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

/// What a request adds to the archive.
pub struct Entry<'a> {
    /// The usage event of the request.
    pub event: &'a UsageEvent,
    /// How much the key wants archived.
    pub policy: StorePolicy,
    /// The messages, the answer last.
    pub messages: Vec<ArchivedMessage>,
    /// The id under which all messages but the answer are archived, if not that of the request. The first request
    /// with an id adds the messages; each request adds its answer. Regenerated answers share their question in this
    /// way.
    pub asked_by: Option<String>,
    /// The title of a new conversation.
    pub title: Option<String>,
    /// The conversation that it branched off.
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
            500 + row.content.as_ref().map_or(0, Content::len) + row.preview.as_ref().map_or(0, String::len);
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
    let Entry { event, policy, mut messages, asked_by, title, parent } = entry;
    // The messages are archived under another request's id; the answer needs an id of its own.
    let answer = asked_by.as_ref().and_then(|_| messages.pop());
    let asked = messages.len();
    let asked_by = asked_by.as_deref().unwrap_or(&event.id);
    let of = |request, first, messages| {
        archive_row::bundles(messages, first, MAX_ROW_BYTES).into_iter().map(move |bundle| (request, bundle))
    };
    let answer = of(event.id.as_str(), asked, Vec::from_iter(answer));
    let bundles: Vec<(&str, Bundle)> = of(asked_by, 0, messages).chain(answer).collect();
    let last = bundles.len().saturating_sub(1);
    let mut rows = Vec::with_capacity(bundles.len());
    for (index, (request, bundle)) in bundles.into_iter().enumerate() {
        // The answer is the last message, whether or not others precede it.
        let is_answer = index == last;
        let mut row = NewRow {
            id: archive_row::row_id(request, bundle.first),
            timestamp: event.ts + bundle.after_ms(),
            key_id: event.key_id.clone(),
            conversation_id: event.conversation_id.clone(),
            parent_id: parent.clone(),
            title: title.clone().filter(|_| policy == StorePolicy::Full),
            provider_id: event.provider_id,
            model_name: event.model.clone(),
            role: bundle.role(),
            content: None,
            preview: None,
            in_r2: 0,
            tokens_count: bundle.tokens(),
            prompt_tokens: if is_answer { event.usage.prompt } else { 0 },
            completion_tokens: if is_answer { event.usage.completion } else { 0 },
            finish_reason: event.finish_reason.clone().filter(|_| is_answer),
            outline: bundle.outline(),
            answers: bundle.answers(),
        };
        if policy == StorePolicy::Full {
            match Content::of(bundle.messages) {
                Content::One(text) if text.len() > MAX_ROW_BYTES => {
                    row.preview = Some(text.chars().take(PREVIEW_CHARS).collect());
                    match large::put(env, &row.id, text).await {
                        Ok(()) => row.in_r2 = 1,
                        Err(error) => log_error("a large message is not archived", &error),
                    }
                }
                content => row.content = Some(content),
            }
        }
        rows.push(row);
    }
    rows
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
    role, content, preview, in_r2, tokens_count, prompt_tokens, completion_tokens, finish_reason, outline, answers) \
    SELECT e.value ->> 'id', e.value ->> 'timestamp', e.value ->> 'key_id', e.value ->> 'conversation_id', \
    e.value ->> 'provider_id', e.value ->> 'model_name', e.value ->> 'role', e.value ->> 'content', e.value ->> 'preview', \
    e.value ->> 'in_r2', e.value ->> 'tokens_count', e.value ->> 'prompt_tokens', e.value ->> 'completion_tokens', \
    e.value ->> 'finish_reason', e.value ->> 'outline', e.value ->> 'answers' FROM json_each(?1) AS e WHERE true ON CONFLICT (id) DO NOTHING";

const INSERT_CONVERSATIONS: &str = "INSERT INTO archived_conversations (key_id, id, parent_id, title, model_name, first_seen, last_seen) \
    SELECT e.value ->> 'key_id', e.value ->> 'conversation_id', MAX(e.value ->> 'parent_id'), MIN(e.value ->> 'title'), \
    MAX(e.value ->> 'model_name'), MIN(e.value ->> 'timestamp'), MAX(e.value ->> 'timestamp') FROM json_each(?1) AS e WHERE true \
    GROUP BY 1, 2 ON CONFLICT (key_id, id) DO UPDATE SET last_seen = MAX(last_seen, excluded.last_seen), \
    model_name = excluded.model_name, parent_id = COALESCE(parent_id, excluded.parent_id), \
    title = COALESCE(title, excluded.title)";

async fn try_insert(env: &Env, rows: &[NewRow]) -> StoreResult<()> {
    let messages = serde_json::to_string(rows)?;
    let conversations = serde_json::to_string(&seen(rows))?;
    let database: D1Database = super::super::database(env)?;
    let statements = vec![
        statement(&database, INSERT_MESSAGES, &[text(&messages)])?,
        statement(&database, INSERT_CONVERSATIONS, &[text(&conversations)])?,
    ];
    database.batch(statements).await?;
    Ok(())
}
