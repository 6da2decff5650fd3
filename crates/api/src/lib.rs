//! The HTTP API of the gateway, declared once.
//!
//! Each module holds one resource: the operations with method, path, audience and dialect, what their answers are made
//! of, and (with the feature `openapi`) what the `OpenAPI` document says about them. Request bodies are declared where they
//! are checked, with [`nexus_edge_core::input!`]. The Worker binds every operation to a handler in its route table, and
//! does not compile while one is missing.
//!
//! `docs/openapi.json` is made from here by a test of `crates/openapi`.

#![forbid(unsafe_code)]

pub mod agent_calls;
pub mod agent_refusals;
pub mod alerts;
pub mod archived_message;
pub mod audit;
pub mod backups;
pub mod bridge;
pub mod chat;
pub mod configuration;
pub mod console;
pub mod conversations;
pub mod credits;
pub mod dead_letters;
mod declare;
#[cfg(feature = "openapi")]
pub mod document;
pub mod exports;
pub mod guards;
pub mod health;
pub mod identity_providers;
pub mod keys;
pub mod limits;
pub mod logical_models;
pub mod mcp;
pub mod metrics;
pub mod models;
pub mod money;
pub mod notifications;
pub mod operation;
#[cfg(feature = "openapi")]
mod parameters;
pub mod passkeys;
pub mod passthrough;
pub mod presets;
pub mod prices;
pub mod probe_tasks;
pub mod profile;
pub mod provider_health;
pub mod provider_keys;
pub mod provider_models;
pub mod providers;
pub mod recovery;
pub mod registration;
pub mod responses;
pub mod roles;
pub mod routing;
pub mod scim;
pub mod scim_clients;
pub mod scim_resource;
pub mod secret_key;
pub mod sessions;
pub mod setup;
pub mod sign_in;
pub mod sign_in_with;
pub mod sockets;
pub mod stats;
pub mod submissions;
pub mod system;
pub mod system_config;
pub mod teams;
pub mod tokens;
pub mod tool_calls;
pub mod toolsets;
pub mod users;
pub mod webhooks;

pub use operation::{Audience, Method, Operation, Speaks};

/// The operations of every resource.
pub const ALL: &[&[Operation]] = &[
    chat::ALL,
    responses::ALL,
    passthrough::ALL,
    tokens::ALL,
    models::ALL,
    sessions::ALL,
    sockets::ALL,
    bridge::ALL,
    credits::ALL,
    dead_letters::ALL,
    providers::ALL,
    presets::ALL,
    provider_keys::ALL,
    provider_models::ALL,
    provider_health::ALL,
    submissions::ALL,
    probe_tasks::ALL,
    configuration::ALL,
    logical_models::ALL,
    routing::ALL,
    keys::ALL,
    limits::ALL,
    audit::ALL,
    prices::ALL,
    stats::ALL,
    exports::ALL,
    backups::ALL,
    console::ALL,
    conversations::ALL,
    mcp::ALL,
    toolsets::ALL,
    tool_calls::ALL,
    metrics::ALL,
    alerts::ALL,
    webhooks::ALL,
    guards::ALL,
    notifications::ALL,
    system::ALL,
    system_config::ALL,
    secret_key::ALL,
    setup::ALL,
    sign_in::ALL,
    recovery::ALL,
    sign_in_with::ALL,
    passkeys::ALL,
    profile::ALL,
    identity_providers::ALL,
    scim_clients::ALL,
    scim::ALL,
    registration::ALL,
    users::ALL,
    roles::ALL,
    teams::ALL,
    health::ALL,
];

/// The `OpenAPI` 3.1 document.
#[cfg(feature = "openapi")]
#[must_use]
pub fn openapi() -> serde_json::Value {
    let mut document = document::Document::new();
    for describe in [
        chat::describe,
        responses::describe,
        passthrough::describe,
        tokens::describe,
        models::describe,
        sessions::describe,
        sockets::describe,
        bridge::describe,
        credits::describe,
        dead_letters::describe,
        providers::describe,
        presets::describe,
        provider_keys::describe,
        provider_models::describe,
        provider_health::describe,
        submissions::describe,
        probe_tasks::describe,
        configuration::describe,
        logical_models::describe,
        routing::describe,
        keys::describe,
        limits::describe,
        audit::describe,
        prices::describe,
        stats::describe,
        exports::describe,
        backups::describe,
        console::describe,
        conversations::describe,
        mcp::describe,
        toolsets::describe,
        tool_calls::describe,
        metrics::describe,
        alerts::describe,
        webhooks::describe,
        guards::describe,
        notifications::describe,
        system::describe,
        system_config::describe,
        secret_key::describe,
        setup::describe,
        sign_in::describe,
        recovery::describe,
        sign_in_with::describe,
        passkeys::describe,
        profile::describe,
        identity_providers::describe,
        scim_clients::describe,
        scim::describe,
        registration::describe,
        users::describe,
        roles::describe,
        teams::describe,
        health::describe,
    ] {
        describe(&mut document);
    }
    document.finish()
}
