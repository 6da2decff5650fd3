//! What a directory learns of the service.

use nexus_edge_core::error::ApiError;
use nexus_edge_scim::discovery;
use serde_json::Value;

use super::{base, written};
use crate::exchange::Exchange;
use crate::platform::http::{Headers, Response};

/// `GET /scim/v2/ServiceProviderConfig`
pub fn config(exchange: &Exchange) -> Result<Response, ApiError> {
    described(Some(discovery::service_provider_config(&base(exchange))))
}

/// `GET /scim/v2/ResourceTypes`
pub fn resource_types(exchange: &Exchange) -> Result<Response, ApiError> {
    described(Some(discovery::resource_types(&base(exchange))))
}

/// `GET /scim/v2/ResourceTypes/{id}`
pub fn resource_type(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    described(discovery::find_resource_type(name, &base(exchange)))
}

/// `GET /scim/v2/Schemas`
pub fn schemas(exchange: &Exchange) -> Result<Response, ApiError> {
    described(Some(discovery::schemas(&base(exchange))))
}

/// `GET /scim/v2/Schemas/{id}`
pub fn schema(exchange: &Exchange, urn: &str) -> Result<Response, ApiError> {
    described(discovery::find_schema(urn, &base(exchange)))
}

fn described(found: Option<Value>) -> Result<Response, ApiError> {
    let found = found.ok_or_else(|| ApiError::not_found("not_found", "There is nothing with this name."))?;
    Ok(written(200, Headers::new(), &found))
}
