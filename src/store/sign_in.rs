//! Sessions of users.
//!
//! A request with an access token is not looked up each time: an isolate believes what it has read of a session for 30
//! seconds, and for a minute while the database does not answer. What ends a session, or its user, holds everywhere
//! within that time, and at once in the isolate that did it. The same goes for what changes what a user may do.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_api::sign_in::SessionView;
use nexus_edge_api::system::MapSize;
use nexus_edge_core::access::given::Given;
use nexus_edge_core::access::person::Person;
use nexus_edge_core::access::user::{UserRecord, UserStatus};
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_identity::session::{Family, MAX_SESSIONS, REFRESH_MS};
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, given, nullable, row, rows, statement, text, unsigned, write};
use crate::platform::{log_error, now_ms};

/// Milliseconds for which a session is believed to be as it was read.
const BELIEVED_MS: u64 = 30_000;
/// The same while the database does not answer.
const BELIEVED_AT_MOST_MS: u64 = 60_000;
/// Most sessions that an isolate keeps.
const MAX_CACHED: usize = 5_000;
/// Most characters of a user agent.
const MAX_USER_AGENT: usize = 200;

/// A session with its user.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The user.
    pub user: UserRecord,
    /// What the user was given beyond the built-in roles.
    pub given: Given,
    /// The session.
    pub session_id: String,
    /// Its tokens.
    pub family: Family,
}

impl SignedIn {
    /// The user in the admin API.
    pub fn person(&self, now_ms: u64) -> Person {
        self.given.person(&self.user, now_ms)
    }

    /// Whether the session is not over and its user may sign in.
    pub fn is_valid(&self, now_ms: u64) -> bool {
        self.user.status == UserStatus::Active && !self.family.is_over(now_ms)
    }
}

#[derive(Deserialize)]
struct Row {
    #[serde(flatten)]
    user: UserRecord,
    #[serde(flatten)]
    given: Given,
    session_id: String,
    generation: u64,
    began_at: u64,
    rotated_at: u64,
    ended_at: Option<u64>,
}

#[derive(Clone)]
struct Cached {
    session: Option<Rc<SignedIn>>,
    read_at: u64,
}

thread_local! {
    static CACHE: RefCell<BoundedMap<String, Cached>> = RefCell::new(BoundedMap::new(MAX_CACHED));
}

/// The size of this isolate's cache.
pub fn size() -> MapSize {
    CACHE.with_borrow(|cache| MapSize::of("sign_in_sessions", cache))
}

/// The session as it is stored now.
pub async fn read(env: &Env, session_id: &str) -> StoreResult<Option<SignedIn>> {
    let sql = format!(
        "SELECT u.*, {}, s.id AS session_id, s.generation, s.created_at AS began_at, s.rotated_at, s.ended_at \
         FROM sign_in_sessions AS s JOIN users AS u ON u.id = s.user_id WHERE s.id = ?1",
        given::columns("u.id", "u.roles")
    );
    let found: Option<Row> = row(env, &sql, &[text(session_id)]).await?;
    Ok(found.map(|row| SignedIn {
        user: row.user,
        given: row.given,
        session_id: row.session_id,
        family: Family {
            generation: row.generation,
            created_at: row.began_at,
            rotated_at: row.rotated_at,
            ended_at: row.ended_at,
        },
    }))
}

/// The session of an access token, if it is valid.
pub async fn of_access_token(env: &Env, session_id: &str) -> StoreResult<Option<Rc<SignedIn>>> {
    let now = now_ms();
    let cached = CACHE.with_borrow_mut(|cache| cache.get(session_id).cloned());
    let age = |cached: &Cached| now.saturating_sub(cached.read_at);
    let session = match cached.filter(|cached| age(cached) < BELIEVED_AT_MOST_MS) {
        Some(cached) if age(&cached) < BELIEVED_MS => cached.session,
        cached => match (read(env, session_id).await, cached) {
            (Ok(found), _) => remember(session_id, found, now),
            (Err(error), Some(cached)) => {
                log_error("sessions", &error);
                cached.session
            }
            (Err(error), None) => return Err(error),
        },
    };
    Ok(session.filter(|session| session.is_valid(now)))
}

