//! The list of conversations.
//!
//! Of one key: its conversations stand side by side in the table and are all looked at. Of all keys: there is no index by time,
//! which would be a row more for every request; instead the rows of the request log, those in the database and then those in packs,
//! say which conversations went on last. So that list reaches as far back as the log with its packs, and a page looks at no more than a
//! bounded number of rows.

use nexus_edge_api::conversations::ConversationRow;
use nexus_edge_core::id;
use nexus_edge_stats::request_log::Wanted;
use serde::{Deserialize, Serialize};
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::super::{StoreError, StoreResult, request_log, rows, text, unsigned};
use crate::settings;

/// Rows of the request log in the database that a page looks at.
const SCANNED: u64 = 20_000;
/// Rows in packs that are looked at together.
const PACKED: usize = 2_000;
/// How often a page does that.
const PACKED_STEPS: usize = 3;

/// The columns of [`ConversationRow`].
pub const COLUMNS: &str = "c.id, c.key_id, c.parent_id, c.title, c.model_name, c.first_seen, c.last_seen, c.rounds, \
    c.prompt_tokens, c.completion_tokens";

/// All keys that have conversations, as `keys (id)`: a look at the table for each.
pub const KEYS: &str = "WITH RECURSIVE keys (id) AS (SELECT MIN(key_id) FROM conversations UNION ALL \
    SELECT (SELECT MIN(key_id) FROM conversations WHERE key_id > keys.id) FROM keys WHERE keys.id IS NOT NULL)";

/// The condition that a column contains the text in a parameter, whatever the case of ASCII letters. `LIKE` does the same,
/// but D1 refuses its patterns from 50 bytes on.
pub fn contains(column: &str, parameter: usize) -> String {
    format!("instr(lower({column}), lower(?{parameter})) > 0")
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// After this conversation of a key: its `last_seen` and id.
    Conversation(u64, String),
    /// After this row of the request log.
    Logged(String),
    /// After this row of the request log, of those in packs.
    Packed(String),
}

impl After {
    /// Reads a cursor.
    pub fn parse(cursor: &str) -> Option<Self> {
        let (place, id) = cursor.split_once('.')?;
        Some(match place {
            "log" => Self::Logged(id.to_owned()),
            "pack" => Self::Packed(id.to_owned()),
            _ => Self::Conversation(place.parse().ok()?, id.to_owned()),
        })
    }
}

impl std::fmt::Display for After {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conversation(last_seen, id) => write!(formatter, "{last_seen}.{id}"),
            Self::Logged(id) => write!(formatter, "log.{id}"),
            Self::Packed(id) => write!(formatter, "pack.{id}"),
        }
    }
}

/// A query of the list.
#[derive(Debug, Default)]
pub struct Query {
    /// Words in the title, or in the beginnings of questions and answers.
    pub search: Option<String>,
    /// Only conversations of this key.
    pub key_id: Option<String>,
    /// Only conversations with this model.
    pub model: Option<String>,
    /// Only those with a request at this time or later, in milliseconds since the epoch.
    pub from: Option<u64>,
    /// Only those that began before this time, in milliseconds since the epoch.
    pub to: Option<u64>,
    /// Where the page begins.
    pub after: Option<After>,
    /// Number of rows.
    pub limit: u64,
}

/// Conditions with their parameters: only those that are asked for, so that the database sees what it can use.
#[derive(Default)]
struct Conditions {
    sql: String,
    parameters: Vec<JsValue>,
}

impl Conditions {
    fn parameter(&mut self, value: JsValue) -> usize {
        self.parameters.push(value);
        self.parameters.len()
    }

    fn of(query: &Query) -> Self {
        let mut conditions = Self { sql: "c.rounds > 0".to_owned(), parameters: Vec::new() };
        let mut and = |condition: &dyn Fn(usize) -> String, value: JsValue| {
            let parameter = conditions.parameter(value);
            conditions.sql = format!("{} AND {}", conditions.sql, condition(parameter));
        };
        if let Some(model) = &query.model {
            and(&|at| format!("c.model_name = ?{at}"), text(model));
        }
        if let Some(from) = query.from {
            and(&|at| format!("c.last_seen >= ?{at}"), unsigned(from));
        }
        if let Some(to) = query.to {
            and(&|at| format!("c.first_seen < ?{at}"), unsigned(to));
        }
        if let Some(search) = &query.search {
            and(&|at| format!("({} OR {})", contains("c.title", at), contains("c.said", at)), text(search));
        }
        conditions
    }
}

