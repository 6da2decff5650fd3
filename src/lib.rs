//! Nexus Edge, the Worker.
//!
//! This crate contains only what touches the platform; the rules are in `nexus_edge_core`. This file contains the
//! entry points that the platform calls.

mod api;
mod dispatch;
mod envelope;
mod exchange;
mod exports;
mod host;
mod jobs;
mod objects;
mod pipeline;
mod platform;
mod routes;
mod settings;
mod store;

use platform::executor;
use platform::http::{Headers, Response};
use platform::log_error;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{
    Context, Env, MessageBatch, Result, ScheduleContext, ScheduledEvent, event, web_sys, worker_sys,
};

/// The entry point of requests. Written out instead of with the platform crate's attribute, because it uses our
/// executor.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context) -> Promise {
    executor::begin(async move {
        let response = dispatch::handle(request, env, Context::new(context)).await;
        let answer = response.into_js().or_else(|error| {
            log_error("an answer that the platform refuses", &worker::Error::from(error));
            let refused = Response::bytes(500, Headers::new(), b"Internal Server Error".to_vec());
            refused.into_js()
        });
        answer.map_or(JsValue::UNDEFINED, JsValue::from)
    })
}

/// Never returns an error: the platform crate would turn it into a panic, which resets the isolate.
#[event(queue)]
async fn queue(batch: MessageBatch<String>, env: Env, _context: Context) -> Result<()> {
    jobs::ingest::consume(&batch, &env).await;
    Ok(())
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    jobs::heartbeat::run(&env).await;
    store::system_config::take_over(&env).await;
    jobs::replay::run(&env).await;
    jobs::retention::run(&env).await;
    // Before retention deletes minutes.
    jobs::metrics::run(&env).await;
    jobs::statistics::run(&env).await;
    // Before what may take a minute.
    jobs::alerts::run(&env).await;
    jobs::webhooks::run(&env).await;
    jobs::request_log::run(&env).await;
    jobs::probes::run(&env).await;
    jobs::submissions::run(&env).await;
    jobs::probe_tasks::run(&env).await;
    jobs::key_health::run(&env).await;
    // After keys were disabled that have expired.
    jobs::agents::run(&env).await;
    jobs::audit_heads::run(&env).await;
    jobs::credits::run(&env).await;
    jobs::long::run(&env).await;
}
