//! The KV namespace, for values that are read and written with every request. Less frequent accesses use the platform
//! crate, which needs some ten calls into JavaScript for what is one here.

use std::time::Duration;

use worker::Env;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::promise::Awaited;

#[wasm_bindgen(module = "/src/js/kv.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn nexus_kv_get(env: &JsValue, name: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn nexus_kv_put(env: &JsValue, name: &str, value: &str, ttl_s: f64) -> Result<Promise, JsValue>;
}

/// The value of a name.
pub async fn get(env: &Env, name: &str) -> Result<Option<String>, JsValue> {
    Ok(Awaited::from(nexus_kv_get(env.as_ref(), name)?).await?.as_string())
}

/// Sets the value of a name, which expires after `ttl`, at least a minute.
pub async fn put(env: &Env, name: &str, value: &str, ttl: Duration) -> Result<(), JsValue> {
    Awaited::from(nexus_kv_put(env.as_ref(), name, value, ttl.as_secs_f64())?).await.map(drop)
}