fn remember(session_id: &str, found: Option<SignedIn>, now: u64) -> Option<Rc<SignedIn>> {
    let cached = Cached { session: found.map(Rc::new), read_at: now };
    let session = cached.session.clone();
    CACHE.with_borrow_mut(|cache| {
        cache.insert(session_id.to_owned(), cached, |old| {
            Worth::until(old.read_at + BELIEVED_AT_MOST_MS, now)
        });
    });
    session
}

/// Forgets what this isolate believes of sessions and of what users may do, after some of it was changed.
pub fn forget() {
    given::forget();
    CACHE.set(BoundedMap::new(MAX_CACHED));
}

/// Begins a session. Of the user's others those that are over go, and those that were unused for longest if there are too
/// many.
pub async fn begin(
    env: &Env,
    session_id: &str,
    user_id: &str,
    family: &Family,
    address: Option<&str>,
    user_agent: Option<&str>,
) -> StoreResult<()> {
    let database = super::database(env)?;
    let sql = "DELETE FROM sign_in_sessions WHERE user_id = ?1 AND id NOT IN (SELECT id FROM sign_in_sessions \
        WHERE user_id = ?1 AND ended_at IS NULL AND rotated_at > ?2 ORDER BY rotated_at DESC LIMIT ?3)";
    let kept = u64::try_from(MAX_SESSIONS - 1).unwrap_or(0);
    let since = family.created_at.saturating_sub(REFRESH_MS);
    let tidy = statement(&database, sql, &[text(user_id), unsigned(since), unsigned(kept)])?;
    let sql = "INSERT INTO sign_in_sessions (id, user_id, generation, created_at, rotated_at, address, user_agent) \
        VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)";
    let user_agent: Option<String> = user_agent.map(|agent| agent.chars().take(MAX_USER_AGENT).collect());
    let parameters = [
        text(session_id),
        text(user_id),
        unsigned(family.generation),
        unsigned(family.created_at),
        nullable(address, text),
        nullable(user_agent.as_deref(), text),
    ];
    database.batch(vec![tidy, statement(&database, sql, &parameters)?]).await?;
    Ok(())
}

/// Raises the generation of a session by one; false if another request did so first, or the session is over.
pub async fn rotate(env: &Env, session_id: &str, to: u64, now_ms: u64) -> StoreResult<bool> {
    let sql = "UPDATE sign_in_sessions SET generation = ?2, rotated_at = ?3 \
        WHERE id = ?1 AND generation = ?2 - 1 AND ended_at IS NULL";
    Ok(write(env, sql, &[text(session_id), unsigned(to), unsigned(now_ms)]).await?.changes > 0)
}

/// Ends a session of a user; how many there were.
pub async fn end(env: &Env, user_id: &str, session_id: &str, now_ms: u64) -> StoreResult<usize> {
    let sql = "UPDATE sign_in_sessions SET ended_at = ?3 WHERE id = ?2 AND user_id = ?1 AND ended_at IS NULL";
    let ended = write(env, sql, &[text(user_id), text(session_id), unsigned(now_ms)]).await?.changes;
    forget();
    Ok(ended)
}

/// Ends all sessions of a user but `except`; how many there were.
pub async fn end_all(env: &Env, user_id: &str, except: Option<&str>, now_ms: u64) -> StoreResult<usize> {
    let sql =
        "UPDATE sign_in_sessions SET ended_at = ?3 WHERE user_id = ?1 AND id <> ?2 AND ended_at IS NULL";
    let parameters = [text(user_id), text(except.unwrap_or_default()), unsigned(now_ms)];
    let ended = write(env, sql, &parameters).await?.changes;
    forget();
    Ok(ended)
}

/// The sessions of a user that are not over, the latest first.
pub async fn list(env: &Env, user_id: &str, now_ms: u64) -> StoreResult<Vec<SessionView>> {
    let sql = "SELECT id, created_at, rotated_at AS last_used_at, address, user_agent FROM sign_in_sessions \
        WHERE user_id = ?1 AND ended_at IS NULL AND rotated_at > ?2 ORDER BY rotated_at DESC";
    rows(env, sql, &[text(user_id), unsigned(now_ms.saturating_sub(REFRESH_MS))]).await
}
