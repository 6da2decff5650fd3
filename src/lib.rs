//! Nexus Edge, the Worker.
//!
//! Only what touches the platform lives in this crate; what decides anything is in `nexus_edge_core`. These are the
//! entry points that the platform calls.

mod api;
mod envelope;
mod exchange;
mod jobs;
mod objects;
mod pipeline;
mod platform;
mod routes;
mod settings;
mod store;

use worker::{Context, Env, MessageBatch, Result, ScheduleContext, ScheduledEvent, event, web_sys};

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> Result<web_sys::Response> {
    Ok(routes::handle(request, env, context).await.into_js()?)
}

/// Never returns an error: the platform crate turns one into a panic, which would reset the isolate.
#[event(queue)]
async fn queue(batch: MessageBatch<String>, env: Env, _context: Context) -> Result<()> {
    jobs::ingest::consume(&batch, &env).await;
    Ok(())
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    jobs::replay::run(&env).await;
    jobs::retention::run(&env).await;
    jobs::probes::run(&env).await;
    jobs::key_health::run(&env).await;
    jobs::credits::run(&env).await;
}
