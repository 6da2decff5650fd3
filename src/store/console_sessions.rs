//! Sessions of the console that began with the admin token.
//!
//! An isolate believes for 30 seconds what it read of a session. What ends one holds everywhere within that time, and at once in
//! the isolate that did it. Noting its use is a row of the database, so it is noted every few minutes.

use std::cell::RefCell;

use nexus_edge_api::console::SessionView;
use nexus_edge_api::system::MapSize;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_identity::console::{IDLE_MS, LIFE_MS, MAX_SESSIONS, Times};
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, nullable, row, rows, statement, text, unsigned, write};
use crate::platform::now_ms;

/// Milliseconds for which a session is believed to be as it was read.
const BELIEVED_MS: u64 = 30_000;
/// Most sessions that an isolate keeps, those that it did not find included.
const MAX_CACHED: usize = 200;
/// Most characters of a user agent.
const MAX_USER_AGENT: usize = 200;

/// A session as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub struct Stored {
    /// What its token must be proved by.
    pub proof: String,
    created_at: u64,
    confirmed_at: u64,
    last_used_at: u64,
}

impl Stored {
    /// Its times.
    pub fn times(&self) -> Times {
        let Self { created_at, confirmed_at, last_used_at, .. } = *self;
        Times { created_at, confirmed_at, last_used_at }
    }
}

#[derive(Clone)]
struct Cached {
    session: Option<Stored>,
    read_at: u64,
}

thread_local! {
    static CACHE: RefCell<BoundedMap<String, Cached>> = RefCell::new(BoundedMap::new(MAX_CACHED));
}

/// The size of this isolate's cache.
pub fn size() -> MapSize {
    CACHE.with_borrow(|cache| MapSize::of("console_sessions", cache))
}

/// The session with this id, as it is stored now or was in the last seconds.
pub async fn find(env: &Env, id: &str) -> StoreResult<Option<Stored>> {
    let now = now_ms();
    let cached = CACHE.with_borrow_mut(|cache| cache.get(id).cloned());
    if let Some(cached) = cached.filter(|cached| now.saturating_sub(cached.read_at) < BELIEVED_MS) {
        return Ok(cached.session);
    }
    read(env, id).await
}

/// The session with this id, as it is stored now.
pub async fn read(env: &Env, id: &str) -> StoreResult<Option<Stored>> {
    let sql = "SELECT proof, created_at, confirmed_at, last_used_at FROM console_sessions WHERE id = ?1";
    let session: Option<Stored> = row(env, sql, &[text(id)]).await?;
    let now = now_ms();
    let cached = Cached { session: session.clone(), read_at: now };
    CACHE.with_borrow_mut(|cache| {
        cache.insert(id.to_owned(), cached, |old| Worth::until(old.read_at + BELIEVED_MS, now));
    });
    Ok(session)
}

/// Begins a session. Those that are over go, and those that were unused for longest if there are too many.
pub async fn begin(
    env: &Env,
    id: &str,
    proof: &str,
    times: Times,
    address: Option<&str>,
    user_agent: Option<&str>,
) -> StoreResult<()> {
    let database = super::database(env)?;
    let now = times.created_at;
    let sql = "DELETE FROM console_sessions WHERE id NOT IN (SELECT id FROM console_sessions \
        WHERE last_used_at > ?1 AND created_at > ?2 ORDER BY last_used_at DESC LIMIT ?3)";
    let kept = u64::try_from(MAX_SESSIONS - 1).unwrap_or(0);
    let parameters =
        [unsigned(now.saturating_sub(IDLE_MS)), unsigned(now.saturating_sub(LIFE_MS)), unsigned(kept)];
    let tidy = statement(&database, sql, &parameters)?;
    let sql = "INSERT INTO console_sessions (id, proof, created_at, confirmed_at, last_used_at, address, user_agent) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let user_agent: Option<String> = user_agent.map(|agent| agent.chars().take(MAX_USER_AGENT).collect());
    let parameters = [
        text(id),
        text(proof),
        unsigned(times.created_at),
        unsigned(times.confirmed_at),
        unsigned(times.last_used_at),
        nullable(address, text),
        nullable(user_agent.as_deref(), text),
    ];
    database.batch(vec![tidy, statement(&database, sql, &parameters)?]).await?;
    Ok(())
}

/// Notes that a session was used, and with `confirmed` that the admin token was given for it.
pub async fn note(env: &Env, id: &str, now_ms: u64, confirmed: bool) -> StoreResult<()> {
    let confirmed = if confirmed { ", confirmed_at = ?2" } else { "" };
    let sql = format!("UPDATE console_sessions SET last_used_at = ?2{confirmed} WHERE id = ?1");
    write(env, &sql, &[text(id), unsigned(now_ms)]).await?;
    forget();
    Ok(())
}

/// Ends a session; false if there is none with this id.
pub async fn end(env: &Env, id: &str) -> StoreResult<bool> {
    let ended = write(env, "DELETE FROM console_sessions WHERE id = ?1", &[text(id)]).await?.changes;
    forget();
    Ok(ended > 0)
}

/// The sessions that are not over, the one that was used last first.
pub async fn list(env: &Env, now_ms: u64) -> StoreResult<Vec<SessionView>> {
    let sql = "SELECT id, created_at, confirmed_at, last_used_at, address, user_agent FROM console_sessions \
        WHERE last_used_at > ?1 AND created_at > ?2 ORDER BY last_used_at DESC";
    rows(env, sql, &[unsigned(now_ms.saturating_sub(IDLE_MS)), unsigned(now_ms.saturating_sub(LIFE_MS))])
        .await
}

/// Forgets what this isolate believes of sessions.
fn forget() {
    CACHE.set(BoundedMap::new(MAX_CACHED));
}
