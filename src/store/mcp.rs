//! What is kept of servers of tools, and the names of their tools. The servers themselves are a [`super::table`].

use futures::future::try_join;
use nexus_edge_mcp::kept::Kept;
use nexus_edge_mcp::naming::{Book, Target};
use serde::Deserialize;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, database, row, rows, statement, text, unsigned, write};

/// Bytes of what is kept of one server: a row of D1 has at most 2 MB.
const MAX_KEPT_BYTES: usize = 1_500_000;

/// What can be stored of what is to be kept of a server: without the lists that are not of tools where it is too long with them; `None`
/// where the tools alone are.
pub fn that_fits(kept: Kept) -> Option<Kept> {
    let fits = |kept: &Kept| serde_json::to_string(kept).is_ok_and(|text| text.len() <= MAX_KEPT_BYTES);
    if fits(&kept) {
        return Some(kept);
    }
    Some(kept.with_tools_only()).filter(fits)
}

/// What is kept of a server.
pub async fn kept(env: &Env, server: &str) -> StoreResult<Option<Kept>> {
    #[derive(Deserialize)]
    struct Row {
        kept: String,
    }
    let sql = "SELECT kept FROM mcp_catalogues WHERE server_id = ?1";
    let found: Option<Row> = row(env, sql, &[text(server)]).await?;
    // What cannot be read is read from the server anew.
    Ok(found.and_then(|row| serde_json::from_str(&row.kept).ok()))
}

/// Keeps this of a server.
pub async fn keep(env: &Env, server: &str, kept: &Kept) -> StoreResult<()> {
    let sql = "INSERT INTO mcp_catalogues (server_id, kept) VALUES (?1, ?2) \
        ON CONFLICT (server_id) DO UPDATE SET kept = excluded.kept";
    write(env, sql, &[text(server), text(&serde_json::to_string(kept)?)]).await?;
    Ok(())
}

/// Forgets a server. Its aliases stay: a server of the same name gets the same names again.
pub async fn forget(env: &Env, server: &str) -> StoreResult<()> {
    write(env, "DELETE FROM mcp_catalogues WHERE server_id = ?1", &[text(server)]).await?;
    Ok(())
}

/// The names that an owner sees.
pub async fn book(env: &Env, owner: &str) -> StoreResult<Book> {
    let shared = aliases(env, "SELECT alias, NULL AS agent_id, server, tool FROM tool_aliases", &[]);
    let own = "SELECT alias, agent_id, server, tool FROM agent_tool_aliases WHERE owner = ?1 ORDER BY alias";
    let parameters = [text(owner)];
    let (shared, own) = try_join(shared, aliases(env, own, &parameters)).await?;
    Ok(Book::stored(shared, own))
}

async fn aliases(env: &Env, sql: &str, parameters: &[JsValue]) -> StoreResult<Vec<(String, Target)>> {
    #[derive(Deserialize)]
    struct Row {
        alias: String,
        agent_id: Option<String>,
        server: String,
        tool: String,
    }
    let found: Vec<Row> = rows(env, sql, parameters).await?;
    let target = |row: Row| (row.alias, Target { agent: row.agent_id, server: row.server, tool: row.tool });
    Ok(found.into_iter().map(target).collect())
}

/// Stores new aliases. One that another request has stored meanwhile stays as it is.
pub async fn add_aliases(env: &Env, new: &[(String, Target)]) -> StoreResult<()> {
    let database = database(env)?;
    let sql = "INSERT OR IGNORE INTO tool_aliases (alias, server, tool) VALUES (?1, ?2, ?3)";
    let statements = new
        .iter()
        .map(|(alias, target)| {
            statement(&database, sql, &[text(alias), text(&target.server), text(&target.tool)])
        })
        .collect::<StoreResult<Vec<_>>>()?;
    database.batch(statements).await?;
    Ok(())
}

/// Stores new aliases of an owner, like [`add_aliases`]. An owner has at most `most`: further ones are not stored.
pub async fn add_own_aliases(env: &Env, owner: &str, new: &[(String, Target)], most: u64) -> StoreResult<()> {
    let sql = "INSERT OR IGNORE INTO agent_tool_aliases (owner, alias, agent_id, server, tool) \
        SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?2) \
        LIMIT max(0, ?3 - (SELECT count(*) FROM agent_tool_aliases WHERE owner = ?1))";
    let values: Vec<_> = new
        .iter()
        .map(|(alias, target)| (alias, target.agent.as_deref(), &target.server, &target.tool))
        .collect();
    write(env, sql, &[text(owner), text(&serde_json::to_string(&values)?), unsigned(most)]).await?;
    Ok(())
}

/// What is kept of a server of an agent.
pub struct KeptOfAgent {
    /// The server.
    pub server: String,
    /// SHA-256 of the catalogue that it was read from.
    pub sha256: String,
    /// What is kept.
    pub kept: Kept,
}

/// What is kept of the servers of an agent.
pub async fn kept_of_agent(env: &Env, owner: &str, agent: &str) -> StoreResult<Vec<KeptOfAgent>> {
    #[derive(Deserialize)]
    struct Row {
        server: String,
        sha256: String,
        kept: String,
    }
    let sql = "SELECT server, sha256, kept FROM agent_catalogues WHERE owner = ?1 AND agent_id = ?2";
    let found: Vec<Row> = rows(env, sql, &[text(owner), text(agent)]).await?;
    let read = |row: Row| {
        let kept = serde_json::from_str(&row.kept).ok()?;
        Some(KeptOfAgent { server: row.server, sha256: row.sha256, kept })
    };
    Ok(found.into_iter().filter_map(read).collect())
}

/// Keeps this of a server of an agent.
pub async fn keep_of_agent(env: &Env, owner: &str, agent: &str, of: &KeptOfAgent) -> StoreResult<()> {
    let sql = "INSERT INTO agent_catalogues (owner, agent_id, server, sha256, kept) VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (owner, agent_id, server) DO UPDATE SET sha256 = excluded.sha256, kept = excluded.kept";
    let kept = serde_json::to_string(&of.kept)?;
    write(env, sql, &[text(owner), text(agent), text(&of.server), text(&of.sha256), text(&kept)]).await?;
    Ok(())
}

/// Forgets what the servers of an agent offered and what of it was accepted. Its aliases stay.
pub async fn forget_agent(env: &Env, owner: &str, agent: &str) -> StoreResult<()> {
    let sql = "DELETE FROM agent_catalogues WHERE owner = ?1 AND agent_id = ?2";
    write(env, sql, &[text(owner), text(agent)]).await?;
    Ok(())
}