/// A page of conversations, latest activity first, and where the next one begins.
pub async fn conversations(env: &Env, query: &Query) -> StoreResult<(Vec<ConversationRow>, Option<After>)> {
    if query.key_id.is_some() {
        return of_key(env, query).await;
    }
    let mut page = Page { rows: Vec::new(), limit: usize::try_from(query.limit).unwrap_or(usize::MAX) };
    // `~` sorts after every ULID.
    let mut below = "~".to_owned();
    if let Some(After::Packed(id)) = &query.after {
        id.clone_into(&mut below);
    } else if let Some(next) = in_log(env, query, &mut page).await? {
        return Ok((page.rows, Some(After::Logged(next))));
    }
    for _ in 0..PACKED_STEPS {
        match in_packs(env, query, &below, &mut page).await? {
            None => return Ok((page.rows, None)),
            Some(next) if page.is_full() => return Ok((page.rows, Some(After::Packed(next)))),
            Some(next) => below = next,
        }
    }
    Ok((page.rows, Some(After::Packed(below))))
}

/// What is found for a page. A row that is found twice, because two requests of one conversation came in one millisecond, is in it once.
struct Page {
    rows: Vec<ConversationRow>,
    limit: usize,
}

/// A conversation, and the row of the request log by which it was found.
#[derive(Deserialize)]
struct Logged {
    logged: String,
    #[serde(flatten)]
    row: ConversationRow,
}

impl Page {
    const fn is_full(&self) -> bool {
        self.rows.len() >= self.limit
    }

    /// Adds what was found after a row of the request log, the latest first. If the page is full before that, the row up to which it has
    /// everything.
    fn take(&mut self, found: Vec<Logged>, after: &str) -> Option<String> {
        let mut last = after.to_owned();
        for Logged { logged, row } in found {
            let is_same = |other: &ConversationRow| {
                other.conversation_id == row.conversation_id && other.key_id == row.key_id
            };
            let is_known = self.rows.iter().any(is_same);
            if self.is_full() && !is_known {
                return Some(last);
            }
            if !is_known {
                self.rows.push(row);
            }
            last = logged;
        }
        None
    }
}

/// Conversations in the order of their keys and ids, after this one. The order does not change while conversations go on, and all are
/// reached: for what reads everything.
pub async fn in_order(
    env: &Env,
    query: &Query,
    (key_id, id): (&str, &str),
) -> StoreResult<Vec<ConversationRow>> {
    let mut conditions = Conditions::of(query);
    let (after_key, after_id) = (conditions.parameter(text(key_id)), conditions.parameter(text(id)));
    let mut sql = format!(
        "SELECT {COLUMNS} FROM conversations AS c WHERE (c.key_id, c.id) > (?{after_key}, ?{after_id}) AND {}",
        conditions.sql
    );
    if let Some(only) = &query.key_id {
        let only = conditions.parameter(text(only));
        sql = format!("{sql} AND c.key_id = ?{only}");
    }
    let limit = conditions.parameter(unsigned(query.limit));
    rows(env, &format!("{sql} ORDER BY c.key_id, c.id LIMIT ?{limit}"), &conditions.parameters).await
}

/// Of one key: all its conversations are looked at.
async fn of_key(env: &Env, query: &Query) -> StoreResult<(Vec<ConversationRow>, Option<After>)> {
    let mut conditions = Conditions::of(query);
    let mut sql = format!("SELECT {COLUMNS} FROM conversations AS c WHERE {}", conditions.sql);
    if let Some(key_id) = &query.key_id {
        let key = conditions.parameter(text(key_id));
        sql = format!("{sql} AND c.key_id = ?{key}");
    }
    if let Some(After::Conversation(last_seen, id)) = &query.after {
        let (seen, id) = (conditions.parameter(unsigned(*last_seen)), conditions.parameter(text(id)));
        sql = format!("{sql} AND (c.last_seen, c.id) < (?{seen}, ?{id})");
    }
    let limit = conditions.parameter(unsigned(query.limit + 1));
    sql = format!("{sql} ORDER BY c.last_seen DESC, c.id DESC LIMIT ?{limit}");
    let mut found: Vec<ConversationRow> = rows(env, &sql, &conditions.parameters).await?;
    let has_more = found.len() as u64 > query.limit;
    found.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| has_more);
    let next = next.map(|row| After::Conversation(row.last_seen, row.conversation_id.clone()));
    Ok((found, next))
}

