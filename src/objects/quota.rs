//! The authority over the limits of one subject. All locations ask the same object, so a limit holds globally.
//!
//! Counts are held in memory and in the object's own `SQLite`, which is written before the answer leaves, so that an
//! evicted object continues where it stopped. The limits themselves come with every request: a changed configuration
//! takes effect with the next one.
//!
//! `POST /ask` and its answer, for a key with 100 requests a minute (types: `nexus_edge_core::limits::sync`):
//!
//! ```json
//! {"rules": {"counted": [{"k": "requests_per_minute", "l": 100}]}, "need": {"r": 1}, "extra": {"r": 12}}
//! {"at": 1795200203000, "lease_ms": 2000, "granted": {"r": 13}, "slots": 0,
//!  "meters": [{"kind": "requests_per_minute", "limit": 100, "used": 13, "reset_ms": 60000}]}
//! ```

use std::cell::{Cell, RefCell};

use nexus_edge_backups::tables::class;
use nexus_edge_core::limits::authority::Changes;
use nexus_edge_core::limits::meter::Counter;
use nexus_edge_core::limits::rules::RuleKind;
use nexus_edge_core::limits::{Ask, Authority, Reply};
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Method, Request, RequestInit, Response, Result, SqlStorage, SqlStorageValue, State,
    durable_object,
};

use super::copy::{self, Copied};
use crate::platform::rows;
use crate::platform::{log_error, now_ms};

/// One limited subject.
#[durable_object(fetch)]
pub struct Quota {
    sql: SqlStorage,
    authority: RefCell<Option<Authority>>,
    /// Number of asks since the object was last loaded.
    asked: Cell<u64>,
}

#[derive(Deserialize)]
struct CounterRow {
    rule: String,
    slice: f64,
    count: f64,
}

#[derive(Deserialize)]
struct SlotRow {
    slot: String,
    expires_at: f64,
}

/// The counts of a subject, for the admin API.
#[derive(Debug, Serialize, Deserialize)]
pub struct Look {
    /// What is counted.
    pub reply: Reply,
    /// Asks of isolates since the object was last loaded.
    pub asked: u64,
}

impl DurableObject for Quota {
    fn new(state: State, _env: Env) -> Self {
        Self { sql: state.storage().sql(), authority: RefCell::new(None), asked: Cell::new(0) }
    }

    /// `POST /ask` with an [`Ask`] answers a [`Reply`]; `POST /look` answers a [`Look`] and does not count as an ask. Others are
    /// those of [`copy`].
    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let body = request.bytes().await?;
        if path.starts_with(copy::PATH) {
            return self.copy(&path, &body);
        }
        let Ok(ask) = serde_json::from_slice::<Ask>(&body) else {
            return Response::error("not a question", 400);
        };
        let json = match path.as_str() {
            "/ask" => {
                self.asked.set(self.asked.get() + 1);
                serde_json::to_string(&self.answer(&ask)?)?
            }
            "/look" => serde_json::to_string(&Look { reply: self.answer(&ask)?, asked: self.asked.get() })?,
            _ => return Response::error("unknown request", 404),
        };
        Response::ok(json)
    }
}

impl Quota {
    fn copy(&self, path: &str, body: &[u8]) -> Result<Response> {
        let class = class("QUOTA").ok_or_else(|| worker::Error::RustError("not dumped".into()))?;
        match copy::answer(&self.sql, class, path, body, || self.make())? {
            Copied::Read(lines) => Response::ok(lines),
            Copied::Changed => {
                self.authority.take();
                Response::ok("")
            }
        }
    }

    /// There is no await in here, so that asks are decided one after the other.
    fn answer(&self, ask: &Ask) -> Result<Reply> {
        let mut held = self.authority.borrow_mut();
        let mut authority = match held.take() {
            Some(authority) => authority,
            None => self.restore()?,
        };
        let (reply, changes) = authority.answer(ask, now_ms());
        // If this fails, the state in memory is dropped and restored from the database by the next ask.
        self.store(&changes)?;
        *held = Some(authority);
        Ok(reply)
    }

    /// Makes the tables of a new object.
    fn make(&self) -> Result<()> {
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS counters (rule TEXT NOT NULL, slice INTEGER NOT NULL, count INTEGER NOT NULL, \
             PRIMARY KEY (rule, slice)) WITHOUT ROWID",
            None,
        )?;
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS slots (slot TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID",
            None,
        )?;
        Ok(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "written from numbers below 2^53"
    )]
    fn restore(&self) -> Result<Authority> {
        self.make()?;
        let counters: Vec<CounterRow> = rows::read(
            self.sql.exec("SELECT rule, slice, count FROM counters", None)?.to_array()?,
            "counters",
        );
        let slots: Vec<SlotRow> =
            rows::read(self.sql.exec("SELECT slot, expires_at FROM slots", None)?.to_array()?, "slots");
        let counters = counters.into_iter().filter_map(|row| {
            let kind = RuleKind::from_name(&row.rule)?;
            Some(Counter { kind, slice: row.slice as u64, count: row.count as u64 })
        });
        Ok(Authority::restore(counters, slots.into_iter().map(|row| (row.slot, row.expires_at as u64))))
    }

    fn store(&self, changes: &Changes) -> Result<()> {
        for Counter { kind, slice, count } in &changes.counters {
            let rule = SqlStorageValue::from(kind.name());
            if *count == 0 {
                let values = vec![rule, integer(*slice)?];
                self.sql.exec("DELETE FROM counters WHERE rule = ? AND slice = ?", Some(values))?;
            } else {
                let values = vec![rule, integer(*slice)?, integer(*count)?];
                self.sql.exec(
                    "INSERT OR REPLACE INTO counters (rule, slice, count) VALUES (?, ?, ?)",
                    Some(values),
                )?;
            }
        }
        for (slot, expires) in &changes.slots {
            let slot = SqlStorageValue::from(slot.as_str());
            match expires {
                None => self.sql.exec("DELETE FROM slots WHERE slot = ?", Some(vec![slot]))?,
                Some(expires) => self.sql.exec(
                    "INSERT OR REPLACE INTO slots (slot, expires_at) VALUES (?, ?)",
                    Some(vec![slot, integer(*expires)?]),
                )?,
            };
        }
        Ok(())
    }
}

fn integer(value: u64) -> Result<SqlStorageValue> {
    // Counts beyond 2^53 are not exact any more; no limit is that large.
    SqlStorageValue::try_from_i64(value.min((1 << 53) - 1).cast_signed())
}

/// Asks the object called `subject`.
pub async fn ask(env: &Env, subject: &str, ask: &Ask) -> Result<Reply> {
    Ok(serde_json::from_str(&call(env, subject, "ask", ask).await?)?)
}

/// Reads the counts of the object called `subject`.
pub async fn look(env: &Env, subject: &str, ask: &Ask) -> Result<Look> {
    Ok(serde_json::from_str(&call(env, subject, "look", ask).await?)?)
}

async fn call(env: &Env, subject: &str, what: &str, ask: &Ask) -> Result<String> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&serde_json::to_string(ask)?)));
    let request = Request::new_with_init(&format!("http://quota/{what}"), &init)?;
    let mut response = env.durable_object("QUOTA")?.get_by_name(subject)?.fetch_with_request(request).await?;
    let text = response.text().await?;
    if response.status_code() != 200 {
        log_error("quota object", &format_args!("status {}: {text}", response.status_code()));
        return Err(worker::Error::RustError("unexpected answer of the quota object".into()));
    }
    Ok(text)
}
