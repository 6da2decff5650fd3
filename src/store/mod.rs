//! D1, KV and R2 behind small typed functions. All SQL over D1 is here; the Durable Objects `account`, `quota` and
//! `chat_room` have SQL over their own `SQLite`.

pub mod alerts;
pub mod analytics;
pub mod answers;
pub mod archive;
pub mod audit;
pub mod audit_heads;
pub mod backups;
pub mod bridge;
pub mod bucket;
pub mod configuration;
pub mod console_sessions;
pub mod conversations;
pub mod credits;
pub mod dead_letters;
pub mod deletions;
pub mod dify;
pub mod given;
pub mod identities;
pub mod identity_keys;
pub mod issued;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod live;
pub mod logical_models;
pub mod mcp;
pub mod metrics;
pub mod models;
pub mod notifications;
pub mod origin;
pub mod otlp;
pub mod packs;
pub mod passkeys;
pub mod policies;
pub mod probe_tasks;
pub mod probes;
pub mod provider_keys;
pub mod providers;
pub mod request_log;
pub mod responses;
pub mod scim;
pub mod sessions;
pub mod setup;
pub mod sign_in;
pub mod sign_in_settings;
pub mod snapshot;
pub mod statistics;
pub mod sticky;
pub mod submissions;
pub mod system;
pub mod system_config;
pub mod table;
pub mod teams;
pub mod tool_calls;
pub mod toolsets;
pub mod usage;
pub mod usage_queue;
pub mod users;
pub mod versions;
pub mod webhooks;

use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_stats::sql::{Parameter, Statement};
use serde::de::DeserializeOwned;
use thiserror::Error;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, D1Result, Env};

use crate::platform::gzip::GzipError;
use crate::platform::log_error;

/// Errors of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A unique name is taken; the field that contains it.
    #[error("`{0}` is taken")]
    Taken(&'static str),
    /// The platform failed.
    #[error("{0}")]
    Platform(String),
    /// What R2 has is not what was written there; the object, and what is wrong with it.
    #[error("{0}")]
    Damaged(String),
}

impl From<worker::Error> for StoreError {
    fn from(error: worker::Error) -> Self {
        Self::Platform(error.to_string())
    }
}

impl From<worker::kv::KvError> for StoreError {
    fn from(error: worker::kv::KvError) -> Self {
        Self::Platform(error.to_string())
    }
}

impl From<GzipError> for StoreError {
    fn from(error: GzipError) -> Self {
        Self::Platform(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Platform(error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(field) => {
                ApiError::conflict("name_taken", field, format!("Another record has this `{field}` already."))
            }
            StoreError::Platform(_) => {
                log_error("store", &error);
                ApiError::internal()
            }
            StoreError::Damaged(what) => {
                log_error("a pack is damaged", &what);
                let message = format!("A part of what is stored cannot be read: {what}.");
                ApiError::new(500, ErrorKind::Server, "pack_damaged", message)
            }
        }
    }
}

/// The result of a store function.
pub type StoreResult<T> = Result<T, StoreError>;

fn database(env: &Env) -> StoreResult<D1Database> {
    Ok(env.d1("DB")?)
}

/// A statement with its parameters bound.
fn statement(database: &D1Database, sql: &str, parameters: &[JsValue]) -> StoreResult<D1PreparedStatement> {
    let statement = database.prepare(sql);
    Ok(if parameters.is_empty() { statement } else { statement.bind(parameters)? })
}

async fn rows<T: DeserializeOwned>(env: &Env, sql: &str, parameters: &[JsValue]) -> StoreResult<Vec<T>> {
    let result = statement(&database(env)?, sql, parameters)?.all().await?;
    if let Some(error) = result.error() {
        return Err(StoreError::Platform(error));
    }
    Ok(read(&result, sql)?)
}

/// The rows of a result that can be read; `of` says whose they are.
fn read<T: DeserializeOwned>(result: &D1Result, of: &str) -> worker::Result<Vec<T>> {
    Ok(crate::platform::rows::read(result.results()?, of))
}

/// The rows of a statement about statistics or the request log.
async fn run<T: DeserializeOwned>(env: &Env, statement: &Statement) -> StoreResult<Vec<T>> {
    rows(env, &statement.sql, &bound(statement)).await
}

/// A statement about statistics or the request log, to be run with others.
fn prepare(database: &D1Database, of: &Statement) -> StoreResult<D1PreparedStatement> {
    statement(database, &of.sql, &bound(of))
}

fn bound(statement: &Statement) -> Vec<JsValue> {
    let value = |parameter: &Parameter| match parameter {
        Parameter::Text(value) => text(value),
        Parameter::Number(value) => unsigned(*value),
    };
    statement.parameters.iter().map(value).collect()
}

async fn row<T: DeserializeOwned>(env: &Env, sql: &str, parameters: &[JsValue]) -> StoreResult<Option<T>> {
    Ok(rows(env, sql, parameters).await?.into_iter().next())
}

/// Runs a statement that writes; the number of rows that it changed and the id of a new row.
async fn write(env: &Env, sql: &str, parameters: &[JsValue]) -> StoreResult<Written> {
    let result = statement(&database(env)?, sql, parameters)?.run().await?;
    let meta = result.meta()?;
    Ok(Written {
        changes: meta.as_ref().and_then(|meta| meta.changes).unwrap_or_default(),
        last_row_id: meta.and_then(|meta| meta.last_row_id).unwrap_or_default(),
    })
}

struct Written {
    changes: usize,
    last_row_id: i64,
}

/// Turns the database's error about a violated unique index into one that names the field.
fn taken_if_unique(error: StoreError, field: &'static str) -> StoreError {
    match error {
        StoreError::Platform(reason) if reason.contains("UNIQUE constraint failed") => {
            StoreError::Taken(field)
        }
        other => other,
    }
}

/// A whole number as D1 accepts it: it has no 64-bit integers, and all of ours are below 2^53.
#[expect(clippy::cast_precision_loss, reason = "ids and times are below 2^53")]
fn integer(value: i64) -> JsValue {
    JsValue::from_f64(value as f64)
}

fn unsigned(value: u64) -> JsValue {
    integer(value.cast_signed())
}

fn flag(value: bool) -> JsValue {
    JsValue::from_f64(f64::from(u8::from(value)))
}

fn text(value: &str) -> JsValue {
    JsValue::from_str(value)
}

/// `NULL` for `None`: D1 refuses `undefined`.
fn nullable<T>(value: Option<T>, convert: impl FnOnce(T) -> JsValue) -> JsValue {
    value.map_or(JsValue::NULL, convert)
}
