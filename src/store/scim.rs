//! What directories say about users and teams, beside the accounts and teams themselves.

use nexus_edge_core::access::team::TeamRecord;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::row::json_list;
use nexus_edge_core::row::table as declared;
use serde::Deserialize;
use worker::{D1Database, D1PreparedStatement, Env};

use super::{
    StoreResult, nullable, row, rows, statement, table, taken_if_unique, text, unsigned, users, write,
};
use crate::platform::log_error;

/// A user as a directory sees them.
#[derive(Debug, Clone, Deserialize)]
pub struct ScimUser {
    /// The account.
    #[serde(flatten)]
    pub user: UserRecord,
    /// The id that this directory gave.
    pub external_id: Option<String>,
    /// What was kept of the resource.
    pub kept: Option<String>,
    /// Ids and names of the user's teams.
    #[serde(default, deserialize_with = "json_list")]
    pub groups: Vec<(String, String)>,
}

/// A team as a directory sees it, without its members.
#[derive(Debug, Clone, Deserialize)]
pub struct ScimGroup {
    /// The team.
    #[serde(flatten)]
    pub team: TeamRecord,
    /// The id that this directory gave.
    pub external_id: Option<String>,
}

const USERS: &str = "SELECT u.*, CASE WHEN s.client_id = ?1 THEN s.external_id END AS external_id, s.attributes AS kept, \
    (SELECT json_group_array(json_array(t.id, t.name)) FROM team_members AS m JOIN teams AS t ON t.id = m.team_id \
     WHERE m.user_id = u.id) AS groups \
    FROM users AS u LEFT JOIN scim_users AS s ON s.user_id = u.id";
const GROUPS: &str = "SELECT t.*, CASE WHEN g.client_id = ?1 THEN g.external_id END AS external_id \
    FROM teams AS t LEFT JOIN scim_groups AS g ON g.team_id = t.id";

/// The user with this id.
pub async fn user(env: &Env, client: &str, id: &str) -> StoreResult<Option<ScimUser>> {
    row(env, &format!("{USERS} WHERE u.id = ?2"), &[text(client), text(id)]).await
}

/// The users with this user name: one at most. An account that no directory has changed has its mail address as its user name.
pub async fn users_by_name(env: &Env, client: &str, name: &str) -> StoreResult<Vec<ScimUser>> {
    let sql = format!(
        "{USERS} WHERE u.id IN (SELECT user_id FROM scim_users WHERE user_name = ?2 UNION \
         SELECT id FROM users AS o WHERE o.email = ?2 AND NOT EXISTS (SELECT 1 FROM scim_users WHERE user_id = o.id))"
    );
    rows(env, &sql, &[text(client), text(&name.to_lowercase())]).await
}

/// The users with this external id of the directory: one at most.
pub async fn users_by_external_id(env: &Env, client: &str, id: &str) -> StoreResult<Vec<ScimUser>> {
    let sql = format!("{USERS} WHERE s.client_id = ?1 AND s.external_id = ?2");
    rows(env, &sql, &[text(client), text(id)]).await
}

/// A part of all users, the oldest first.
pub async fn users(env: &Env, client: &str, limit: usize, offset: usize) -> StoreResult<Vec<ScimUser>> {
    let sql = format!("{USERS} ORDER BY u.id LIMIT ?2 OFFSET ?3");
    rows(env, &sql, &[text(client), unsigned(limit as u64), unsigned(offset as u64)]).await
}

/// How many rows a table has: `users` or `teams`.
pub async fn count(env: &Env, table: &str) -> StoreResult<usize> {
    #[derive(Deserialize)]
    struct Row {
        n: usize,
    }
    let counted: Option<Row> = row(env, &format!("SELECT COUNT(*) AS n FROM {table}"), &[]).await?;
    Ok(counted.map_or(0, |row| row.n))
}

/// What of a user the directory alone knows.
pub struct Said<'a> {
    /// The directory.
    pub client: &'a str,
    /// By what the directory knows the user.
    pub user_name: &'a str,
    /// The id that it gave.
    pub external_id: Option<&'a str>,
    /// What is kept of the resource.
    pub kept: &'a str,
}

/// Adds a user; `Taken` if the mail address, the user name or the external id is another's.
pub async fn add_user(env: &Env, user: &UserRecord, said: &Said<'_>) -> StoreResult<()> {
    let database = super::database(env)?;
    let statements = vec![users::adding(&database, user, "")?, saying(&database, user, said)?];
    run(&database, statements, "userName").await.map(drop)
}

/// Writes a changed user; false if the account is gone or no longer at the version `read_at`.
pub async fn update_user(env: &Env, user: &UserRecord, read_at: u64, said: &Said<'_>) -> StoreResult<bool> {
    let database = super::database(env)?;
    let update = table::prepare(&database, &declared::update(user, read_at))?;
    Ok(run(&database, vec![update, saying(&database, user, said)?], "userName").await? > 0)
}

