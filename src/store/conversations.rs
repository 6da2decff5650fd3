//! Which conversation a history belongs to, in KV, with the isolate's memory in front of it.
//!
//! All conversations that begin alike are one entry, which expires half an hour after it was last written; every turn
//! writes it. The memory holds what this isolate wrote or read, so that most conversations that stay in one place cost no
//! read at all.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use nexus_edge_core::conversation::{ChainKey, Fingerprint, Remembered, WINDOW_MS};
use worker::Env;

use super::StoreResult;
use crate::platform::{kv, log_error, now_ms};

/// More entries than this are forgotten all at once: they are in KV, too.
const MAX_HELD: usize = 5_000;
/// What this isolate wrote so recently, in milliseconds, is not written again as it was: the same question asked over
/// and over would be a write each time, of a name of which KV takes one a second.
const WRITTEN_FOR_MS: u64 = 60_000;

struct Held {
    remembered: Remembered,
    until_ms: u64,
    /// When this isolate wrote it to KV.
    written_ms: Option<u64>,
}

/// The conversation in which something was said last.
struct Said {
    conversation: String,
    until_ms: u64,
}

thread_local! {
    static HELD: RefCell<HashMap<ChainKey, Held>> = RefCell::default();
    static SAID: RefCell<HashMap<ChainKey, Said>> = RefCell::default();
}

/// What is remembered of the conversations that begin like this request. KV is asked only if the isolate does not know
/// the request's history itself; a store that cannot be reached remembers nothing.
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

/// What this isolate holds of the conversations that begin so.
pub fn held(root: ChainKey) -> Option<Remembered> {
    let now = now_ms();
    HELD.with_borrow(|held| {
        held.get(&root).filter(|held| now < held.until_ms).map(|held| held.remembered.clone())
    })
}

/// The conversation in which this isolate heard these words last, within the half hour.
pub fn who_said(words: ChainKey) -> Option<String> {
    let now = now_ms();
    SAID.with_borrow(|said| {
        said.get(&words).filter(|said| now < said.until_ms).map(|said| said.conversation.clone())
    })
}

/// Remembers, for half an hour from now. KV takes one write a second for a name; a write that it refuses is made good by
/// the next turn.
pub async fn put(env: &Env, print: &Fingerprint, remembered: Remembered, conversation_id: &str) {
    let now = now_ms();
    if let Some(words) = print.last_words {
        let said = Said { conversation: conversation_id.to_owned(), until_ms: now + WINDOW_MS };
        SAID.with_borrow_mut(|all| insert(all, words, said));
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
    HELD.with_borrow_mut(|all| insert(all, root, held));
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

fn insert<T>(all: &mut HashMap<ChainKey, T>, key: ChainKey, value: T) {
    if all.len() >= MAX_HELD {
        all.clear();
    }
    all.insert(key, value);
}

fn name(root: ChainKey) -> String {
    format!("conv:{root}")
}
