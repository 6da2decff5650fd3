//! The storage of a hub in its own `SQLite`. Everything is synchronous, and the platform holds back output until the writes
//! before it are durable.
//!
//! A call costs three rows: one while it is open, which is deleted, and one with its end.

use nexus_edge_tunnel::frame::Server;
use nexus_edge_tunnel::hub::{CallRow, EndRow, Link, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Result, SqlStorage, SqlStorageValue};

use crate::platform::rows;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open (id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
  id TEXT PRIMARY KEY, row TEXT NOT NULL, ending TEXT NOT NULL, body TEXT, ended_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (id TEXT NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (id, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS catalogs (server TEXT PRIMARY KEY, sha256 TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
";

/// The tables of one hub.
#[derive(Clone)]
pub struct Tables {
    sql: SqlStorage,
}

#[derive(serde::Deserialize)]
struct Text {
    value: Option<String>,
}

#[derive(serde::Deserialize)]
struct CatalogColumns {
    sha256: String,
    body: String,
}

#[derive(serde::Deserialize)]
struct CallColumns {
    row: String,
    ending: String,
    body: Option<String>,
}

impl Tables {
    /// The tables in this storage.
    pub fn new(sql: SqlStorage) -> Self {
        Self { sql }
    }

    /// Makes the tables.
    pub fn make(&self) -> Result<()> {
        self.sql.exec(SCHEMA, None).map(drop)
    }

    fn run(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        self.sql.exec(query, Some(values)).map(drop)
    }

    fn rows<T: DeserializeOwned>(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
        Ok(rows::read(self.sql.exec(query, Some(values))?.to_array()?, query))
    }

    fn text_of(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Option<String>> {
        let rows: Vec<Text> = self.rows(query, values)?;
        Ok(rows.into_iter().next().and_then(|row| row.value))
    }

    fn fact<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T> {
        let json = self.text_of("SELECT json AS value FROM facts WHERE name = ?", vec![text(name)])?;
        json.map_or_else(|| Ok(T::default()), |json| Ok(serde_json::from_str(&json)?))
    }

    fn set_fact<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<()> {
        let json = serde_json::to_string(value)?;
        self.run("INSERT OR REPLACE INTO facts (name, json) VALUES (?, ?)", vec![text(name), text(&json)])
    }

    /// Tokens that were issued before this time, in milliseconds, do not open a connection.
    pub fn not_before(&self) -> Result<u64> {
        self.fact("not_before")
    }

    /// Sets it.
    pub fn set_not_before(&self, ms: u64) -> Result<()> {
        self.set_fact("not_before", &ms)
    }

    /// Marks a ticket as used; false if it was used before. `until_ms` is when it expires.
    pub fn take_ticket(&self, id: &str, now: u64, until_ms: u64) -> Result<bool> {
        self.run("DELETE FROM tickets WHERE expires_at < ?", vec![integer(now)?])?;
        if self.text_of("SELECT id AS value FROM tickets WHERE id = ?", vec![text(id)])?.is_some() {
            return Ok(false);
        }
        let values = vec![text(id), integer(until_ms)?];
        self.run("INSERT INTO tickets (id, expires_at) VALUES (?, ?)", values)?;
        Ok(true)
    }

    /// A catalogue.
    pub fn catalog(&self, server: &str) -> Result<Option<String>> {
        self.text_of("SELECT body AS value FROM catalogs WHERE server = ?", vec![text(server)])
    }

    /// A catalogue, after the SHA-256 of it.
    pub fn sum_and_catalog(&self, server: &str) -> Result<Option<(String, String)>> {
        let sql = "SELECT sha256, body FROM catalogs WHERE server = ?";
        let found: Vec<CatalogColumns> = self.rows(sql, vec![text(server)])?;
        Ok(found.into_iter().next().map(|columns| (columns.sha256, columns.body)))
    }

    /// A piece of a result.
    pub fn piece(&self, id: &str, n: u32) -> Result<Option<Vec<u8>>> {
        let values = vec![text(id), integer(n.into())?];
        let mut found = self.sql.exec("SELECT bytes FROM pieces WHERE id = ? AND n = ?", Some(values))?.raw();
        let Some(row) = found.next().transpose()? else { return Ok(None) };
        Ok(row.into_iter().find_map(|value| match value {
            SqlStorageValue::Blob(bytes) => Some(bytes),
            _ => None,
        }))
    }

    /// Deletes everything.
    pub fn wipe(&self) -> Result<()> {
        let sql = "DELETE FROM facts; DELETE FROM tickets; DELETE FROM open; DELETE FROM calls; DELETE FROM pieces; DELETE FROM catalogs";
        self.sql.exec(sql, None).map(drop)
    }

    /// Deletes calls that ended before this time; true if some are left.
    pub fn forget(&self, before_ms: u64) -> Result<bool> {
        let before = || Ok::<_, worker::Error>(vec![integer(before_ms)?]);
        self.run("DELETE FROM pieces WHERE id IN (SELECT id FROM calls WHERE ended_ms < ?)", before()?)?;
        self.run("DELETE FROM calls WHERE ended_ms < ?", before()?)?;
        let left = "SELECT id AS value FROM calls UNION ALL SELECT id FROM open LIMIT 1";
        Ok(self.text_of(left, vec![])?.is_some())
    }
}

impl Store for Tables {
    type Error = worker::Error;

    fn link(&self) -> Result<Link> {
        self.fact("link")
    }

    fn set_link(&mut self, link: &Link) -> Result<()> {
        self.set_fact("link", link)
    }

    fn open_calls(&self) -> Result<Vec<CallRow>> {
        let rows: Vec<Text> = self.rows("SELECT json AS value FROM open", vec![])?;
        rows.into_iter().filter_map(|row| row.value).map(|json| Ok(serde_json::from_str(&json)?)).collect()
    }

    fn ended(&self, id: &str) -> Result<Option<(CallRow, EndRow)>> {
        let sql = "SELECT row, ending, body FROM calls WHERE id = ?";
        let rows: Vec<CallColumns> = self.rows(sql, vec![text(id)])?;
        let Some(found) = rows.into_iter().next() else { return Ok(None) };
        let end: EndRow = serde_json::from_str(&found.ending)?;
        Ok(Some((serde_json::from_str(&found.row)?, EndRow { body: found.body, ..end })))
    }

    fn add(&mut self, row: &CallRow) -> Result<()> {
        let json = serde_json::to_string(row)?;
        self.run("INSERT INTO open (id, json) VALUES (?, ?)", vec![text(&row.id), text(&json)])
    }

    fn end(&mut self, row: &CallRow, end: &EndRow) -> Result<()> {
        let without_body = EndRow { body: None, ..end.clone() };
        let values = vec![
            text(&row.id),
            text(&serde_json::to_string(row)?),
            text(&serde_json::to_string(&without_body)?),
            end.body.as_deref().map_or(SqlStorageValue::Null, text),
            integer(end.ended_ms)?,
        ];
        self.run("INSERT INTO calls (id, row, ending, body, ended_ms) VALUES (?, ?, ?, ?, ?)", values)?;
        self.run("DELETE FROM open WHERE id = ?", vec![text(&row.id)])
    }

    fn mark_late(&mut self, id: &str) -> Result<()> {
        self.run(
            "UPDATE calls SET ending = json_set(ending, '$.late', json('true')) WHERE id = ?",
            vec![text(id)],
        )
    }

    fn put_piece(&mut self, id: &str, index: u32, bytes: &[u8]) -> Result<()> {
        let values = vec![text(id), integer(index.into())?, SqlStorageValue::Blob(bytes.to_vec())];
        self.run("INSERT OR REPLACE INTO pieces (id, n, bytes) VALUES (?, ?, ?)", values)
    }

    fn clear_pieces(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM pieces WHERE id = ?", vec![text(id)])
    }

    fn servers(&self) -> Result<Vec<Server>> {
        self.fact("servers")
    }

    fn set_servers(&mut self, servers: &[Server]) -> Result<()> {
        self.set_fact("servers", servers)
    }

    fn catalog_sum(&self, server: &str) -> Result<Option<String>> {
        self.text_of("SELECT sha256 AS value FROM catalogs WHERE server = ?", vec![text(server)])
    }

    fn put_catalog(&mut self, server: &str, sha256: &str, body: &str) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO catalogs (server, sha256, body) VALUES (?, ?, ?)";
        self.run(sql, vec![text(server), text(sha256), text(body)])
    }
}

fn text(value: &str) -> SqlStorageValue {
    SqlStorageValue::String(value.to_owned())
}

fn integer(value: u64) -> Result<SqlStorageValue> {
    SqlStorageValue::try_from_i64(value.cast_signed())
}
