//! Rows of D1 and of the `SQLite` of Durable Objects, read whatever stands in them.

use nexus_edge_core::row::lenient;
use serde::de::DeserializeOwned;
use serde_json::Value;
use worker::js_sys::{Array, Promise};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{D1PreparedStatement, Env, SqlStorage};

use super::log_error;
use super::promise::Awaited;

#[wasm_bindgen(module = "/src/js/rows.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn nexus_batch_rows(env: &JsValue, statements: &Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn nexus_cursor_rows(sql: &JsValue, query: &str, values: &Array) -> Result<Array, JsValue>;
}

/// The rows that can be read. `of` names where they are from, for the log line about the others.
pub fn read<T: DeserializeOwned>(rows: Vec<Value>, of: &str) -> Vec<T> {
    let (readable, unreadable) = lenient::read_all(rows);
    if let Some((count, error)) = unreadable {
        log_error("unreadable rows are left out", &format_args!("{count} of `{of}`: {error}"));
    }
    readable
}

/// Rows as JSON.
#[derive(Default)]
pub struct Texts {
    /// The list of columns; empty without rows.
    pub columns: String,
    /// The list of values of each row.
    pub rows: Vec<String>,
}

impl Texts {
    fn of(texts: &Array) -> Self {
        let mut texts = texts.iter().filter_map(|text| text.as_string());
        Self { columns: texts.next().unwrap_or_default(), rows: texts.collect() }
    }
}

/// The rows of each of some statements, which D1 runs in one transaction.
pub async fn batch_texts(env: &Env, statements: &[D1PreparedStatement]) -> worker::Result<Vec<Texts>> {
    let statements: Array = statements.iter().map(|statement| JsValue::from(statement.inner())).collect();
    let results = Awaited::from(nexus_batch_rows(env.as_ref(), &statements)?).await?;
    Ok(Array::from(&results).iter().map(|texts| Texts::of(texts.unchecked_ref())).collect())
}

/// The rows of a query on the `SQLite` of a Durable Object.
pub fn cursor_texts(sql: &SqlStorage, query: &str, values: &[JsValue]) -> worker::Result<Texts> {
    let values: Array = values.iter().cloned().collect();
    Ok(Texts::of(&nexus_cursor_rows(sql.as_ref(), query, &values)?))
}

/// A value of JSON as a parameter of a statement. `NULL` for a list, an object and a number beyond 2^53.
pub fn parameter(value: &Value) -> JsValue {
    match value {
        Value::String(text) => JsValue::from_str(text),
        Value::Number(number) => number.as_f64().map_or(JsValue::NULL, JsValue::from_f64),
        Value::Bool(value) => JsValue::from_f64(f64::from(u8::from(*value))),
        Value::Null | Value::Array(_) | Value::Object(_) => JsValue::NULL,
    }
}
