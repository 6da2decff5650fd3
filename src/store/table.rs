//! Rows of the tables that [`nexus_edge_core::row::table`] declares.

use nexus_edge_core::row::table::{self, SqlValue, Statement, Table};
use worker::Env;
use worker::wasm_bindgen::JsValue;

use super::{StoreResult, Written, integer, row, rows, taken_if_unique, text, write};

/// Every record, by id.
pub async fn list<R: Table>(env: &Env) -> StoreResult<Vec<R>> {
    rows(env, &format!("SELECT * FROM {} ORDER BY {}", R::TABLE, R::ID.name), &[]).await
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
