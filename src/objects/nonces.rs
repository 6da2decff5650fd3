//! Which nonces of signed requests were used: an object for each API key that signs.
//!
//! A nonce is taken once, whatever happens at the same time and in whichever place, and remembered for as long as its signature
//! would be accepted. An object that has nothing to remember deletes itself.
//!
//! A request costs a call, a row, and a row when it is forgotten.
//!
//! A call and its answer, `POST` with JSON: `{"nonce": "…", "until_ms": 1795200000000}` and `true`, or `false` if it was used.

use std::cell::Cell;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Error, Method, Request, RequestInit, Response, Result, SqlStorageValue, State,
    durable_object,
};

use crate::platform::now_ms;

/// How often an object looks for what it can forget.
const LOOK: Duration = Duration::from_mins(10);

#[derive(Serialize, Deserialize)]
struct Call {
    nonce: String,
    until_ms: u64,
}

/// The object of a key.
#[durable_object(alarm)]
pub struct Nonces {
    state: State,
    /// Whether there is an alarm.
    has_alarm: Cell<bool>,
}

impl DurableObject for Nonces {
    fn new(state: State, _env: Env) -> Self {
        Self { state, has_alarm: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let Ok(call) = serde_json::from_slice::<Call>(&request.bytes().await?) else {
            return Response::error("not a call", 400);
        };
        if !self.has_alarm.get() {
            let storage = self.state.storage();
            if storage.get_alarm().await?.is_none() {
                storage.set_alarm(LOOK).await?;
            }
            self.has_alarm.set(true);
        }
        Response::ok(self.take(&call)?.to_string())
    }

    /// Forgets what is over.
    async fn alarm(&self) -> Result<Response> {
        self.make_table()?;
        self.has_alarm.set(false);
        let sql = self.state.storage().sql();
        sql.exec("DELETE FROM nonces WHERE until_ms < ?", Some(vec![time(now_ms())]))?;
        let left: Vec<Left> = sql.exec("SELECT 1 AS one FROM nonces LIMIT 1", None)?.to_array()?;
        if left.is_empty() {
            self.state.storage().delete_all().await?;
        } else {
            self.state.storage().set_alarm(LOOK).await?;
        }
        Response::ok("")
    }
}

#[derive(Deserialize)]
struct Left {
    #[serde(rename = "one")]
    _one: u8,
}

impl Nonces {
    /// There is no await in here, so that of two calls with the same nonce one is first.
    fn take(&self, call: &Call) -> Result<bool> {
        self.make_table()?;
        let sql = self.state.storage().sql();
        let nonce = || SqlStorageValue::from(call.nonce.clone());
        let used: Vec<Left> =
            sql.exec("SELECT 1 AS one FROM nonces WHERE nonce = ?", Some(vec![nonce()]))?.to_array()?;
        if !used.is_empty() {
            return Ok(false);
        }
        let values = vec![nonce(), time(call.until_ms)];
        sql.exec("INSERT INTO nonces (nonce, until_ms) VALUES (?, ?)", Some(values))?;
        Ok(true)
    }

    fn make_table(&self) -> Result<()> {
        let sql = "CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID";
        self.state.storage().sql().exec(sql, None).map(drop)
    }
}

fn time(ms: u64) -> SqlStorageValue {
    SqlStorageValue::from(ms.cast_signed())
}

/// Takes a nonce of a key; false if it was used.
pub async fn take(env: &Env, key_id: &str, nonce: &str, until_ms: u64) -> Result<bool> {
    let call = Call { nonce: nonce.to_owned(), until_ms };
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&serde_json::to_string(&call)?)));
    let request = Request::new_with_init("http://nonces/", &init)?;
    let mut response = env.durable_object("NONCES")?.get_by_name(key_id)?.fetch_with_request(request).await?;
    match (response.status_code(), response.text().await?.as_str()) {
        (200, "true") => Ok(true),
        (200, "false") => Ok(false),
        (status, _) => Err(Error::RustError(format!("the object of nonces answers {status}"))),
    }
}
