//! The admin API for direct grants.

use nexus_edge_api::roles::{GrantInput, GrantView};
use nexus_edge_core::access::audit::actor;
use nexus_edge_core::access::person::PersonId;
use nexus_edge_core::error::ApiError;

use super::{answer_deleted, answer_list, input, users};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{given, sign_in, table};

/// `GET /users/{id}/grants`
pub async fn list(exchange: &Exchange, user_id: &str) -> Result<Response, ApiError> {
    let user = users::find(exchange, user_id).await?;
    let grants = given::grants(&exchange.env, &user.id).await?;
    answer_list("grants", &grants.iter().map(GrantView::of).collect::<Vec<_>>())
}

/// `POST /users/{id}/grants`
pub async fn grant(exchange: &Exchange, user_id: &str) -> Result<Response, ApiError> {
    let input = input::new::<GrantInput>(exchange).await?;
    let person = exchange.person()?;
    let now = now_ms();
    let grant = input.into_record(new_ulid(now), user_id.to_owned(), actor(Some(&person.id)), now)?;
    person.check_has(grant.permissions)?;
    check_not_oneself(exchange, user_id)?;
    users::find(exchange, user_id).await?;
    table::insert(&exchange.env, &grant, &[]).await?;
    exchange.note_change(None, Some(&grant));
    sign_in::forget();
    exchange::json(201, &GrantView::of(&grant))
}

/// `DELETE /users/{id}/grants/{grant}`
pub async fn revoke(exchange: &Exchange, user_id: &str, id: &str) -> Result<Response, ApiError> {
    let not_found = || ApiError::not_found("grant_not_found", "The user has no grant with this id.");
    let grants = given::grants(&exchange.env, user_id).await?;
    let grant = grants.iter().find(|grant| grant.id == id).ok_or_else(not_found)?;
    exchange.person()?.check_has(grant.permissions)?;
    if !given::revoke(&exchange.env, user_id, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(grant), None);
    sign_in::forget();
    answer_deleted(id)
}

/// A user could make a grant of their own that outlives the one by which they have its permissions.
fn check_not_oneself(exchange: &Exchange, user_id: &str) -> Result<(), ApiError> {
    match &exchange.person()?.id {
        PersonId::User(id) if id == user_id => {
            Err(ApiError::forbidden("permission_denied", "You cannot grant permissions to yourself."))
        }
        _ => Ok(()),
    }
}
