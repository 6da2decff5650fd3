//! Rows of the tables that [`nexus_edge_core::row::table`] declares.

use nexus_edge_core::access::person::Scope;
use nexus_edge_core::row::table::{self, SqlValue, Statement, Table};
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, Env};

use super::{StoreResult, Written, integer, row, rows, taken_if_unique, text, write};

/// Every record, by id.
pub async fn list<R: Table>(env: &Env) -> StoreResult<Vec<R>> {
    rows(env, &format!("SELECT * FROM {} ORDER BY {}", R::TABLE, R::ID.name), &[]).await
}

/// The records of a scope, by id, of a table with a column `owner`.
pub async fn list_of<R: Table>(env: &Env, scope: &Scope) -> StoreResult<Vec<R>> {
    let Scope::Owners(owners) = scope else { return list(env).await };
    let sql = format!(
        "SELECT * FROM {} WHERE owner IN (SELECT value FROM json_each(?1)) ORDER BY {}",
        R::TABLE,
        R::ID.name
    );
    rows(env, &sql, &[text(&serde_json::to_string(owners)?)]).await
}

/// The record with this id.
pub async fn find<R: Table>(env: &Env, id: impl RowId) -> StoreResult<Option<R>> {
    let sql = format!("SELECT * FROM {} WHERE {} = ?1", R::TABLE, R::ID.name);
    row(env, &sql, &[id.bound()]).await
}

/// Adds a record, with `besides` for columns that the record does not carry, and gives the id where the database makes it.
pub async fn insert<R: Table>(env: &Env, record: &R, besides: &[(&str, &str)]) -> StoreResult<i64> {
    Ok(run::<R>(env, &table::insert(record, besides)).await?.last_row_id)
}

/// Adds a record while fewer than `most` rows have its value in `column`, of those for which `counted` holds; `None` if there
/// are as many.
pub async fn insert_below<R: Table>(
    env: &Env,
    record: &R,
    column: &str,
    counted: &str,
    most: u32,
) -> StoreResult<Option<i64>> {
    let written = run::<R>(env, &table::insert_below(record, column, counted, most)).await?;
    Ok((written.changes > 0).then_some(written.last_row_id))
}

/// Writes a changed record; false if it is gone or no longer at the version that the change is based on.
pub async fn update<R: Table>(env: &Env, record: &R, read_at: u64) -> StoreResult<bool> {
    Ok(run::<R>(env, &table::update(record, read_at)).await?.changes > 0)
}

/// Deletes the record with this id; false if there is none.
pub async fn delete<R: Table>(env: &Env, id: impl RowId) -> StoreResult<bool> {
    let sql = format!("DELETE FROM {} WHERE {} = ?1", R::TABLE, R::ID.name);
    Ok(write(env, &sql, &[id.bound()]).await?.changes > 0)
}

/// What identifies a row.
pub trait RowId {
    /// The id as it is bound.
    fn bound(self) -> JsValue;
}

impl RowId for i64 {
    fn bound(self) -> JsValue {
        integer(self)
    }
}

impl RowId for &str {
    fn bound(self) -> JsValue {
        text(self)
    }
}

/// A statement that is run with others.
pub(super) fn prepare(database: &D1Database, of: &Statement<'_>) -> StoreResult<D1PreparedStatement> {
    let parameters: Vec<JsValue> = of.parameters.iter().map(bound).collect();
    super::statement(database, &of.sql, &parameters)
}

async fn run<R: Table>(env: &Env, statement: &Statement<'_>) -> StoreResult<Written> {
    let parameters: Vec<JsValue> = statement.parameters.iter().map(bound).collect();
    write(env, &statement.sql, &parameters).await.map_err(|error| taken_if_unique(error, R::UNIQUE))
}

fn bound(value: &SqlValue<'_>) -> JsValue {
    match value {
        SqlValue::Null => JsValue::NULL,
        SqlValue::Integer(number) => integer(*number),
        SqlValue::Text(words) => text(words),
    }
}
