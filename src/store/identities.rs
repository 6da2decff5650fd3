//! Users of other services who are users here: an issuer and a subject each.

use nexus_edge_api::sign_in_with::IdentityView;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_identity::user_info::Identity;
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, Env};

use super::{StoreResult, nullable, row, rows, statement, taken_if_unique, text, unsigned, users, write};

/// The user who is this user of another service.
pub async fn user_of(env: &Env, issuer: &str, subject: &str) -> StoreResult<Option<UserRecord>> {
    let sql = "SELECT u.* FROM identities AS i JOIN users AS u ON u.id = i.user_id WHERE i.issuer = ?1 AND i.subject = ?2";
    row(env, sql, &[text(issuer), text(subject)]).await
}

fn adding(
    database: &D1Database,
    user_id: &str,
    provider_id: &str,
    identity: &Identity,
    now_ms: u64,
) -> StoreResult<D1PreparedStatement> {
    let sql = "INSERT INTO identities (issuer, subject, user_id, provider_id, email, created_at) \
        SELECT ?1, ?2, id, ?4, ?5, ?6 FROM users WHERE id = ?3";
    let parameters: [JsValue; 6] = [
        text(&identity.issuer),
        text(&identity.subject),
        text(user_id),
        text(provider_id),
        nullable(identity.verified_email.as_deref(), text),
        unsigned(now_ms),
    ];
    statement(database, sql, &parameters)
}

/// Links a user of another service to a user here; `Taken` if it is another's, or theirs already.
pub async fn link(
    env: &Env,
    user_id: &str,
    provider_id: &str,
    identity: &Identity,
    now_ms: u64,
) -> StoreResult<()> {
    let database = super::database(env)?;
    let statement = adding(&database, user_id, provider_id, identity, now_ms)?;
    statement.run().await.map(drop).map_err(|error| taken_if_unique(error.into(), "identity"))
}

/// Adds a user who is a user of another service; `Taken` if the mail address has an account, or the identity a user.
pub async fn add_user(
    env: &Env,
    user: &UserRecord,
    provider_id: &str,
    identity: &Identity,
) -> StoreResult<()> {
    let database = super::database(env)?;
    let statements = vec![
        users::adding(&database, user, "")?,
        adding(&database, &user.id, provider_id, identity, user.created_at)?,
    ];
    database.batch(statements).await.map(drop).map_err(|error| taken_if_unique(error.into(), "email"))
}

/// The identities of a user.
pub async fn list(env: &Env, user_id: &str) -> StoreResult<Vec<IdentityView>> {
    let sql = "SELECT provider_id, issuer, subject, email, created_at FROM identities WHERE user_id = ?1 ORDER BY created_at";
    rows(env, sql, &[text(user_id)]).await
}

/// Unlinks a service from a user; how many identities there were.
pub async fn unlink(env: &Env, user_id: &str, provider_id: &str) -> StoreResult<usize> {
    let sql = "DELETE FROM identities WHERE user_id = ?1 AND provider_id = ?2";
    Ok(write(env, sql, &[text(user_id), text(provider_id)]).await?.changes)
}

/// In how many ways a user can sign in: a password, services, passkeys.
pub async fn ways_to_sign_in(env: &Env, user_id: &str) -> StoreResult<u64> {
    #[derive(Deserialize)]
    struct Ways {
        ways: u64,
    }
    let sql = "SELECT (SELECT COUNT(*) FROM passwords WHERE user_id = ?1) + (SELECT COUNT(*) FROM passkeys WHERE user_id = ?1) \
        + (SELECT COUNT(DISTINCT provider_id) FROM identities WHERE user_id = ?1) AS ways";
    Ok(row::<Ways>(env, sql, &[text(user_id)]).await?.map(|found| found.ways).unwrap_or_default())
}
