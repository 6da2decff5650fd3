//! Passkeys of users: the public keys of their authenticators.

use nexus_edge_api::passkeys::PasskeyView;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_identity::token::PublicKey;
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, row, rows, taken_if_unique, text, unsigned, write};

/// A passkey with its user.
pub struct OfUser {
    /// The user.
    pub user: UserRecord,
    /// The key.
    pub key: PublicKey,
    /// How often it has signed, as its authenticator counts.
    pub counter: u32,
}

/// The passkeys of a user, the oldest first.
pub async fn list(env: &Env, user_id: &str) -> StoreResult<Vec<PasskeyView>> {
    let sql =
        "SELECT id, name, created_at, last_used_at FROM passkeys WHERE user_id = ?1 ORDER BY created_at, id";
    rows(env, sql, &[text(user_id)]).await
}

/// Adds a passkey; `Taken` if there is one with this id.
pub async fn add(
    env: &Env,
    user_id: &str,
    view: &PasskeyView,
    key: &PublicKey,
    counter: u32,
) -> StoreResult<()> {
    let sql = "INSERT INTO passkeys (id, user_id, name, public_key, counter, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let parameters = [
        text(&view.id),
        text(user_id),
        text(&view.name),
        text(&key.to_jwk().to_string()),
        unsigned(counter.into()),
        unsigned(view.created_at),
    ];
    write(env, sql, &parameters).await.map(drop).map_err(|error| taken_if_unique(error, "id"))
}

/// The passkey with this id and its user.
pub async fn find(env: &Env, id: &str) -> StoreResult<Option<OfUser>> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(flatten)]
        user: UserRecord,
        public_key: String,
        counter: u32,
    }
    let sql = "SELECT u.*, p.public_key, p.counter FROM passkeys AS p JOIN users AS u ON u.id = p.user_id WHERE p.id = ?1";
    let found: Option<Row> = row(env, sql, &[text(id)]).await?;
    Ok(found.and_then(|row| {
        let key = PublicKey::of_jwk(&serde_json::from_str(&row.public_key).ok()?)?;
        Some(OfUser { user: row.user, key, counter: row.counter })
    }))
}

/// Notes a sign-in; false if another one counted as far meanwhile.
pub async fn used(env: &Env, id: &str, before: u32, counter: u32, now_ms: u64) -> StoreResult<bool> {
    let sql = "UPDATE passkeys SET counter = ?3, last_used_at = ?4 WHERE id = ?1 AND counter = ?2";
    let parameters = [text(id), unsigned(before.into()), unsigned(counter.into()), unsigned(now_ms)];
    Ok(write(env, sql, &parameters).await?.changes > 0)
}

/// Deletes a passkey of a user; false if there is none.
pub async fn delete(env: &Env, user_id: &str, id: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM passkeys WHERE id = ?2 AND user_id = ?1";
    Ok(write(env, sql, &[text(user_id), text(id)]).await?.changes > 0)
}
