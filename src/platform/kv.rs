//! The KV namespace, for values that are read with requests. Less frequent accesses use the platform
//! crate, which needs some ten calls into JavaScript for what is one here.

use futures::future::{Either, select};
use worker::Env;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::promise::{Awaited, Timer};

#[wasm_bindgen(module = "/src/js/kv.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn nexus_kv_get(env: &JsValue, name: &str) -> Result<Promise, JsValue>;
}

/// Milliseconds that a value is waited for: a request can be served without it.
const LIMIT_MS: u64 = 3_000;

/// The value of a name; an error if it does not come in time.
pub async fn get(env: &Env, name: &str) -> Result<Option<String>, JsValue> {
    let reading = Awaited::from(nexus_kv_get(env.as_ref(), name)?);
    match select(reading, Timer::after_ms(LIMIT_MS)).await {
        Either::Left((read, _)) => Ok(read?.as_string()),
        Either::Right(_) => Err(JsValue::from_str("the value did not come in time")),
    }
}