/// Only beside an account that is written in the same state.
fn saying(database: &D1Database, user: &UserRecord, said: &Said<'_>) -> StoreResult<D1PreparedStatement> {
    let sql = "INSERT INTO scim_users (user_id, client_id, user_name, external_id, attributes) \
        SELECT id, ?2, ?3, ?4, ?5 FROM users WHERE id = ?1 AND updated_at = ?6 \
        ON CONFLICT (user_id) DO UPDATE SET client_id = excluded.client_id, user_name = excluded.user_name, \
        external_id = excluded.external_id, attributes = excluded.attributes";
    let parameters = [
        text(&user.id),
        text(said.client),
        text(&said.user_name.to_lowercase()),
        nullable(said.external_id, text),
        text(said.kept),
        unsigned(user.updated_at),
    ];
    statement(database, sql, &parameters)
}

/// Runs statements together; how many rows the first one changed.
async fn run(
    database: &D1Database,
    statements: Vec<D1PreparedStatement>,
    unique: &'static str,
) -> StoreResult<usize> {
    let results = database.batch(statements).await.map_err(|error| taken_if_unique(error.into(), unique))?;
    let first = results.first().and_then(|result| result.meta().ok().flatten());
    Ok(first.and_then(|meta| meta.changes).unwrap_or_default())
}

/// The team with this id.
pub async fn group(env: &Env, client: &str, id: &str) -> StoreResult<Option<ScimGroup>> {
    row(env, &format!("{GROUPS} WHERE t.id = ?2"), &[text(client), text(id)]).await
}

/// A part of all teams, the oldest first.
pub async fn groups(env: &Env, client: &str, limit: usize, offset: usize) -> StoreResult<Vec<ScimGroup>> {
    let sql = format!("{GROUPS} ORDER BY t.id LIMIT ?2 OFFSET ?3");
    rows(env, &sql, &[text(client), unsigned(limit as u64), unsigned(offset as u64)]).await
}

/// Teams with their members: the id of the team, and of each member the id and the name, by id.
pub async fn members(env: &Env, teams: &[&str]) -> StoreResult<Vec<(String, Vec<(String, String)>)>> {
    #[derive(Deserialize)]
    struct Row {
        team_id: String,
        #[serde(deserialize_with = "json_list")]
        members: Vec<(String, String)>,
    }
    let sql = "SELECT m.team_id, json_group_array(json_array(u.id, u.name) ORDER BY u.id) AS members \
        FROM team_members AS m JOIN users AS u ON u.id = m.user_id \
        WHERE m.team_id IN (SELECT value FROM json_each(?1)) GROUP BY m.team_id";
    let found: Vec<Row> = rows(env, sql, &[text(&serde_json::to_string(teams)?)]).await?;
    Ok(found.into_iter().map(|row| (row.team_id, row.members)).collect())
}

/// A change of a team, with the users who come and who go.
pub struct GroupChange<'a> {
    /// The directory.
    pub client: &'a str,
    /// The team as it is after the change.
    pub team: &'a TeamRecord,
    /// The id that the directory gave.
    pub external_id: Option<&'a str>,
    /// Ids of users who come in. Those of no user come to nothing.
    pub added: &'a [&'a str],
    /// Ids of users who leave.
    pub removed: &'a [&'a str],
}

/// Writes a new or a changed team. `read_at` is the version that the change is based on, `None` for a new team; false if the team is
/// gone or at another version.
pub async fn put_group(env: &Env, change: &GroupChange<'_>, read_at: Option<u64>) -> StoreResult<bool> {
    let database = super::database(env)?;
    let GroupChange { client, team, external_id, added, removed } = change;
    let first = match read_at {
        None => table::prepare(&database, &declared::insert(*team, &[]))?,
        Some(read_at) => table::prepare(&database, &declared::update(*team, read_at))?,
    };
    let said = "INSERT INTO scim_groups (team_id, client_id, external_id) \
        SELECT id, ?2, ?3 FROM teams WHERE id = ?1 AND updated_at = ?4 \
        ON CONFLICT (team_id) DO UPDATE SET client_id = excluded.client_id, external_id = excluded.external_id";
    let parameters = [text(&team.id), text(client), nullable(*external_id, text), unsigned(team.updated_at)];
    let mut statements = vec![first, statement(&database, said, &parameters)?];
    if !added.is_empty() {
        let sql = "INSERT INTO team_members (user_id, team_id, role, created_at) \
            SELECT u.id, t.id, 'member', ?3 FROM users AS u, teams AS t \
            WHERE t.id = ?1 AND t.updated_at = ?4 AND u.id IN (SELECT value FROM json_each(?2)) \
            ON CONFLICT (user_id, team_id) DO NOTHING";
        let ids = text(&serde_json::to_string(added)?);
        let version = unsigned(team.updated_at);
        statements.push(statement(&database, sql, &[text(&team.id), ids, version.clone(), version])?);
    }
    if !removed.is_empty() {
        let sql = "DELETE FROM team_members WHERE team_id = ?1 AND user_id IN (SELECT value FROM json_each(?2)) \
            AND EXISTS (SELECT 1 FROM teams WHERE id = ?1 AND updated_at = ?3)";
        let ids = text(&serde_json::to_string(removed)?);
        statements.push(statement(&database, sql, &[text(&team.id), ids, unsigned(team.updated_at)])?);
    }
    Ok(run(&database, statements, "id").await? > 0)
}

