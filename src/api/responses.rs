//! Kept responses: `GET` and `DELETE /v1/responses/{id}`, `GET …/input_items`, `POST …/cancel`.
//!
//! Requests about a response that a provider stores are forwarded to that provider.

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::responses::{Kept, Page, deleted_body};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::provider::ResponseAction;

use super::query;
use crate::exchange::{Exchange, json_bytes};
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::native_responses::ask_keeper;
use crate::platform::http::{Headers, Response};
use crate::store::responses;

/// `GET /v1/responses/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    match find(exchange, id).await? {
        (_, Kept::Here(stored)) => Ok(json(stored.body())),
        (principal, Kept::Elsewhere(kept)) => {
            ask_keeper(exchange, &principal, &kept, ResponseAction::Get).await
        }
    }
}

/// `GET /v1/responses/{id}/input_items?after=&limit=&order=`
pub async fn input_items(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    const MAX_PAGE: u64 = 100;
    let stored = match find(exchange, id).await? {
        (_, Kept::Here(stored)) => stored,
        (principal, Kept::Elsewhere(kept)) => {
            return ask_keeper(exchange, &principal, &kept, ResponseAction::InputItems).await;
        }
    };
    let after = exchange.query("after");
    let given = query::number(exchange, "limit", 1..=MAX_PAGE)?;
    let limit = given.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(Page::default().limit);
    let is_ascending = exchange.query("order").as_deref() == Some("asc");
    let page = Page { after: after.as_deref(), limit, is_ascending };
    let body = stored.input_items_body(page).ok_or_else(|| {
        ApiError::invalid("invalid_value", "after", "`after` must be the id of an item of this list.")
    })?;
    Ok(json(body))
}

/// `DELETE /v1/responses/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let (principal, kept) = find(exchange, id).await?;
    let answer = match kept {
        Kept::Here(_) => None,
        Kept::Elsewhere(kept) => {
            let answer = ask_keeper(exchange, &principal, &kept, ResponseAction::Delete).await?;
            // A 404 of the provider counts as deleted.
            if answer.status() >= 400 && answer.status() != 404 {
                return Ok(answer);
            }
            Some(answer)
        }
    };
    if !responses::delete(&exchange.env, &principal.key_id, id).await? {
        return Err(not_found(id));
    }
    Ok(answer.unwrap_or_else(|| json(deleted_body(id))))
}

/// `POST /v1/responses/{id}/cancel`
pub async fn cancel(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    match find(exchange, id).await? {
        (_, Kept::Here(_)) => {
            let message = "Only a response that is made in the background can be cancelled.";
            Err(ApiError::invalid("invalid_request", "id", message))
        }
        (principal, Kept::Elsewhere(kept)) => {
            ask_keeper(exchange, &principal, &kept, ResponseAction::Cancel).await
        }
    }
}

/// The error for a response that does not exist, or belongs to another key.
pub fn not_found(id: &str) -> ApiError {
    let shown: String = id.chars().take(100).collect();
    ApiError::not_found("response_not_found", format!("There is no response with the id `{shown}`."))
}

async fn find(exchange: &Exchange, id: &str) -> Result<(Principal, Kept), ApiError> {
    let principal = authenticate(exchange).await?;
    let kept = responses::find(&exchange.env, &principal.key_id, id).await?.ok_or_else(|| not_found(id))?;
    Ok((principal, kept))
}

fn json(body: Vec<u8>) -> Response {
    json_bytes(200, Headers::new(), body)
}
