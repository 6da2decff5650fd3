//! The tables of an account, in the object's own `SQLite`. Everything here is synchronous.

use nexus_edge_core::billing::account::{Account as State, Entry, EntryKind};
use nexus_edge_core::billing::journal::{BY_RESERVATION, Charged, Note, charge_id};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{Result, SqlStorage, SqlStorageValue};

use crate::platform::rows;

use super::super::account::{Filter, Point, ProviderSpending, Spending};

/// The notes came later than the tables: an account of an earlier release gets their columns when it is loaded.
const CREATE: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS entries (id TEXT PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, \
     amount INTEGER NOT NULL, description TEXT NOT NULL, request_id TEXT, key_id TEXT, provider_id INTEGER, \
     provider_name TEXT, model TEXT, tokens INTEGER, note TEXT) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS entries_by_time ON entries (at, id)",
    "CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, amount INTEGER NOT NULL, \
     expires_at INTEGER NOT NULL, note TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS compared (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL, \
     id TEXT NOT NULL)",
];
/// Tables whose column `note` may be missing.
const NOTED: [&str; 2] = ["entries", "reservations"];
const COLUMNS: &str =
    "id, at, kind, amount, description, request_id, key_id, provider_id, provider_name, model, tokens";

/// The tables of one account.
pub struct Tables {
    sql: SqlStorage,
}

/// A charge that has not been compared with the request log.
#[derive(Deserialize)]
pub struct Uncompared {
    /// The row.
    #[serde(flatten)]
    pub entry: Entry,
    /// Its note as JSON; rows of earlier releases have none.
    pub note: Option<String>,
}

/// An open reservation.
#[derive(Deserialize)]
pub struct Open {
    /// Id of the request's usage event.
    pub id: String,
    /// Millionths of a credit.
    pub amount: f64,
    /// When it expires, in milliseconds since the epoch.
    pub expires_at: f64,
    /// Its note as JSON; reservations of earlier releases have none.
    pub note: Option<String>,
}

#[derive(Deserialize)]
struct Sum {
    sum: f64,
}

#[derive(Deserialize)]
struct Count {
    count: f64,
}

#[derive(Deserialize)]
struct Place {
    at: f64,
    id: String,
}

impl Tables {
    /// The tables in this storage. They are made by [`Tables::restore`].
    pub fn new(sql: SqlStorage) -> Self {
        Self { sql }
    }

    /// Makes the tables of a new account, and what those of an earlier release lack.
    pub fn make(&self) -> Result<()> {
        for sql in CREATE {
            self.sql.exec(sql, None)?;
        }
        for table in NOTED {
            let found: Vec<Count> = self.rows(
                "SELECT COUNT(*) AS count FROM sqlite_master WHERE type = 'table' AND name = ? AND sql LIKE '%note TEXT%'",
                vec![table.into()],
            )?;
            if found.first().is_none_or(|row| row.count == 0.0) {
                self.sql.exec(&format!("ALTER TABLE {table} ADD COLUMN note TEXT"), None)?;
            }
        }
        Ok(())
    }

