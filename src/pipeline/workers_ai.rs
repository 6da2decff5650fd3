//! Workers AI through the deployment's own binding, in the form of any other upstream's response.
//!
//! The binding is an optional JavaScript object, so it is looked up by name. It returns an object, or a stream of
//! events if one was requested, and throws on failure; [`run`] makes a response of each of the three.

use nexus_edge_core::dialect::workers_ai::Thrown;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::routing::retry::Failure;
use worker::js_sys::{Array, Function, JSON, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, web_sys};

use super::failed::AttemptError;
use super::transport::within;
use crate::platform::http::{Headers, Response};
use crate::platform::log_error;
use crate::platform::promise::Awaited;

/// The name under which `wrangler.toml` binds it.
const BINDING: &str = "AI";

/// Runs `model` with inputs in JSON. An error is the gateway's own: there is no binding, or it returned nothing in
/// time, or nothing that can be relayed.
pub async fn run(
    env: &Env,
    model: &str,
    inputs: &[u8],
    timeout_ms: u32,
) -> Result<web_sys::Response, AttemptError> {
    let ai = Reflect::get(env.as_ref(), &BINDING.into()).unwrap_or(JsValue::UNDEFINED);
    if ai.is_undefined() || ai.is_null() {
        let message = "The deployment has no AI binding: see `[ai]` in wrangler.toml.";
        let error = ApiError::unavailable("provider_unavailable", message);
        return Err(AttemptError::new(Failure::CapabilityMismatch, error));
    }
    let inputs = std::str::from_utf8(inputs).ok().and_then(|text| JSON::parse(text).ok());
    let inputs = inputs.ok_or_else(|| AttemptError::new(Failure::Transport, ApiError::internal()))?;
    let answer = match call(&ai, &Array::of2(&model.into(), &inputs)) {
        Ok(promise) => within(Awaited::from(promise), timeout_ms).await?,
        Err(thrown) => Err(thrown),
    };
    respond(answer).map_err(|error| {
        log_error("workers ai", &worker::Error::from(error));
        AttemptError::unreadable("Workers AI answered with something that cannot be read.")
    })
}

fn call(ai: &JsValue, arguments: &Array) -> Result<Promise, JsValue> {
    let run: Function = Reflect::get(ai, &"run".into())?.unchecked_into();
    // Not `run.call(…)`: on a remote object that would be a method of that name.
    Ok(Promise::resolve(&Reflect::apply(&run, ai, arguments)?))
}

fn respond(answer: Result<JsValue, JsValue>) -> Result<web_sys::Response, JsValue> {
    let headers = Headers::new();
    headers.set("content-type", "application/json");
    match answer {
        Ok(answer) => match answer.dyn_into::<web_sys::ReadableStream>() {
            Ok(stream) => {
                headers.set("content-type", "text/event-stream");
                Response::stream(200, headers, stream)
            }
            Err(answer) => {
                let text = JSON::stringify(&answer)?.as_string();
                let text = text.ok_or_else(|| JsValue::from("no JSON value"))?;
                Response::bytes(200, headers, text.into_bytes())
            }
        },
        Err(thrown) => {
            let message = Reflect::get(&thrown, &"message".into()).ok();
            let message = message.and_then(|message| message.as_string()).or_else(|| thrown.as_string());
            let thrown = Thrown::read(&message.unwrap_or_default());
            Response::bytes(thrown.status, headers, thrown.body)
        }
    }
    .into_js()
}
