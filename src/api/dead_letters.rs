//! The admin API for messages of the usage queue that could not be recorded.

use std::slice;

use nexus_edge_api::dead_letters::{DeadLetters, Replayed};
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_stats::message::Message;

use super::{answer_deleted, query};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::store::{dead_letters, tool_calls, usage};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;

/// `GET /system/dead-letters`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let cursor = query::text(exchange, "cursor");
    let (dead_letters, next_cursor) = dead_letters::list(&exchange.env, limit, cursor.as_deref()).await?;
    exchange::json(200, &DeadLetters { dead_letters, next_cursor })
}

/// `GET /system/dead-letters/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let found = dead_letters::get(&exchange.env, id).await?.ok_or_else(not_found)?;
    exchange::json(200, &found)
}

/// `POST /system/dead-letters/{id}/replay`
pub async fn replay(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let found = dead_letters::get(&exchange.env, id).await?.ok_or_else(not_found)?;
    let message = Message::read(found.body.as_bytes()).map_err(|error| {
        let message = format!("The message is no list of usage events: {error}.");
        ApiError::new(422, ErrorKind::InvalidRequest, "dead_letter_unreadable", message)
    })?;
    let count = match message {
        Message::Events(events) => {
            usage::ingest(&exchange.env, &events).await?;
            events.len()
        }
        Message::Calls(calls) => {
            tool_calls::insert(&exchange.env, slice::from_ref(&calls)).await?;
            calls.len()
        }
    };
    dead_letters::delete(&exchange.env, id).await?;
    exchange::json(200, &Replayed { id: id.to_owned(), events: count as u64 })
}

/// `DELETE /system/dead-letters/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    if !dead_letters::delete(&exchange.env, id).await? {
        return Err(not_found());
    }
    answer_deleted(id)
}

fn not_found() -> ApiError {
    ApiError::not_found("dead_letter_not_found", "There is no such message.")
}
