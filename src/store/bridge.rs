//! Agents on users' machines.

use nexus_edge_core::catalog::bridge::AgentRecord;
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, row, rows, text, unsigned, write};
use crate::objects::agent_hub::{HubClient, Revoke};
use crate::platform::log_error;

/// Whether the owner of an agent may still use the gateway at the time `?1`: the key, for an agent without another owner; a user
/// who is active; a team that exists; anything else that keys name as their owner while one of these keys is good.
const IS_ACTIVE: &str = "CASE \
    WHEN owner GLOB 'key:*' THEN EXISTS (SELECT 1 FROM api_keys AS k WHERE k.id = SUBSTR(a.owner, 5) \
      AND k.enabled = 1 AND (k.expires_at IS NULL OR k.expires_at > ?1)) \
    WHEN EXISTS (SELECT 1 FROM users AS u WHERE u.id = a.owner) \
      THEN EXISTS (SELECT 1 FROM users AS u WHERE u.id = a.owner AND u.status = 'active') \
    WHEN EXISTS (SELECT 1 FROM teams AS t WHERE t.id = a.owner) THEN 1 \
    ELSE EXISTS (SELECT 1 FROM api_keys AS k WHERE k.owner = a.owner \
      AND k.enabled = 1 AND (k.expires_at IS NULL OR k.expires_at > ?1)) END";

/// An agent, and whether its owner is active.
#[derive(Deserialize)]
pub struct Found {
    /// The agent.
    #[serde(flatten)]
    pub record: AgentRecord,
    /// 1 if the owner may still use the gateway.
    pub is_active: u8,
}

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
pub async fn of_token(env: &Env, token_id: &str, now_ms: u64) -> StoreResult<Option<Found>> {
    let sql = format!("SELECT *, {IS_ACTIVE} AS is_active FROM bridge_agents AS a WHERE token_id = ?2");
    row(env, &sql, &[unsigned(now_ms), text(token_id)]).await
}

/// Ends the tokens of agents whose owners are not active any more, and their connections.
pub async fn end_inactive(env: &Env, now_ms: u64) -> StoreResult<()> {
    let sql = format!("SELECT * FROM bridge_agents AS a WHERE expires_at > ?1 AND NOT {IS_ACTIVE}");
    let found: Vec<AgentRecord> = rows(env, &sql, &[unsigned(now_ms)]).await?;
    for agent in found {
        let revoke = Revoke { not_before_ms: agent.issued_at + 1, wipe: false };
        // The connection first: an agent whose hub does not answer is tried again at the next run.
        if let Err(error) = HubClient::new(env, &agent.owner, &agent.agent_id).ask("/revoke", &revoke).await {
            log_error("agents of inactive owners", &error);
            continue;
        }
        let sql = "UPDATE bridge_agents SET expires_at = ?1, updated_at = MAX(?1, updated_at + 1) \
            WHERE owner = ?2 AND agent_id = ?3 AND version = ?4";
        let parameters =
            [unsigned(now_ms), text(&agent.owner), text(&agent.agent_id), unsigned(agent.version)];
        write(env, sql, &parameters).await?;
    }
    Ok(())
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

/// Stores what an agent is called; false if there is none.
pub async fn rename(env: &Env, record: &AgentRecord) -> StoreResult<bool> {
    let sql = "UPDATE bridge_agents SET label = ?1, updated_at = ?2 WHERE owner = ?3 AND agent_id = ?4";
    let parameters =
        [text(&record.label), unsigned(record.updated_at), text(&record.owner), text(&record.agent_id)];
    Ok(write(env, sql, &parameters).await?.changes > 0)
}

/// Deletes an agent; false if there is none.
pub async fn delete(env: &Env, owner: &str, agent_id: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM bridge_agents WHERE owner = ?1 AND agent_id = ?2";
    Ok(write(env, sql, &[text(owner), text(agent_id)]).await?.changes > 0)
}
