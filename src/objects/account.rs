//! Calls of an account of credits, and what they answer. The account itself is [`super::ledger`].
//!
//! A call and its answer:
//!
//! ```json
//! {"initial": 0, "call": {"op": "reserve", "id": "01M7…", "amount": 1200, "note": {"t": 1795202001000}}}
//! {"until": 1795202003000, "available": 48800}
//! ```
//!
//! All amounts are millionths of a credit. Requests are named by the ids of their usage events.

use nexus_edge_core::billing::account::{Entry, EntryKind};
use nexus_edge_core::billing::journal::Note;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit, Result};

/// A call of an account.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Call {
    /// Reserve for a request. Answers a [`Reservation`].
    Reserve { id: String, amount: u64, note: Box<Note> },
    /// Charge a request that has ended, and end its reservation. Answers an [`Appended`].
    End { id: String, entry: Box<Entry>, note: Box<Note> },
    /// Append a row unless its id exists already. Answers an [`Appended`].
    Append { entry: Box<Entry> },
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
pub struct Envelope {
    /// The balance of a new account.
    pub initial: u64,
    /// The call.
    pub call: Call,
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
