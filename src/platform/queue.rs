//! How much waits in a queue, which the platform crate does not ask for.

use worker::Env;
use worker::js_sys::{Date, Function, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};

use super::promise::Awaited;

/// What waits in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Messages.
    pub messages: u64,
    /// When the oldest was sent, in milliseconds since the epoch; `None` if there is none.
    pub oldest_ms: Option<u64>,
}

/// What waits in the queue of this binding; `None` where the platform does not tell.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
pub async fn backlog(env: &Env, binding: &str) -> Option<Backlog> {
    let get = |of: &JsValue, name: &str| Reflect::get(of, &JsValue::from_str(name)).ok();
    let queue = get(env.as_ref(), binding)?;
    let metrics: Function = get(&queue, "metrics")?.dyn_into().ok()?;
    let promise: Promise = metrics.call0(&queue).ok()?.dyn_into().ok()?;
    let metrics = Awaited::from(promise).await.ok()?;
    let messages = get(&metrics, "backlogCount")?.as_f64()? as u64;
    let oldest = get(&metrics, "oldestMessageTimestamp").and_then(|at| at.dyn_into::<Date>().ok());
    // Without a message it is the beginning of time.
    let oldest_ms = oldest.map(|at| at.get_time() as u64).filter(|at_ms| messages > 0 && *at_ms > 0);
    Some(Backlog { messages, oldest_ms })
}
