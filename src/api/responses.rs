//! Kept responses: `GET` and `DELETE /v1/responses/{id}`, `GET /v1/responses/{id}/input_items`.

use nexus_edge_core::dialect::responses::{Page, StoredResponse, deleted_body};
use nexus_edge_core::error::ApiError;
use worker::{Headers, Response};

use crate::exchange::{Exchange, json_bytes};
use crate::pipeline::authenticate::authenticate;
use crate::store::responses;

/// `GET /v1/responses/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    Ok(json(find(exchange, id).await?.body()))
}

/// `GET /v1/responses/{id}/input_items?after=&limit=&order=`
pub async fn input_items(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    const MAX_PAGE: usize = 100;
    let stored = find(exchange, id).await?;
    let after = exchange.query("after");
    let limit = match exchange.query("limit") {
        None => Page::default().limit,
        Some(text) => text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit)).ok_or_else(|| {
            let message = format!("`limit` must be a whole number from 1 to {MAX_PAGE}.");
            ApiError::invalid("invalid_value", "limit", message)
        })?,
    };
    let is_ascending = exchange.query("order").as_deref() == Some("asc");
    let page = Page { after: after.as_deref(), limit, is_ascending };
    let body = stored.input_items_body(page).ok_or_else(|| {
        ApiError::invalid("invalid_value", "after", "`after` must be the id of an item of this list.")
    })?;
    Ok(json(body))
}

/// `DELETE /v1/responses/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let principal = authenticate(exchange).await?;
    if !responses::delete(&exchange.env, &principal.key_id, id).await? {
        return Err(not_found(id));
    }
    Ok(json(deleted_body(id)))
}

/// The error for a response that does not exist, or belongs to another key.
pub fn not_found(id: &str) -> ApiError {
    let shown: String = id.chars().take(100).collect();
    ApiError::not_found("response_not_found", format!("There is no response with the id `{shown}`."))
}

async fn find(exchange: &Exchange, id: &str) -> Result<StoredResponse, ApiError> {
    let principal = authenticate(exchange).await?;
    responses::find(&exchange.env, &principal.key_id, id).await?.ok_or_else(|| not_found(id))
}

fn json(body: Vec<u8>) -> Response {
    json_bytes(200, &Headers::new(), body)
}