/// Of all keys: the rows of the request log that are in the database have them in the order of their activity. The id of the row after
/// which the next page begins; `None` if there are no more.
async fn in_log(env: &Env, query: &Query, page: &mut Page) -> StoreResult<Option<String>> {
    #[derive(Deserialize)]
    struct Scanned {
        scanned_to: Option<String>,
        rows: u64,
    }
    let before = match &query.after {
        Some(After::Logged(id)) => text(id),
        // `~` sorts after every ULID.
        _ => text("~"),
    };
    let from = text(&first_id(query));
    let log = |before: usize, from: usize| {
        format!(
            "(SELECT id, key_id, conversation_id, ts FROM request_log WHERE id < ?{before} AND id >= ?{from} \
             ORDER BY id DESC LIMIT {SCANNED})"
        )
    };
    let mut conditions = Conditions::of(query);
    let log_of_page = log(conditions.parameter(before.clone()), conditions.parameter(from.clone()));
    // A conversation has its place at its last request.
    let limit = conditions.parameter(unsigned(query.limit + 1));
    let sql = format!(
        "SELECT r.id AS logged, {COLUMNS} FROM {log_of_page} AS r CROSS JOIN conversations AS c \
         WHERE c.key_id = r.key_id AND c.id = r.conversation_id AND c.last_seen = r.ts AND {} \
         ORDER BY r.id DESC LIMIT ?{limit}",
        conditions.sql
    );
    let found: Vec<Logged> = rows(env, &sql, &conditions.parameters).await?;
    // With fewer rows than that, all that were looked at are among them.
    let last = found.last().filter(|_| found.len() as u64 > query.limit).map(|last| last.logged.clone());
    if let Some(next) = page.take(found, "~").or(last) {
        return Ok(Some(next));
    }
    let sql = format!("SELECT MIN(id) AS scanned_to, COUNT(*) AS rows FROM {}", log(1, 2));
    let scanned: Vec<Scanned> = rows(env, &sql, &[before, from]).await?;
    Ok(scanned.into_iter().find(|of| of.rows == SCANNED).and_then(|of| of.scanned_to))
}

/// The same with rows in packs whose ids are below one.
async fn in_packs(env: &Env, query: &Query, below: &str, page: &mut Page) -> StoreResult<Option<String>> {
    #[derive(Serialize)]
    struct Asked<'a> {
        id: &'a str,
        key: &'a str,
        conversation: &'a str,
        ts: u64,
    }
    let settings = settings::get(env).map_err(|error| StoreError::Platform(error.message))?;
    let ages = request_log::ages(&settings);
    let place = (first_id(query), below);
    let found = request_log::in_packs(env, ages, &Wanted::default(), (&place.0, place.1), PACKED).await?;
    let asked = found.rows.iter().map(|row| Asked {
        id: &row.id,
        key: &row.key_id,
        conversation: &row.conversation_id,
        ts: row.ts,
    });
    let mut conditions = Conditions::of(query);
    let asked = conditions.parameter(text(&serde_json::to_string(&asked.collect::<Vec<_>>())?));
    let limit = conditions.parameter(unsigned(query.limit + 1));
    let sql = format!(
        "SELECT r.value ->> 'id' AS logged, {COLUMNS} FROM json_each(?{asked}) AS r CROSS JOIN conversations AS c \
         WHERE c.key_id = r.value ->> 'key' AND c.id = r.value ->> 'conversation' AND c.last_seen = r.value ->> 'ts' AND {} \
         ORDER BY r.key LIMIT ?{limit}",
        conditions.sql
    );
    let of_page: Vec<Logged> = rows(env, &sql, &conditions.parameters).await?;
    let last = of_page.last().filter(|_| of_page.len() as u64 > query.limit).map(|last| last.logged.clone());
    Ok(page.take(of_page, below).or(last).or(found.looked_to))
}

/// The id from which on rows are looked at: those of the request log begin with their time.
fn first_id(query: &Query) -> String {
    query.from.map(|from| id::ulid(from, [0; id::ULID_RANDOM_BYTES])).unwrap_or_default()
}
