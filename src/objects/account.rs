//! One account of credits: its ledger, its reservations, and what is computed from both.
//!
//! The ledger is the object's own `SQLite`. A call is decided without an await, so calls are serialised, and all
//! writes of a call are committed together before its answer leaves.
//!
//! A call and its answer:
//!
//! ```json
//! {"initial": 0, "call": {"op": "reserve", "id": "01M7…", "amount": 1200}}
//! {"until": 1795202003000, "available": 48800}
//! ```
//!
//! All amounts are millionths of a credit.

use std::cell::RefCell;

use nexus_edge_core::billing::account::{Account as State, Entry, EntryKind, Reserved};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Method, Request, RequestInit, Response, Result, SqlStorage, SqlStorageValue,
    State as ObjectState, durable_object,
};

use crate::platform::now_ms;

/// One account.
#[durable_object(fetch)]
pub struct Account {
    sql: SqlStorage,
    state: RefCell<Option<State>>,
}

/// A call of an account.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Call {
    /// Reserve for a request. Answers a [`Reservation`].
    Reserve { id: String, amount: u64 },
    /// End a reservation without a charge. Answers a [`Standing`].
    Release { id: String },
    /// Append a row unless its id exists already, and end the reservation `ends`. Answers an [`Appended`].
    Append { entry: Box<Entry>, ends: Option<String> },
    /// The balance. Answers a [`Standing`].
    Look,
    /// Rows, newest first. Answers a list of [`Entry`].
    Transactions { filter: Filter },
    /// The sum of charges in a time. Answers a [`Spending`].
    Spending { since: u64, until: u64 },
    /// The same by provider, largest first. Answers a list of [`ProviderSpending`].
    ByProvider { since: u64, until: u64 },
    /// The same in spans of `span_ms` milliseconds. Answers a list of [`Point`].
    Series { since: u64, until: u64, span_ms: u64 },
}

/// A call, with the initial balance of new accounts in millionths of a credit.
#[derive(Serialize, Deserialize)]
struct Envelope {
    initial: u64,
    call: Call,
}

/// A filter of ledger rows.
#[derive(Serialize, Deserialize)]
pub struct Filter {
    /// Only rows from this time on, in milliseconds since the epoch.
    pub since: u64,
    /// Only rows before this time, in milliseconds since the epoch.
    pub until: u64,
    /// Only rows of this kind.
    pub kind: Option<EntryKind>,
    /// Only rows after this one in the list: `<at>:<id>`.
    pub after: Option<String>,
    /// Most rows to return.
    pub limit: u32,
}

/// The result of a reservation.
#[derive(Serialize, Deserialize)]
pub struct Reservation {
    /// When it expires, in milliseconds since the epoch; `None` if the balance does not suffice.
    pub until: Option<u64>,
    /// What can still be reserved, in millionths of a credit.
    pub available: i64,
}

/// The state of an account, in millionths of a credit.
#[derive(Serialize, Deserialize)]
pub struct Standing {
    /// The sum of the ledger.
    pub balance: i64,
    /// The sum of the open reservations.
    pub reserved: u64,
    /// `balance` less `reserved`; negative if a charge exceeded its reservation.
    pub available: i64,
}

/// The result of appending a row.
#[derive(Serialize, Deserialize)]
pub struct Appended {
    /// Whether the row is new.
    pub applied: bool,
    /// The balance after it, in millionths of a credit.
    pub balance: i64,
}

/// The charges in a time.
#[derive(Serialize, Deserialize)]
pub struct Spending {
    /// Their sum, in millionths of a credit.
    pub spent: i64,
    /// Their number.
    pub transactions: u64,
}

/// The charges for requests to one provider.
#[derive(Serialize, Deserialize)]
pub struct ProviderSpending {
    /// The provider; `None` for charges without one.
    pub provider_id: Option<i64>,
    /// One of the names that it had then.
    pub provider_name: Option<String>,
    /// The sum of the charges, in millionths of a credit.
    pub spent: i64,
    /// Their number.
    pub transactions: u64,
    /// Time of the last one, in milliseconds since the epoch.
    pub last_transaction_at: u64,
}

