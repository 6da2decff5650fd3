//! Maps the hash of a history to its conversation: KV, with the isolate's memory in front of it.
//!
//! All conversations that begin with the same messages share one entry, which every turn rewrites and which expires
//! half an hour later. The memory holds what this isolate wrote or read, so that conversations that stay in one
//! location seldom read KV.
//!
//! The value in KV is the JSON of [`Remembered`], as `nexus_edge_core::conversation::memory` writes it.

use std::cell::RefCell;
use std::time::Duration;

use nexus_edge_api::system::MapSize;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::conversation::{ChainKey, Fingerprint, Remembered, WINDOW_MS};
use worker::Env;

use super::StoreResult;
use crate::platform::{kv, log_error, now_ms};

/// Most entries in memory; KV still has the others.
const MAX_HELD: usize = 5_000;
/// Most links of an entry in memory, some ten kilobytes: with larger ones a few thousand would fill the isolate.
const MAX_LINKS: usize = 100;
/// An unchanged entry that this isolate wrote less than this many milliseconds ago is not written again. Otherwise a
/// question that is repeated all the time would cost a write each time, and KV accepts one write per second for a
/// name.
const WRITTEN_FOR_MS: u64 = 60_000;

struct Held {
    remembered: Remembered,
    until_ms: u64,
    /// When this isolate wrote it to KV.
    written_ms: Option<u64>,
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

/// The entry of the conversations that begin like this request. KV is read only if the isolate's memory does not have
/// the request's own history. If KV cannot be reached, the result is empty.
pub async fn get(env: &Env, print: &Fingerprint) -> Remembered {
    let mut remembered = held(print.root).unwrap_or_default();
    if remembered.knows(print.history.unwrap_or(print.question)) {
        return remembered;
    }
    if let Some(stored) = read(env, print.root).await {
        remembered.merge(stored);
    }
    remembered
}

async fn read(env: &Env, root: ChainKey) -> Option<Remembered> {
    let json = kv::get(env, &name(root)).await.ok()??;
    serde_json::from_str(&json).ok()
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

/// Stores the entry for half an hour. KV accepts one write per second for a name; if it refuses one, the next turn
/// writes the entry again.
pub async fn put(env: &Env, print: &Fingerprint, remembered: Remembered, conversation_id: &str) {
    let now = now_ms();
    if let Some(words) = print.last_words {
        let said = Said { conversation: conversation_id.to_owned(), until_ms: now + WINDOW_MS };
        SAID.with_borrow_mut(|all| all.insert(words, said, |said| Worth::until(said.until_ms, now)));
    }
    let root = print.root;
    let is_fresh = HELD.with_borrow(|held| {
        held.get(&root).is_some_and(|held| {
            held.remembered == remembered && held.written_ms.is_some_and(|then| now < then + WRITTEN_FOR_MS)
        })
    });
    if is_fresh {
        return;
    }
    let json = serde_json::to_string(&remembered);
    let held = Held { remembered, until_ms: now + WINDOW_MS, written_ms: Some(now) };
    HELD.with_borrow_mut(|all| {
        if held.remembered.links() <= MAX_LINKS {
            all.insert(root, held, |held| Worth::until(held.until_ms, now));
        } else {
            all.remove(&root);
        }
    });
    let written = async {
        kv::put(env, &name(root), &json?, Duration::from_millis(WINDOW_MS))
            .await
            .map_err(worker::Error::from)?;
        StoreResult::Ok(())
    };
    if let Err(error) = written.await {
        log_error("a conversation is not remembered", &error);
    }
}

fn name(root: ChainKey) -> String {
    format!("conv:{root}")
}
