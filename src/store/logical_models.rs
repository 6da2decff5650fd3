//! Logical models in D1, besides what [`super::table`] does.

use nexus_edge_core::catalog::LogicalModelRecord;
use worker::Env;

use super::{StoreResult, row, text};

/// The logical model with this name.
pub async fn find_by_name(env: &Env, name: &str) -> StoreResult<Option<LogicalModelRecord>> {
    row(env, "SELECT * FROM logical_models WHERE name = ?1", &[text(name)]).await
}