/// The charges in one span.
#[derive(Serialize, Deserialize)]
pub struct Point {
    /// Its beginning, in milliseconds since the epoch.
    /// Their sum, in millionths of a credit.
    pub at: u64,
    /// Their number.
    pub spent: i64,
    pub transactions: u64,
}

#[derive(Deserialize)]
struct Sum {
    sum: f64,
}

#[derive(Deserialize)]
struct ReservationRow {
    id: String,
    amount: f64,
    expires_at: f64,
}

const CREATE: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS entries (id TEXT PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, \
     amount INTEGER NOT NULL, description TEXT NOT NULL, request_id TEXT, key_id TEXT, provider_id INTEGER, \
     provider_name TEXT, model TEXT, tokens INTEGER) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS entries_by_time ON entries (at, id)",
    "CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, amount INTEGER NOT NULL, \
     expires_at INTEGER NOT NULL) WITHOUT ROWID",
];

impl DurableObject for Account {
    fn new(state: ObjectState, _env: Env) -> Self {
        Self { sql: state.storage().sql(), state: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let Ok(Envelope { initial, call }) = serde_json::from_slice(&request.bytes().await?) else {
            return Response::error("not a call", 400);
        };
        Response::ok(self.answer(initial, &call)?)
    }
}

impl Account {
    fn answer(&self, initial: u64, call: &Call) -> Result<String> {
        let now = now_ms();
        let mut held = self.state.borrow_mut();
        // If anything fails, the state in memory is dropped and restored from the database by the next call.
        let mut state = match held.take() {
            Some(state) => state,
            None => self.restore(initial, now)?,
        };
        for id in state.expire(now) {
            self.exec("DELETE FROM reservations WHERE id = ?", vec![id.as_str().into()])?;
        }
        let json = match call {
            Call::Reserve { id, amount } => {
                serde_json::to_string(&self.reserve(&mut state, id, *amount, now)?)?
            }
            Call::Release { id } => {
                self.end(&mut state, id)?;
                serde_json::to_string(&standing(&state, now))?
            }
            Call::Append { entry, ends } => {
                if let Some(id) = ends {
                    self.end(&mut state, id)?;
                }
                let applied = self.append(&mut state, entry)?;
                serde_json::to_string(&Appended { applied, balance: state.balance() })?
            }
            Call::Look => serde_json::to_string(&standing(&state, now))?,
            Call::Transactions { filter } => serde_json::to_string(&self.transactions(filter)?)?,
            Call::Spending { since, until } => serde_json::to_string(&self.spending(*since, *until)?)?,
            Call::ByProvider { since, until } => serde_json::to_string(&self.by_provider(*since, *until)?)?,
            Call::Series { since, until, span_ms } => {
                serde_json::to_string(&self.series(*since, *until, *span_ms)?)?
            }
        };
        *held = Some(state);
        Ok(json)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "written from whole numbers below 2^53"
    )]
    fn restore(&self, initial: u64, now: u64) -> Result<State> {
        for sql in CREATE {
            self.sql.exec(sql, None)?;
        }
        let rows: Vec<ReservationRow> =
            self.rows("SELECT id, amount, expires_at FROM reservations", vec![])?;
        let reserved = rows.into_iter().map(|row| (row.id, row.amount as u64, row.expires_at as u64));
        let sums: Vec<Sum> = self.rows("SELECT COALESCE(SUM(amount), 0) AS sum FROM entries", vec![])?;
        let balance = sums.first().map_or(0, |row| row.sum as i64);
        let mut state = State::restore(balance, reserved);
        if initial > 0 {
            let entry = Entry::credit("initial".into(), now, EntryKind::Initial, initial, String::new());
            self.append(&mut state, &entry)?;
        }
        Ok(state)
    }

    fn reserve(&self, state: &mut State, id: &str, amount: u64, now: u64) -> Result<Reservation> {
        match state.reserve(id, amount, now) {
            Reserved::Until(until) => {
                self.exec(
                    "INSERT OR IGNORE INTO reservations (id, amount, expires_at) VALUES (?, ?, ?)",
                    vec![id.into(), number(amount.cast_signed())?, number(until.cast_signed())?],
                )?;
                Ok(Reservation { until: Some(until), available: state.available(now) })
            }
            Reserved::Insufficient(available) => Ok(Reservation { until: None, available }),
        }
    }

