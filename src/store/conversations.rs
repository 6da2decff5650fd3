//! Finds what is known of the conversations that a history may belong to: the isolate's memory, and D1 behind it.
//!
//! What a turn leaves is part of the row of its conversation, which is written anyway, by the transaction that records its
//! request; so recognition costs no write, and no read while a conversation stays in one isolate. Conversations with the
//! same beginning stand side by side in the table. A turn is known to other isolates about a second after its answer.

use std::cell::RefCell;

use futures::future::{Either, select};
use nexus_edge_api::system::MapSize;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::conversation::{ChainKey, Fingerprint, Remembered, WINDOW_MS};
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, nullable, rows, text, unsigned};
use crate::platform::promise::Timer;
use crate::platform::{log_error, now_ms};

/// Most entries in memory; D1 still has the others.
const MAX_HELD: usize = 5_000;
/// Most links of an entry in memory, some ten kilobytes: with larger ones a few thousand would fill the isolate.
const MAX_LINKS: usize = 100;
/// Milliseconds that the database is waited for: a request can be served without it.
const LIMIT_MS: u64 = 3_000;
/// Most conversations with the same beginning that are compared with a history.
const MAX_COMPARED: u64 = 20;

struct Held {
    remembered: Remembered,
    until_ms: u64,
}

/// The conversation in which a text was said last.
struct Said {
    conversation: String,
    until_ms: u64,
}

thread_local! {
    static HELD: RefCell<BoundedMap<ChainKey, Held>> = RefCell::new(BoundedMap::new(MAX_HELD));
    static SAID: RefCell<BoundedMap<ChainKey, Said>> = RefCell::new(BoundedMap::new(MAX_HELD));
}

/// The sizes of both maps of this isolate.
pub fn sizes() -> [MapSize; 2] {
    [
        HELD.with_borrow(|held| MapSize::of("conversations", held)),
        SAID.with_borrow(|said| MapSize::of("last_words", said)),
    ]
}

/// A question to D1 about the conversations of a key that begin like a request, and about the one that it names.
pub struct Query {
    key_id: String,
    /// What ids of conversations with this beginning start with.
    tag: String,
    /// The state of the history that the request continues.
    history: String,
    named: Option<String>,
}

/// What the isolate's memory knows of the conversations that begin like this request, and what D1 has to be asked besides: only
/// about a request that continues a history which the memory does not have.
pub fn known(key_id: &str, print: &Fingerprint, named: Option<&str>) -> (Remembered, Option<Query>) {
    let remembered = held(print.root).unwrap_or_default();
    let unknown = print.history.filter(|history| !remembered.knows(*history));
    let query = unknown.map(|history| Query {
        key_id: key_id.to_owned(),
        tag: print.root.tag(),
        history: history.link(),
        named: named.map(str::to_owned),
    });
    (remembered, query)
}

/// What D1 knows; nothing if it cannot be reached in time.
pub async fn stored(env: &Env, query: &Query) -> Remembered {
    match select(std::pin::pin!(read(env, query)), Timer::after_ms(LIMIT_MS)).await {
        Either::Left((Ok(stored), _)) => return stored,
        Either::Left((Err(error), _)) => log_error("a conversation is not recognised", &error),
        Either::Right(_) => {
            log_error("a conversation is not recognised", &"the database did not answer in time");
        }
    }
    Remembered::default()
}

async fn read(env: &Env, query: &Query) -> StoreResult<Remembered> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        turns: String,
    }
    // Where many begin in the same way, those that know this history come first.
    let sql = "SELECT id, turns FROM (SELECT id, turns, last_seen FROM conversations WHERE key_id = ?1 AND id >= ?2 \
        AND id < ?2 || '~' UNION ALL SELECT id, turns, last_seen FROM conversations WHERE key_id = ?1 AND id = ?3) \
        WHERE turns <> '' AND last_seen >= ?4 ORDER BY instr(turns, ?5) > 0 DESC, last_seen DESC LIMIT ?6";
    let parameters = [
        text(&query.key_id),
        text(&query.tag),
        nullable(query.named.as_deref(), text),
        unsigned(now_ms().saturating_sub(WINDOW_MS)),
        text(&query.history),
        unsigned(MAX_COMPARED),
    ];
    let mut found: Vec<Row> = rows(env, sql, &parameters).await?;
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(Remembered::of_rows(found.iter().map(|row| (row.id.as_str(), row.turns.as_str()))))
}

/// The entry that this isolate's memory has for conversations with this beginning.
pub fn held(root: ChainKey) -> Option<Remembered> {
    let now = now_ms();
    HELD.with_borrow(|held| {
        held.get(&root).filter(|held| now < held.until_ms).map(|held| held.remembered.clone())
    })
}

/// The conversation in which this isolate last saw this text, within half an hour.
pub fn who_said(words: ChainKey) -> Option<String> {
    let now = now_ms();
    SAID.with_borrow(|said| {
        said.get(&words).filter(|said| now < said.until_ms).map(|said| said.conversation.clone())
    })
}

/// Holds what is known in memory for half an hour.
pub fn hold(print: &Fingerprint, remembered: Remembered, conversation_id: &str) {
    let now = now_ms();
    if let Some(words) = print.last_words {
        let said = Said { conversation: conversation_id.to_owned(), until_ms: now + WINDOW_MS };
        SAID.with_borrow_mut(|all| all.insert(words, said, |said| Worth::until(said.until_ms, now)));
    }
    let held = Held { remembered, until_ms: now + WINDOW_MS };
    HELD.with_borrow_mut(|all| {
        if held.remembered.links() <= MAX_LINKS {
            all.insert(print.root, held, |held| Worth::until(held.until_ms, now));
        } else {
            all.remove(&print.root);
        }
    });
}
