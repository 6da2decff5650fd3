//! The admin API for services that users sign in with.
//!
//! A service vouches for whom it says its users are, those with all permissions included. So all permissions are needed to say
//! which services are believed.

use nexus_edge_api::identity_providers::{IdentityProviderInput, IdentityProviderView, check_complete};
use nexus_edge_core::access::identity_provider::IdentityProviderRecord;
use nexus_edge_core::access::role::Role;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::Patch;

use super::roles::check_known;
use super::sign_in_with::redirect_uri;
use super::update::change;
use super::{answer_deleted, answer_list, input, seal};
use crate::exchange::{self, Exchange};
use crate::pipeline::ask::may_ask;
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::table;

/// Most services.
const MAX_PROVIDERS: usize = 50;

/// `GET /identity-providers`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<IdentityProviderRecord> = table::list(&exchange.env).await?;
    let views: Vec<_> = records.into_iter().map(|record| view(exchange, record)).collect();
    answer_list("identity_providers", &views)
}

/// `GET /identity-providers/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &view(exchange, find(exchange, id).await?))
}

/// `POST /identity-providers`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<IdentityProviderInput>(exchange).await?;
    check_reach(exchange)?;
    let mut record = input.new_record(now_ms())?;
    apply_secret(exchange, &input, &mut record)?;
    check(exchange, &record).await?;
    if table::list::<IdentityProviderRecord>(&exchange.env).await?.len() >= MAX_PROVIDERS {
        let message = format!("There are at most {MAX_PROVIDERS} identity providers.");
        return Err(ApiError::conflict("too_many_identity_providers", "id", message));
    }
    table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    exchange::json(201, &view(exchange, record))
}

/// `PUT /identity-providers/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<IdentityProviderInput>(exchange).await?;
    check_reach(exchange)?;
    let fixed = [
        ("id", input.id != Patch::Keep),
        ("kind", input.kind != Patch::Keep),
        ("preset", input.preset != Patch::Keep),
    ];
    if let Some((name, _)) = fixed.iter().find(|(_, is_given)| *is_given) {
        return Err(ApiError::invalid("invalid_value", *name, format!("`{name}` cannot be changed.")));
    }
    let apply = async |record: &mut IdentityProviderRecord| {
        input.apply(record);
        apply_secret(exchange, &input, record)?;
        check(exchange, record).await
    };
    let write = async |record: &IdentityProviderRecord, read_at: u64| {
        table::update(&exchange.env, record, read_at).await
    };
    let record = change(exchange, async || find(exchange, id).await, apply, write).await?;
    exchange::json(200, &view(exchange, record))
}

/// `DELETE /identity-providers/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    check_reach(exchange)?;
    let record = find(exchange, id).await?;
    if !table::delete::<IdentityProviderRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    answer_deleted(id)
}

fn check_reach(exchange: &Exchange) -> Result<(), ApiError> {
    exchange.person()?.check_has(Role::Admin.permissions())
}

async fn check(exchange: &Exchange, record: &IdentityProviderRecord) -> Result<(), ApiError> {
    let allow_private = exchange.settings.allow_private_upstreams;
    check_complete(record, |address| may_ask(address, allow_private))?;
    for (field, roles) in
        record.role_map.values().map(|roles| ("role_map", roles)).chain([("roles", &record.roles)])
    {
        let known = check_known(exchange, roles).await;
        known.map_err(|error| ApiError { param: Some(field.to_owned()), ..error })?;
    }
    Ok(())
}

fn apply_secret(
    exchange: &Exchange,
    input: &IdentityProviderInput,
    record: &mut IdentityProviderRecord,
) -> Result<(), ApiError> {
    match &input.client_secret {
        Patch::Keep => {}
        Patch::Clear => record.client_secret_sealed = None,
        Patch::Set(secret) => {
            record.client_secret_sealed = Some(seal(exchange, secret.expose(), &record.seal_context())?);
        }
    }
    Ok(())
}

fn view(exchange: &Exchange, record: IdentityProviderRecord) -> IdentityProviderView {
    let redirect_uri = redirect_uri(exchange, &record.id);
    IdentityProviderView::of(record, redirect_uri)
}

async fn find(exchange: &Exchange, id: &str) -> Result<IdentityProviderRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("identity_provider_not_found", "There is no identity provider with this id.")
}
