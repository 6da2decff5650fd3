//! The admin API for directories that keep users and teams.
//!
//! A directory makes, changes and ends accounts and gives the roles that its groups are mapped to. So all permissions are needed to
//! say which directory does.

use nexus_edge_api::scim::BASE;
use nexus_edge_api::scim_clients::{NewScimClient, RotationInput, ScimClientInput, ScimClientView};
use nexus_edge_core::access::audit::actor;
use nexus_edge_core::access::identity_provider::IdentityProviderRecord;
use nexus_edge_core::access::role::Role;
use nexus_edge_core::access::scim_client::ScimClientRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_identity::link::LinkToken;

use super::roles::check_known;
use super::update::change;
use super::{answer_deleted, answer_list, input, random};
use crate::exchange::{self, Exchange};
use crate::pipeline::directory::TOKEN_PREFIX;
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::table;

/// Most directories.
const MAX_CLIENTS: usize = 20;

/// `GET /scim-clients`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let records: Vec<ScimClientRecord> = table::list(&exchange.env).await?;
    answer_list("scim_clients", &records.iter().map(|record| view(exchange, record)).collect::<Vec<_>>())
}

/// `GET /scim-clients/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &view(exchange, &find(exchange, id).await?))
}

/// `POST /scim-clients`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<ScimClientInput>(exchange).await?;
    check_reach(exchange)?;
    let now = now_ms();
    let (id, secret) = (new_ulid(now), random()?);
    let token = format!("{TOKEN_PREFIX}{}", LinkToken::write(&id, secret));
    let created_by = actor(Some(&exchange.person()?.id));
    let record = input.new_record(id, LinkToken::hash_of(secret), created_by, now);
    check(exchange, &record).await?;
    if table::list::<ScimClientRecord>(&exchange.env).await?.len() >= MAX_CLIENTS {
        let message = format!("There are at most {MAX_CLIENTS} directories.");
        return Err(ApiError::conflict("too_many_scim_clients", "name", message));
    }
    table::insert(&exchange.env, &record, &[]).await?;
    exchange.note_change(None, Some(&record));
    exchange::json(201, &NewScimClient { client: view(exchange, &record), token: &token })
}

/// `PUT /scim-clients/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<ScimClientInput>(exchange).await?;
    let apply = async |record: &mut ScimClientRecord| {
        input.apply(record);
        check(exchange, record).await
    };
    let record = changed(exchange, id, apply).await?;
    exchange::json(200, &view(exchange, &record))
}

/// `POST /scim-clients/{id}/token`
pub async fn rotate(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::optional::<RotationInput>(exchange).await?;
    let secret = random()?;
    let apply = async |record: &mut ScimClientRecord| {
        input.apply(record, LinkToken::hash_of(secret), now_ms());
        Ok(())
    };
    let record = changed(exchange, id, apply).await?;
    let token = format!("{TOKEN_PREFIX}{}", LinkToken::write(&record.id, secret));
    exchange::json(200, &NewScimClient { client: view(exchange, &record), token: &token })
}

/// `DELETE /scim-clients/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    check_reach(exchange)?;
    let record = find(exchange, id).await?;
    if !table::delete::<ScimClientRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    answer_deleted(id)
}

async fn changed(
    exchange: &Exchange,
    id: &str,
    apply: impl AsyncFn(&mut ScimClientRecord) -> Result<(), ApiError>,
) -> Result<ScimClientRecord, ApiError> {
    check_reach(exchange)?;
    let write =
        async |record: &ScimClientRecord, read_at: u64| table::update(&exchange.env, record, read_at).await;
    change(exchange, async || find(exchange, id).await, apply, write).await
}

fn check_reach(exchange: &Exchange) -> Result<(), ApiError> {
    exchange.person()?.check_has(Role::Admin.permissions())
}

/// Checks that the roles and the service that a record names are there.
async fn check(exchange: &Exchange, record: &ScimClientRecord) -> Result<(), ApiError> {
    for (field, roles) in
        record.role_map.values().map(|roles| ("role_map", roles)).chain([("roles", &record.roles)])
    {
        let known = check_known(exchange, roles).await;
        known.map_err(|error| ApiError { param: Some(field.to_owned()), ..error })?;
    }
    let Some(service) = record.identity_provider.as_deref() else { return Ok(()) };
    let found: Option<IdentityProviderRecord> = table::find(&exchange.env, service).await?;
    if found.is_some() {
        return Ok(());
    }
    let message = "There is no identity provider with this id: see `GET /identity-providers`.";
    Err(ApiError::invalid("invalid_value", "identity_provider", message))
}

fn view<'a>(exchange: &Exchange, record: &'a ScimClientRecord) -> ScimClientView<'a> {
    ScimClientView::of(record, format!("{}{BASE}", exchange.public_origin()))
}

async fn find(exchange: &Exchange, id: &str) -> Result<ScimClientRecord, ApiError> {
    table::find(&exchange.env, id).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("scim_client_not_found", "There is no directory with this id.")
}
