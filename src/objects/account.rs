//! One account of credits: the ledger, what is reserved, and what can be read off both.
//!
//! The ledger is the object's own `SQLite`; a call is decided without waiting for anything, so calls are decided one after
//! the other, and what a call writes is written as a whole before its answer leaves.

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

/// What is asked of an account.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Call {
    /// Reserve for a request. Answers a [`Reservation`].
    Reserve { id: String, amount: u64 },
    /// End a reservation without a charge. Answers a [`Standing`].
    Release { id: String },
    /// Append a row unless it is there already, and end the reservation that it charges. Answers an [`Appended`].
    Append { entry: Box<Entry>, ends: Option<String> },
    /// Answers a [`Standing`].
    Look,
    /// Rows, newest first. Answers a list of [`Entry`].
    Transactions { filter: Filter },
    /// What was charged in a time. Answers a [`Spending`].
    Spending { since: u64, until: u64 },
    /// The same by provider, most first. Answers a list of [`ProviderSpending`].
    ByProvider { since: u64, until: u64 },
    /// The same by spans of so many milliseconds. Answers a list of [`Point`].
    Series { since: u64, until: u64, span_ms: u64 },
}

/// A question with what every account begins with, in millionths of a credit.
#[derive(Serialize, Deserialize)]
struct Envelope {
    initial: u64,
    call: Call,
}

/// Which rows.
#[derive(Serialize, Deserialize)]
pub struct Filter {
    /// Only those from then on, in milliseconds since the epoch.
    pub since: u64,
    /// Only those before then.
    pub until: u64,
    /// Only those of this kind.
    pub kind: Option<EntryKind>,
    /// Only those after this one in the list: `<at>:<id>`.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// What a reservation came to.
#[derive(Serialize, Deserialize)]
pub struct Reservation {
    /// Until when it stands; `None` if there is not enough.
    pub until: Option<u64>,
    /// What may still be reserved.
    pub available: i64,
}

/// How an account stands, in millionths of a credit.
#[derive(Serialize, Deserialize)]
pub struct Standing {
    pub balance: i64,
    pub reserved: u64,
    pub available: i64,
}

/// What appending came to.
#[derive(Serialize, Deserialize)]
pub struct Appended {
    /// Whether the row is new.
    pub applied: bool,
    pub balance: i64,
}

/// What was charged.
#[derive(Serialize, Deserialize)]
pub struct Spending {
    pub spent: i64,
    pub transactions: u64,
}

/// What was charged for the requests of one provider.
#[derive(Serialize, Deserialize)]
pub struct ProviderSpending {
    pub provider_id: Option<i64>,
    pub provider_name: Option<String>,
    pub spent: i64,
    pub transactions: u64,
    pub last_transaction_at: u64,
}

/// What was charged in one span.
#[derive(Serialize, Deserialize)]
pub struct Point {
    /// Its beginning, in milliseconds since the epoch.
    pub at: u64,
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
        // If anything fails, the object forgets what it holds in memory and starts from what is stored.
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

/// Calls the account of this name; `initial` is what an account begins with, in millionths of a credit.
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
