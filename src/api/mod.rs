//! Handlers, by audience. Each reads its input, calls the domain or the store, and writes its answer.

pub mod agent_tools;
pub mod alerts;
pub mod audit;
pub mod backups;
pub mod bridge;
pub mod configuration;
pub mod console;
pub mod conversations;
pub mod credits;
pub mod dead_letters;
pub mod discovery;
pub mod exports;
pub mod gemini;
pub mod grants;
pub mod guards;
pub mod health;
pub mod identity_providers;
mod input;
mod invoked;
pub mod keys;
pub mod limits;
pub mod live;
pub mod logical_models;
pub mod mcp;
pub mod mcp_servers;
pub mod metrics;
pub mod models;
pub mod notifications;
pub mod passkeys;
pub mod presets;
pub mod prices;
pub mod probe_tasks;
pub mod profile;
pub mod provider_health;
pub mod provider_keys;
pub mod provider_models;
pub mod provider_states;
pub mod providers;
mod query;
pub mod recovery;
pub mod registration;
pub mod responses;
pub mod roles;
pub mod routing;
pub mod scim;
pub mod scim_clients;
pub mod secret_key;
pub mod sessions;
pub mod setup;
pub mod sign_in;
pub mod sign_in_with;
pub mod statistics;
pub mod stats;
pub mod submissions;
pub mod system;
pub mod system_config;
pub mod teams;
pub mod tokens;
pub mod tool_calls;
pub mod toolsets;
pub mod tunnel;
mod update;
pub mod users;
mod webhook_secret;
pub mod webhooks;
pub mod ws;

use std::collections::BTreeMap;

use nexus_edge_core::error::ApiError;
use serde::Serialize;

use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{log_error, random_bytes};

/// Answers `{"<name>": [items]}`.
fn answer_list<T: Serialize>(name: &str, items: &[T]) -> Result<Response, ApiError> {
    exchange::json(200, &BTreeMap::from([(name, items)]))
}

/// Answers that the record with this id is gone.
fn answer_deleted(id: impl Serialize) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Deleted<I> {
        id: I,
        deleted: bool,
    }
    exchange::json(200, &Deleted { id, deleted: true })
}

/// The id in a path such as `/providers/7`; `not_found` for anything but a positive number.
fn record_id(parameter: &str, not_found: impl Fn() -> ApiError) -> Result<i64, ApiError> {
    parameter.parse().ok().filter(|id| *id > 0).ok_or_else(not_found)
}

/// Seals a secret of a record into its place there.
fn seal(exchange: &Exchange, secret: &str, context: &str) -> Result<String, ApiError> {
    exchange.settings.keyring.seal(secret, context, random()?).map_err(|error| {
        log_error("seal", &error);
        ApiError::internal()
    })
}

/// Random bytes; an internal error where the platform has none.
fn random<const N: usize>() -> Result<[u8; N], ApiError> {
    random_bytes().map_err(|error| {
        log_error("random", &error);
        ApiError::internal()
    })
}