    /// The state of the account; makes the tables first if it is new.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "written from whole numbers below 2^53"
    )]
    pub fn restore(&self) -> Result<State> {
        self.make()?;
        let rows: Vec<Open> =
            self.rows("SELECT id, amount, expires_at, NULL AS note FROM reservations", vec![])?;
        let reserved = rows.into_iter().map(|row| (row.id, row.amount as u64, row.expires_at as u64));
        let sums: Vec<Sum> =
            self.rows("SELECT CAST(TOTAL(amount) AS INTEGER) AS sum FROM entries", vec![])?;
        Ok(State::restore(sums.first().map_or(0, |row| row.sum as i64), reserved))
    }

    /// Stores a reservation, or raises its amount.
    pub fn reserve(&self, id: &str, amount: u64, expires: u64, note: &Note) -> Result<()> {
        self.exec(
            "INSERT INTO reservations (id, amount, expires_at, note) VALUES (?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET amount = excluded.amount WHERE excluded.amount > amount",
            vec![
                id.into(),
                number(amount.cast_signed())?,
                number(expires.cast_signed())?,
                serde_json::to_string(note)?.as_str().into(),
            ],
        )
    }

    /// Deletes a reservation.
    pub fn release(&self, id: &str) -> Result<()> {
        self.exec("DELETE FROM reservations WHERE id = ?", vec![id.into()])
    }

    /// The charge of the request whose usage event has this id, if there is one.
    pub fn charged(&self, id: &str) -> Result<Option<Charged>> {
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE id = ?");
        let found: Vec<Entry> = self.rows(&sql, vec![charge_id(id).as_str().into()])?;
        Ok(found
            .into_iter()
            .next()
            .map(|row| Charged { amount: row.amount, is_by_reservation: row.description == BY_RESERVATION }))
    }

    /// Appends a row unless its id exists already; true if it did not.
    pub fn append(&self, entry: &Entry, note: Option<&Note>) -> Result<bool> {
        #[derive(Deserialize)]
        struct Found {}
        let found: Vec<Found> =
            self.rows("SELECT id FROM entries WHERE id = ?", vec![entry.id.as_str().into()])?;
        if !found.is_empty() {
            return Ok(false);
        }
        let words = |text: &Option<String>| text.as_deref().map_or(SqlStorageValue::Null, Into::into);
        let count = |value: Option<i64>| value.map_or(Ok(SqlStorageValue::Null), number);
        let note = note.map(serde_json::to_string).transpose()?;
        let sql =
            format!("INSERT INTO entries ({COLUMNS}, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        self.exec(
            &sql,
            vec![
                entry.id.as_str().into(),
                number(entry.at.cast_signed())?,
                entry.kind.name().into(),
                number(entry.amount)?,
                entry.description.as_str().into(),
                words(&entry.request_id),
                words(&entry.key_id),
                count(entry.provider_id)?,
                words(&entry.provider_name),
                words(&entry.model),
                count(entry.tokens.map(u64::cast_signed))?,
                words(&note),
            ],
        )?;
        Ok(true)
    }

    /// The oldest charges before `until` that have not been compared with the request log, at most `limit`.
    pub fn uncompared(&self, until: u64, limit: u32) -> Result<Vec<Uncompared>> {
        let place: Vec<Place> = self.rows("SELECT at, id FROM compared", vec![])?;
        let (at, id) = place.first().map_or((0.0, ""), |place| (place.at, place.id.as_str()));
        let sql = format!(
            "SELECT {COLUMNS}, note FROM entries WHERE (at, id) > (?, ?) AND at < ? AND kind = 'charge' \
             ORDER BY at, id LIMIT ?"
        );
        self.rows(&sql, vec![at.into(), id.into(), number(until.cast_signed())?, number(i64::from(limit))?])
    }

    /// Notes that all charges up to this one have been compared.
    pub fn note_compared(&self, last: &Entry) -> Result<()> {
        self.exec(
            "INSERT OR REPLACE INTO compared (one, at, id) VALUES (1, ?, ?)",
            vec![number(last.at.cast_signed())?, last.id.as_str().into()],
        )
    }

    /// Whether there is a charge that has not been compared.
    pub fn has_uncompared(&self) -> Result<bool> {
        Ok(!self.uncompared(1 << 52, 1)?.is_empty())
    }

    /// The open reservations that expire before `until`, the first ones first, at most `limit`.
    pub fn open(&self, until: u64, limit: u32) -> Result<Vec<Open>> {
        self.rows(
            "SELECT id, amount, expires_at, note FROM reservations WHERE expires_at < ? ORDER BY expires_at LIMIT ?",
            vec![number(until.cast_signed())?, number(i64::from(limit))?],
        )
    }

    /// Rows, newest first.
    pub fn transactions(&self, filter: &Filter) -> Result<Vec<Entry>> {
        let (at, id) = match filter.after.as_deref().and_then(|after| after.split_once(':')) {
            Some((at, id)) => (at.parse().unwrap_or(i64::MAX >> 11), id),
            None => (i64::MAX >> 11, ""),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM entries WHERE at >= ? AND at < ? AND (? = '' OR kind = ?) AND (at, id) < (?, ?) \
             ORDER BY at DESC, id DESC LIMIT ?"
        );
        self.rows(
            &sql,
            vec![
                number(filter.since.cast_signed())?,
                number(filter.until.cast_signed())?,
                filter.kind.map_or("", EntryKind::name).into(),
                filter.kind.map_or("", EntryKind::name).into(),
                number(at)?,
                id.into(),
                number(i64::from(filter.limit))?,
            ],
        )
    }

    /// The sum of charges in a time.
    pub fn spending(&self, since: u64, until: u64) -> Result<Spending> {
        let found: Vec<Spending> = self.rows(
            "SELECT CAST(-TOTAL(amount) AS INTEGER) AS spent, COUNT(*) AS transactions FROM entries \
             WHERE kind = 'charge' AND at >= ? AND at < ?",
            vec![number(since.cast_signed())?, number(until.cast_signed())?],
        )?;
        Ok(found.into_iter().next().unwrap_or(Spending { spent: 0, transactions: 0 }))
    }

    /// The same by provider, largest first.
    pub fn by_provider(&self, since: u64, until: u64) -> Result<Vec<ProviderSpending>> {
        self.rows(
            "SELECT provider_id, MAX(provider_name) AS provider_name, CAST(-TOTAL(amount) AS INTEGER) AS spent, COUNT(*) AS transactions, \
             MAX(at) AS last_transaction_at FROM entries WHERE kind = 'charge' AND at >= ? AND at < ? \
             GROUP BY provider_id ORDER BY spent DESC",
            vec![number(since.cast_signed())?, number(until.cast_signed())?],
        )
    }

    /// The same in spans of `span_ms` milliseconds. Numbers are bound as `REAL`, by which a division would not round down.
    pub fn series(&self, since: u64, until: u64, span_ms: u64) -> Result<Vec<Point>> {
        let span = number(span_ms.max(1).cast_signed())?;
        self.rows(
            "SELECT at / CAST(? AS INTEGER) * CAST(? AS INTEGER) AS at, CAST(-TOTAL(amount) AS INTEGER) AS spent, COUNT(*) AS transactions FROM entries \
             WHERE kind = 'charge' AND at >= ? AND at < ? GROUP BY 1 ORDER BY 1",
            vec![span.clone(), span, number(since.cast_signed())?, number(until.cast_signed())?],
        )
    }

    fn rows<T: DeserializeOwned>(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
        Ok(rows::read(self.sql.exec(sql, Some(values))?.to_array()?, sql))
    }

    fn exec(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        self.sql.exec(sql, Some(values)).map(|_| ())
    }
}

fn number(value: i64) -> Result<SqlStorageValue> {
    SqlStorageValue::try_from_i64(value)
}
