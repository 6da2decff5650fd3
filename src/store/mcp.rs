//! What is kept of servers of tools, and the names of their tools. The servers themselves are a [`super::table`].

use nexus_edge_mcp::kept::Kept;
use nexus_edge_mcp::naming::Target;
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, database, row, rows, statement, text, write};

/// Bytes of what is kept of one server: a row of D1 has at most 2 MB.
pub const MAX_KEPT_BYTES: usize = 1_500_000;

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

/// All aliases.
pub async fn aliases(env: &Env) -> StoreResult<Vec<(String, Target)>> {
    #[derive(Deserialize)]
    struct Row {
        alias: String,
        server: String,
        tool: String,
    }
    let found: Vec<Row> = rows(env, "SELECT alias, server, tool FROM tool_aliases", &[]).await?;
    let target = |row: Row| (row.alias, Target { agent: None, server: row.server, tool: row.tool });
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