/// Those of these ids that are of no user.
pub async fn unknown_users(env: &Env, ids: &[&str]) -> StoreResult<Vec<String>> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
    }
    let sql = "SELECT value AS id FROM json_each(?1) WHERE value NOT IN (SELECT id FROM users)";
    let found: Vec<Row> = rows(env, sql, &[text(&serde_json::to_string(ids)?)]).await?;
    Ok(found.into_iter().map(|row| row.id).collect())
}

/// The roles of a user with their groups: by both, roles follow.
#[derive(Debug, Deserialize)]
pub struct RolesAndGroups {
    /// The id of the user.
    pub id: String,
    /// Codes of roles.
    #[serde(deserialize_with = "json_list")]
    pub roles: Vec<String>,
    /// Names of the groups, and the ids that the directory gave them.
    #[serde(deserialize_with = "json_list")]
    pub groups: Vec<(String, Option<String>)>,
}

/// The roles and groups of these users.
pub async fn roles_and_groups(env: &Env, client: &str, users: &[&str]) -> StoreResult<Vec<RolesAndGroups>> {
    let sql = "SELECT u.id, u.roles, (SELECT json_group_array(json_array(t.name, g.external_id)) \
         FROM team_members AS m JOIN teams AS t ON t.id = m.team_id \
         LEFT JOIN scim_groups AS g ON g.team_id = t.id AND g.client_id = ?1 WHERE m.user_id = u.id) AS groups \
        FROM users AS u WHERE u.id IN (SELECT value FROM json_each(?2))";
    rows(env, sql, &[text(client), text(&serde_json::to_string(users)?)]).await
}

/// Gives users other roles, where they still have those that the change is based on: id, roles before, roles after.
pub async fn set_roles(
    env: &Env,
    changes: &[(String, Vec<String>, Vec<String>)],
    now_ms: u64,
) -> StoreResult<()> {
    let written: Vec<[String; 3]> = changes
        .iter()
        .map(|(id, before, after)| {
            Ok([id.clone(), serde_json::to_string(before)?, serde_json::to_string(after)?])
        })
        .collect::<serde_json::Result<_>>()?;
    let sql = "UPDATE users SET roles = c.roles_after, updated_at = MAX(?2, updated_at + 1) \
        FROM (SELECT json_extract(value, '$[0]') AS user_id, json_extract(value, '$[1]') AS roles_before, \
              json_extract(value, '$[2]') AS roles_after FROM json_each(?1)) AS c \
        WHERE users.id = c.user_id AND users.roles = c.roles_before";
    write(env, sql, &[text(&serde_json::to_string(&written)?), unsigned(now_ms)]).await.map(drop)
}

/// The account that a directory has made for a user of a service that signs its users in, with the directory that did: the one with
/// the subject as its external id, or else with this mail address, which the service has verified. `None` for an account that a
/// user of the service is linked to already.
pub async fn user_of_service(
    env: &Env,
    service: &str,
    issuer: &str,
    subject: &str,
    verified_email: Option<&str>,
) -> StoreResult<Option<(UserRecord, String)>> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(flatten)]
        user: UserRecord,
        client_id: String,
    }
    let sql = "SELECT u.*, s.client_id FROM scim_clients AS c JOIN scim_users AS s ON s.client_id = c.id \
        JOIN users AS u ON u.id = s.user_id \
        WHERE c.identity_provider = ?1 AND c.enabled = 1 AND (s.external_id = ?3 OR u.email = ?4) \
        AND NOT EXISTS (SELECT 1 FROM identities AS i WHERE i.user_id = u.id AND i.issuer = ?2) \
        ORDER BY s.external_id = ?3 DESC LIMIT 1";
    let parameters = [text(service), text(issuer), text(subject), nullable(verified_email, text)];
    let found: Option<Row> = row(env, sql, &parameters).await?;
    Ok(found.map(|row| (row.user, row.client_id)))
}

/// Notes when a client was used.
pub async fn note_use(env: &Env, client: &str, now_ms: u64) {
    let sql = "UPDATE scim_clients SET last_used_at = ?2 WHERE id = ?1";
    if let Err(error) = write(env, sql, &[text(client), unsigned(now_ms)]).await {
        log_error("a client of SCIM", &error);
    }
}
