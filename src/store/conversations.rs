//! Which conversation a history belongs to, in KV, with the isolate's memory in front of it.
//!
//! Entries expire half an hour after they were last written, and every turn writes its own. The memory holds what this
//! isolate wrote or read, so that most conversations that stay in one place cost no read at all.

use std::cell::RefCell;
use std::collections::HashMap;

use nexus_edge_core::conversation::{ChainKey, Remembered, WINDOW_MS};
use worker::Env;

use super::StoreResult;
use crate::platform::{log_error, now_ms};

/// More entries than this are forgotten all at once: they are in KV, too.
const MAX_HELD: usize = 5_000;
/// What was read from KV is believed for this long, in milliseconds: another isolate may have changed it.
const READ_FOR_MS: u64 = 60_000;
/// What this isolate wrote so recently, in milliseconds, is not written again as it was: the same question asked over
/// and over would be a write each time, of a name of which KV takes one a second.
const WRITTEN_FOR_MS: u64 = 60_000;

struct Held {
    remembered: Remembered,
    until_ms: u64,
    /// When this isolate wrote it to KV.
    written_ms: Option<u64>,
}

thread_local! {
    static HELD: RefCell<HashMap<ChainKey, Held>> = RefCell::default();
}

/// What this isolate holds under a key.
pub fn held(key: ChainKey) -> Option<Remembered> {
    let now = now_ms();
    HELD.with_borrow(|held| {
        held.get(&key).filter(|held| now < held.until_ms).map(|held| held.remembered.clone())
    })
}

/// What is remembered under a key. A store that cannot be reached remembers nothing.
pub async fn get(env: &Env, key: ChainKey) -> Option<Remembered> {
    let known = held(key);
    if known.is_some() {
        return known;
    }
    let json = env.kv("KV").ok()?.get(&name(key)).text().await.ok()??;
    let remembered: Remembered = serde_json::from_str(&json).ok()?;
    hold(key, remembered.clone(), READ_FOR_MS, None);
    Some(remembered)
}

/// Remembers, for half an hour from now. KV takes one write a second for a name; a write that it refuses is made good by
/// the next turn.
pub async fn put(env: &Env, key: ChainKey, remembered: Remembered) {
    let now = now_ms();
    let is_fresh = HELD.with_borrow(|held| {
        held.get(&key).is_some_and(|held| {
            held.remembered == remembered && held.written_ms.is_some_and(|then| now < then + WRITTEN_FOR_MS)
        })
    });
    if is_fresh {
        return;
    }
    let json = serde_json::to_string(&remembered);
    hold(key, remembered, WINDOW_MS, Some(now));
    let written = async {
        env.kv("KV")?.put(&name(key), json?)?.expiration_ttl(WINDOW_MS / 1000).execute().await?;
        StoreResult::Ok(())
    };
    if let Err(error) = written.await {
        log_error("a conversation is not remembered", &error);
    }
}

fn hold(key: ChainKey, remembered: Remembered, for_ms: u64, written_ms: Option<u64>) {
    let until_ms = now_ms() + for_ms;
    HELD.with_borrow_mut(|held| {
        if held.len() >= MAX_HELD {
            held.clear();
        }
        held.insert(key, Held { remembered, until_ms, written_ms });
    });
}

fn name(key: ChainKey) -> String {
    format!("conv:{key}")
}
