//! Agents on users' machines.

use nexus_edge_core::catalog::bridge::AgentRecord;
use worker::Env;

use super::{StoreResult, row, rows, text, unsigned, write};

/// The agents of an owner, by their ids.
pub async fn list(env: &Env, owner: &str) -> StoreResult<Vec<AgentRecord>> {
    rows(env, "SELECT * FROM bridge_agents WHERE owner = ?1 ORDER BY agent_id", &[text(owner)]).await
}

/// An agent of an owner.
pub async fn find(env: &Env, owner: &str, agent_id: &str) -> StoreResult<Option<AgentRecord>> {
    let sql = "SELECT * FROM bridge_agents WHERE owner = ?1 AND agent_id = ?2";
    row(env, sql, &[text(owner), text(agent_id)]).await
}

/// The agent whose token has this public id.
pub async fn of_token(env: &Env, token_id: &str) -> StoreResult<Option<AgentRecord>> {
    row(env, "SELECT * FROM bridge_agents WHERE token_id = ?1", &[text(token_id)]).await
}

/// Stores an agent in the place of the one with the version before; false if another request was first.
pub async fn put(env: &Env, record: &AgentRecord) -> StoreResult<bool> {
    let sql = "INSERT INTO bridge_agents \
        (owner, agent_id, label, token_id, token_hash, version, issued_at, expires_at, created_at, updated_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (owner, agent_id) DO UPDATE SET \
        label = ?3, token_id = ?4, token_hash = ?5, version = ?6, issued_at = ?7, expires_at = ?8, updated_at = ?10 \
        WHERE version = ?6 - 1";
    let parameters = [
        text(&record.owner),
        text(&record.agent_id),
        text(&record.label),
        text(&record.token_id),
        text(&record.token_hash),
        unsigned(record.version),
        unsigned(record.issued_at),
        unsigned(record.expires_at),
        unsigned(record.created_at),
        unsigned(record.updated_at),
    ];
    Ok(write(env, sql, &parameters).await?.changes > 0)
}

/// Deletes an agent; false if there is none.
pub async fn delete(env: &Env, owner: &str, agent_id: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM bridge_agents WHERE owner = ?1 AND agent_id = ?2";
    Ok(write(env, sql, &[text(owner), text(agent_id)]).await?.changes > 0)
}
