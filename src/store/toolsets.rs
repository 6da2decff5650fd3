//! Sets of tools by their names. As records they are a [`super::table`].

use nexus_edge_core::catalog::ToolsetRecord;
use worker::Env;

use super::{StoreResult, row, text};

/// The set of this name that the keys of an owner have: the owner's own, or one that is open to all keys.
pub async fn named(env: &Env, owner: Option<&str>, name: &str) -> StoreResult<Option<ToolsetRecord>> {
    let sql = "SELECT * FROM toolsets WHERE name = ?1 AND COALESCE(owner, '') IN (?2, '') ORDER BY owner IS NULL LIMIT 1";
    row(env, sql, &[text(name), text(owner.unwrap_or_default())]).await
}