    fn end(&self, state: &mut State, id: &str) -> Result<()> {
        state.release(id);
        self.exec("DELETE FROM reservations WHERE id = ?", vec![id.into()])
    }

    fn append(&self, state: &mut State, entry: &Entry) -> Result<bool> {
        #[derive(Deserialize)]
        struct Found {}
        let found: Vec<Found> =
            self.rows("SELECT id FROM entries WHERE id = ?", vec![entry.id.as_str().into()])?;
        if !found.is_empty() {
            return Ok(false);
        }
        let words = |text: &Option<String>| match text {
            Some(text) => text.as_str().into(),
            None => SqlStorageValue::Null,
        };
        let count = |value: Option<i64>| value.map_or(Ok(SqlStorageValue::Null), number);
        self.exec(
            "INSERT INTO entries (id, at, kind, amount, description, request_id, key_id, provider_id, provider_name, \
             model, tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            ],
        )?;
        state.append(entry.amount);
        Ok(true)
    }

    fn transactions(&self, filter: &Filter) -> Result<Vec<Entry>> {
        let (at, id) = match filter.after.as_deref().and_then(|after| after.split_once(':')) {
            Some((at, id)) => (at.parse().unwrap_or(i64::MAX >> 11), id),
            None => (i64::MAX >> 11, ""),
        };
        self.rows(
            "SELECT * FROM entries WHERE at >= ? AND at < ? AND (? = '' OR kind = ?) AND (at, id) < (?, ?) \
             ORDER BY at DESC, id DESC LIMIT ?",
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

    fn spending(&self, since: u64, until: u64) -> Result<Spending> {
        let found: Vec<Spending> = self.rows(
            "SELECT COALESCE(-SUM(amount), 0) AS spent, COUNT(*) AS transactions FROM entries \
             WHERE kind = 'charge' AND at >= ? AND at < ?",
            vec![number(since.cast_signed())?, number(until.cast_signed())?],
        )?;
        Ok(found.into_iter().next().unwrap_or(Spending { spent: 0, transactions: 0 }))
    }

    fn by_provider(&self, since: u64, until: u64) -> Result<Vec<ProviderSpending>> {
        self.rows(
            "SELECT provider_id, MAX(provider_name) AS provider_name, -SUM(amount) AS spent, COUNT(*) AS transactions, \
             MAX(at) AS last_transaction_at FROM entries WHERE kind = 'charge' AND at >= ? AND at < ? \
             GROUP BY provider_id ORDER BY spent DESC",
            vec![number(since.cast_signed())?, number(until.cast_signed())?],
        )
    }

    fn series(&self, since: u64, until: u64, span_ms: u64) -> Result<Vec<Point>> {
        let span = number(span_ms.max(1).cast_signed())?;
        self.rows(
            "SELECT at / ? * ? AS at, -SUM(amount) AS spent, COUNT(*) AS transactions FROM entries \
             WHERE kind = 'charge' AND at >= ? AND at < ? GROUP BY 1 ORDER BY 1",
            vec![span.clone(), span, number(since.cast_signed())?, number(until.cast_signed())?],
        )
    }

    fn rows<T: DeserializeOwned>(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
        self.sql.exec(sql, Some(values))?.to_array()
    }

    fn exec(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        self.sql.exec(sql, Some(values)).map(|_| ())
    }
}

fn standing(state: &State, now: u64) -> Standing {
    Standing { balance: state.balance(), reserved: state.reserved(now), available: state.available(now) }
}

fn number(value: i64) -> Result<SqlStorageValue> {
    SqlStorageValue::try_from_i64(value)
}

/// Calls the account of this name; `initial` is the balance of a new account, in millionths of a credit.
pub async fn call<T: DeserializeOwned>(env: &Env, name: &str, initial: u64, call: Call) -> Result<T> {
    let body = serde_json::to_string(&Envelope { initial, call })?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&body)));
    let request = Request::new_with_init("http://account/", &init)?;
    let mut response = env.durable_object("ACCOUNT")?.get_by_name(name)?.fetch_with_request(request).await?;
    let text = response.text().await?;
    if response.status_code() != 200 {
        return Err(worker::Error::RustError(format!("the account answers {}", response.status_code())));
    }
    Ok(serde_json::from_str(&text)?)
}
