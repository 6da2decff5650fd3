//! The KV namespace, for what is read and written with every request. What is asked more rarely goes through the
//! platform crate, which takes some ten calls for what is one here.

use std::time::Duration;

use worker::Env;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::promise::Awaited;

#[wasm_bindgen(inline_js = r#"
export function nexus_kv_get(env, name) {
  return env.KV.get(name);
}
export function nexus_kv_put(env, name, value, expirationTtl) {
  return env.KV.put(name, value, { expirationTtl });
}
"#)]
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

/// Sets the value of a name for so long, at least a minute.
pub async fn put(env: &Env, name: &str, value: &str, ttl: Duration) -> Result<(), JsValue> {
    Awaited::from(nexus_kv_put(env.as_ref(), name, value, ttl.as_secs_f64())?).await.map(drop)
}
