//! Users and their passwords.

use nexus_edge_core::access::user::{UserRecord, UserStatus};
use serde::Deserialize;
use worker::{D1Database, D1PreparedStatement, Env};

use super::{StoreResult, row, rows, statement, taken_if_unique, text, unsigned, write};

/// A user with the hash of their password.
#[derive(Deserialize)]
pub struct WithPassword {
    /// The user.
    #[serde(flatten)]
    pub user: UserRecord,
    /// The hash; `None` without a password.
    pub hash: Option<String>,
}

/// The user with this address.
pub async fn by_email(env: &Env, email: &str) -> StoreResult<Option<WithPassword>> {
    let sql =
        "SELECT u.*, p.hash FROM users AS u LEFT JOIN passwords AS p ON p.user_id = u.id WHERE u.email = ?1";
    row(env, sql, &[text(email)]).await
}

/// At most `limit` users, newest first, those after the user with the id `after`.
pub async fn page(env: &Env, after: Option<&str>, limit: u32) -> StoreResult<Vec<UserRecord>> {
    // Ids begin with the time: the primary key is the order.
    let sql = "SELECT * FROM users WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    rows(env, sql, &[text(after.unwrap_or("~")), unsigned(limit.into())]).await
}

/// The statement that adds a user, if the condition holds.
pub(super) fn adding(
    database: &D1Database,
    user: &UserRecord,
    condition: &str,
) -> StoreResult<D1PreparedStatement> {
    let roles = serde_json::to_string(&user.roles)?;
    let parameters = [
        text(&user.id),
        text(&user.email),
        text(&user.name),
        text(&roles),
        text(user.status.name()),
        super::nullable(user.email_verified_at, unsigned),
        unsigned(user.created_at),
        super::flag(user.must_verify),
    ];
    let sql = format!(
        "INSERT INTO users (id, email, name, roles, status, email_verified_at, created_at, updated_at, must_verify) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8 {condition}"
    );
    statement(database, &sql, &parameters)
}

/// Adds a user, and the hash of their password if there is one. With `only_first`, false if there is any user already.
pub async fn add(env: &Env, user: &UserRecord, hash: Option<&str>, only_first: bool) -> StoreResult<bool> {
    let database = super::database(env)?;
    let condition = if only_first { "WHERE NOT EXISTS (SELECT 1 FROM users)" } else { "" };
    let mut statements = vec![adding(&database, user, condition)?];
    if let Some(hash) = hash {
        // Only beside a user who was added.
        let sql =
            "INSERT INTO passwords (user_id, hash, changed_at) SELECT id, ?2, ?3 FROM users WHERE id = ?1";
        statements.push(statement(&database, sql, &[text(&user.id), text(hash), unsigned(user.created_at)])?);
    }
    let results = database.batch(statements).await.map_err(|error| taken_if_unique(error.into(), "email"))?;
    let added = results.first().and_then(|result| result.meta().ok().flatten()).and_then(|meta| meta.changes);
    Ok(added.unwrap_or_default() > 0)
}

/// Notes that the user has shown that this address, which is theirs, is theirs; false if that was known, or it is no longer theirs.
pub async fn confirm_email(env: &Env, user_id: &str, email: &str, now_ms: u64) -> StoreResult<bool> {
    let sql = "UPDATE users SET email_verified_at = ?3, must_verify = 0, updated_at = MAX(?3, updated_at + 1) \
        WHERE id = ?1 AND email = ?2 AND (email_verified_at IS NULL OR must_verify = 1)";
    Ok(write(env, sql, &[text(user_id), text(email), unsigned(now_ms)]).await?.changes > 0)
}

/// Deletes a user with all that proves who they are, and disables or deletes their API keys; false if there is no such user. What
/// they did stays where it is recorded, under their id.
pub async fn delete(env: &Env, user_id: &str, deletes_keys: bool, now_ms: u64) -> StoreResult<bool> {
    let database = super::database(env)?;
    let id = [text(user_id)];
    let keys = if deletes_keys {
        statement(&database, "DELETE FROM api_keys WHERE owner = ?1", &id)?
    } else {
        statement(&database, DISABLE_KEYS, &[text(user_id), unsigned(now_ms)])?
    };
    let mut statements = vec![statement(&database, "DELETE FROM users WHERE id = ?1", &id)?, keys];
    for table in
        ["passwords", "sign_in_sessions", "identities", "passkeys", "grants", "team_members", "scim_users"]
    {
        statements.push(statement(&database, &format!("DELETE FROM {table} WHERE user_id = ?1"), &id)?);
    }
    let results = database.batch(statements).await?;
    let deleted =
        results.first().and_then(|result| result.meta().ok().flatten()).and_then(|meta| meta.changes);
    Ok(deleted.unwrap_or_default() > 0)
}

const DISABLE_KEYS: &str = "UPDATE api_keys SET enabled = 0, disabled_reason = 'the owner is not active', \
    updated_at = MAX(?2, updated_at + 1) WHERE owner = ?1 AND enabled = 1";

/// Sets the hash of a user's password.
pub async fn set_password(env: &Env, user_id: &str, hash: &str, now_ms: u64) -> StoreResult<()> {
    let sql = "INSERT INTO passwords (user_id, hash, changed_at) VALUES (?1, ?2, ?3) \
        ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at";
    write(env, sql, &[text(user_id), text(hash), unsigned(now_ms)]).await.map(drop)
}

/// Replaces a hash by one of the same password, unless the password was changed meanwhile.
pub async fn renew_hash(env: &Env, user_id: &str, old: &str, new: &str) -> StoreResult<()> {
    let sql = "UPDATE passwords SET hash = ?3 WHERE user_id = ?1 AND hash = ?2";
    write(env, sql, &[text(user_id), text(old), text(new)]).await.map(drop)
}

/// The hash of a user's password.
pub async fn hash_of(env: &Env, user_id: &str) -> StoreResult<Option<String>> {
    #[derive(Deserialize)]
    struct Row {
        hash: String,
    }
    let found: Option<Row> =
        row(env, "SELECT hash FROM passwords WHERE user_id = ?1", &[text(user_id)]).await?;
    Ok(found.map(|row| row.hash))
}

/// Disables the API keys of a user who is no longer active; how many there were.
pub async fn disable_keys(env: &Env, user: &UserRecord, now_ms: u64) -> StoreResult<usize> {
    if user.status == UserStatus::Active {
        return Ok(0);
    }
    Ok(write(env, DISABLE_KEYS, &[text(&user.id), unsigned(now_ms)]).await?.changes)
}
