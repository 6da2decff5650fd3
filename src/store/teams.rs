//! Teams and their members.

use nexus_edge_api::teams::MemberView;
use nexus_edge_core::access::person::Scope;
use nexus_edge_core::access::team::{TeamRecord, TeamRole};
use worker::Env;

use super::{StoreResult, rows, statement, text, unsigned, write};

/// The teams in a scope, the newest first.
pub async fn list(env: &Env, scope: &Scope) -> StoreResult<Vec<TeamRecord>> {
    // Ids begin with the time: the primary key is the order.
    match scope {
        Scope::All => rows(env, "SELECT * FROM teams ORDER BY id DESC", &[]).await,
        Scope::Owners(owners) => {
            let sql = "SELECT * FROM teams WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id DESC";
            rows(env, sql, &[text(&serde_json::to_string(owners)?)]).await
        }
    }
}

/// The members of a team, those first who have been in it for longest.
pub async fn members(env: &Env, team_id: &str) -> StoreResult<Vec<MemberView>> {
    let sql = "SELECT m.user_id, u.name, m.role, m.created_at FROM team_members AS m \
        JOIN users AS u ON u.id = m.user_id WHERE m.team_id = ?1 ORDER BY m.created_at, m.user_id";
    rows(env, sql, &[text(team_id)]).await
}

/// A member of a team.
pub async fn member(env: &Env, team_id: &str, user_id: &str) -> StoreResult<Option<MemberView>> {
    let sql = "SELECT m.user_id, u.name, m.role, m.created_at FROM team_members AS m \
        JOIN users AS u ON u.id = m.user_id WHERE m.user_id = ?1 AND m.team_id = ?2";
    super::row(env, sql, &[text(user_id), text(team_id)]).await
}

/// Adds a user to a team, or changes what they are in it. Nothing happens if there is no such team or user.
pub async fn put_member(
    env: &Env,
    team_id: &str,
    user_id: &str,
    role: TeamRole,
    now_ms: u64,
) -> StoreResult<()> {
    let sql = "INSERT INTO team_members (user_id, team_id, role, created_at) \
        SELECT u.id, t.id, ?3, ?4 FROM users AS u, teams AS t WHERE u.id = ?1 AND t.id = ?2 \
        ON CONFLICT (user_id, team_id) DO UPDATE SET role = excluded.role";
    write(env, sql, &[text(user_id), text(team_id), text(role.name()), unsigned(now_ms)]).await.map(drop)
}

/// Removes a user from a team; false if they were not in it.
pub async fn remove_member(env: &Env, team_id: &str, user_id: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM team_members WHERE user_id = ?1 AND team_id = ?2";
    Ok(write(env, sql, &[text(user_id), text(team_id)]).await?.changes > 0)
}

/// Deletes a team and disables its keys.
pub async fn delete(env: &Env, id: &str, now_ms: u64) -> StoreResult<()> {
    let database = super::database(env)?;
    let disable = "UPDATE api_keys SET enabled = 0, disabled_reason = 'the team was deleted', \
        updated_at = MAX(?2, updated_at + 1) WHERE owner = ?1 AND enabled = 1";
    let statements = vec![
        statement(&database, "DELETE FROM team_members WHERE team_id = ?1", &[text(id)])?,
        statement(&database, "DELETE FROM teams WHERE id = ?1", &[text(id)])?,
        statement(&database, "DELETE FROM scim_groups WHERE team_id = ?1", &[text(id)])?,
        statement(&database, disable, &[text(id), unsigned(now_ms)])?,
    ];
    database.batch(statements).await?;
    Ok(())
}
