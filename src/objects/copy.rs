//! Copies of the tables of an object: for a backup, and from one.
//!
//! An object of a class of [`CLASSES`] answers three calls besides its own:
//!
//! - `POST /copy/read`, a [`Read`]: lines of `nexus_edge_backups`, then as the last line the place from where the next call goes
//!   on, or `null`. One answer is of one instant.
//! - `POST /copy/clear`: its tables are emptied.
//! - `POST /copy/write`, lines: their rows are written, a row that is there already is replaced.
//!
//! An object that was never used is not made by a read.

use std::collections::BTreeSet;

use nexus_edge_backups::dump::{Place, keyset};
use nexus_edge_backups::line::{Line, Owner, key_of, lines};
use nexus_edge_backups::restore::{PARAMETER_BYTES, insert};
use nexus_edge_backups::tables::Class;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use worker::wasm_bindgen::JsValue;
use worker::{Env, Error, Method, Request, RequestInit, Result, SqlStorage};

use crate::platform::rows::{cursor_texts, parameter};

/// Rows of a query.
const PAGE: u64 = 500;
/// Bytes of lines after which an answer ends.
const ANSWER_BYTES: usize = 1 << 20;
/// The beginning of the paths of these calls.
pub const PATH: &str = "/copy/";

/// What is to be read.
#[derive(Serialize, Deserialize)]
pub struct Read {
    /// The name of the object, which its lines carry.
    pub name: String,
    /// From where the answer goes on; `None` for the first one.
    pub from: Option<Place>,
}

/// What an object does after a call.
pub enum Copied {
    /// Nothing: it was read.
    Read(String),
    /// Its tables are other ones now, and what it remembers of them is to be dropped.
    Changed,
}

/// Answers a call. `make` makes the tables, also those that an earlier release did not have.
pub fn answer(
    sql: &SqlStorage,
    class: &Class,
    path: &str,
    body: &[u8],
    make: impl FnOnce() -> Result<()>,
) -> Result<Copied> {
    match path.strip_prefix(PATH) {
        Some("read") => read(sql, class, &serde_json::from_slice(body)?).map(Copied::Read),
        Some("clear") => {
            for (table, _) in class.tables {
                if has_table(sql, table)? {
                    sql.exec(&format!("DELETE FROM {table}"), None)?;
                }
            }
            Ok(Copied::Changed)
        }
        Some("write") => {
            make()?;
            for line in String::from_utf8_lossy(body).lines() {
                write(sql, class, &Line::read(line).map_err(Error::RustError)?)?;
            }
            Ok(Copied::Changed)
        }
        _ => Err(Error::RustError("unknown call".into())),
    }
}

fn has_table(sql: &SqlStorage, name: &str) -> Result<bool> {
    let query = "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = ?";
    Ok(!cursor_texts(sql, query, &[JsValue::from_str(name)])?.rows.is_empty())
}

fn read(sql: &SqlStorage, class: &Class, asked: &Read) -> Result<String> {
    let owner = Some(Owner { class: class.binding, name: &asked.name });
    let mut answer = String::new();
    let begin = asked.from.as_ref().map(|place| place.table.as_str());
    let tables = class.tables.iter().skip_while(|(table, _)| begin.is_some_and(|begin| begin != *table));
    for (table, key) in tables {
        if !has_table(sql, table)? {
            continue;
        }
        let from = asked.from.as_ref().filter(|place| place.table == *table);
        let mut after = from.map(|place| place.after.clone()).unwrap_or_default();
        loop {
            if answer.len() >= ANSWER_BYTES {
                let place = Place { table: (*table).to_owned(), after };
                return Ok(format!("{answer}{}", serde_json::to_string(&place)?));
            }
            let (query, parameters) = keyset(table, key, &after, PAGE);
            let parameters: Vec<JsValue> = parameters.iter().map(parameter).collect();
            let page = cursor_texts(sql, &query, &parameters)?;
            let Some(last) = page.rows.last() else { break };
            after = key_of(&page.columns, last, key);
            let is_first = asked.from.is_none() && answer.is_empty();
            for line in lines(owner, is_first, table, &page.columns, &page.rows) {
                answer.push_str(&line);
                answer.push('\n');
            }
            if (page.rows.len() as u64) < PAGE {
                break;
            }
        }
    }
    answer.push_str("null");
    Ok(answer)
}

fn write(sql: &SqlStorage, class: &Class, line: &Line<'_>) -> Result<()> {
    let Some((table, _)) = class.tables.iter().find(|(name, _)| *name == line.table) else { return Ok(()) };
    let columns = cursor_texts(sql, &format!("PRAGMA table_info({table})"), &[])?;
    let (mut known, mut key) = (BTreeSet::new(), Vec::new());
    for row in &columns.rows {
        let fields = key_of(&columns.columns, row, &["name", "pk"]);
        if let [Value::String(name), place] = fields.as_slice() {
            known.insert(name.clone());
            if let Some(place) = place.as_u64().filter(|place| *place > 0) {
                key.push((place, name.clone()));
            }
        }
    }
    key.sort();
    let key: Vec<&str> = key.iter().map(|(_, name)| name.as_str()).collect();
    let Some(insert) = insert(table, &key, &line.columns, &known) else { return Ok(()) };
    if line.rows.get().len() <= PARAMETER_BYTES {
        sql.exec_raw(&insert.of_list, vec![JsValue::from_str(line.rows.get())])?;
        return Ok(());
    }
    for row in line.each_row().map_err(Error::RustError)? {
        let values: Vec<Value> = serde_json::from_str(row.get())?;
        let bound = insert.places.iter().map(|place| parameter(values.get(*place).unwrap_or(&Value::Null)));
        sql.exec_raw(&insert.of_row, bound.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Reads an object: its lines, and from where the next call goes on.
pub async fn read_object(env: &Env, class: &Class, read: &Read) -> Result<(String, Option<Place>)> {
    let answer = call(env, class.binding, &read.name, "read", &serde_json::to_string(read)?).await?;
    let (lines, next) = answer.rsplit_once('\n').unwrap_or(("", &answer));
    Ok((lines.to_owned(), serde_json::from_str(next)?))
}

/// Empties the tables of an object.
pub async fn clear_object(env: &Env, class: &str, name: &str) -> Result<()> {
    call(env, class, name, "clear", "").await.map(drop)
}

/// Writes lines into an object.
pub async fn write_object(env: &Env, class: &str, name: &str, lines: &str) -> Result<()> {
    call(env, class, name, "write", lines).await.map(drop)
}

async fn call(env: &Env, class: &str, name: &str, what: &str, body: &str) -> Result<String> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(body)));
    let request = Request::new_with_init(&format!("http://object{PATH}{what}"), &init)?;
    let mut response = env.durable_object(class)?.get_by_name(name)?.fetch_with_request(request).await?;
    let text = response.text().await?;
    if response.status_code() != 200 {
        return Err(Error::RustError(format!("an object answers {}", response.status_code())));
    }
    Ok(text)
}
