//! The `OpenAPI` 3.1 document, made from the declared operations and the types that they take and answer.
//!
//! What holds for every operation of an audience (credentials, their errors, `x-request-id`) is said here once.

mod alike;
mod collected;
mod describe;
mod errors;

use nexus_edge_core::input::object_schema::tidy;
use serde_json::{Value, json};

use collected::Collected;
pub use describe::Describe;

use crate::Operation;

/// The document while operations are added.
#[derive(Debug)]
pub struct Document {
    collected: Collected,
    /// The groups, each once, in the order in which they are begun.
    tags: Vec<&'static str>,
    /// The group of the operations that are added.
    tag: &'static str,
}

impl Document {
    pub(crate) fn new() -> Self {
        Self { collected: Collected::new(), tags: Vec::new(), tag: "" }
    }

    /// Begins a group of operations, or goes on with one.
    pub(crate) fn tag(&mut self, name: &'static str) {
        if !self.tags.contains(&name) {
            self.tags.push(name);
        }
        self.tag = name;
    }

    /// Adds an operation: `describe` says what goes in and comes out.
    pub(crate) fn operation(
        &mut self,
        operation: &Operation,
        id: &str,
        doc: &str,
        describe: impl FnOnce(&mut Describe<'_>),
    ) {
        let mut one = Describe::new(&mut self.collected, *operation, self.tag, id, &tidy(doc));
        describe(&mut one);
        one.finish();
    }

    pub(crate) fn finish(self) -> Value {
        let (mut paths, mut schemas) = self.collected.finish();
        errors::add_schemas(&mut schemas);
        let responses = alike::take_alike(&mut paths);
        let tags: Vec<Value> = self.tags.iter().map(|name| json!({ "name": name })).collect();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Nexus Edge",
                "version": env!("CARGO_PKG_VERSION"),
                "summary": "One OpenAI-compatible endpoint for every model provider",
                "description": DESCRIPTION,
                "license": { "name": "MIT", "identifier": "MIT" },
            },
            "servers": [{ "url": "/", "description": "This deployment" }],
            "tags": tags,
            "paths": paths,
            "components": {
                "schemas": schemas,
                "responses": responses,
                "securitySchemes": security_schemes(),
                "parameters": { "RequestId": {
                    "name": "x-request-id", "in": "header", "required": false,
                    "description": "An id for the request, 1 to 128 characters of `A-Z a-z 0-9 . _ -`. The answer carries it; \
                        without one the gateway makes one.",
                    "schema": { "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9._-]+$" },
                } },
                "headers": {
                    "RequestId": {
                        "description": "The id of the request: the caller's own, or a new one.",
                        "schema": { "type": "string" },
                    },
                    "RetryAfter": {
                        "description": "Seconds after which another try may succeed.",
                        "schema": { "type": "integer", "minimum": 0 },
                    },
                },
            },
        })
    }
}

const DESCRIPTION: &str = "\
Callers use the endpoints under `/v1` (and `/v1beta` for Gemini) with an API key of the gateway; operators use the others \
with the admin token. Bodies in a provider's own dialect (Chat Completions, Responses, Messages, Gemini) are free-form here: \
they are passed on or translated, unknown fields included, and the provider's reference describes them.\n\n\
Every answer carries `x-request-id`. An error has a stable `code`, a sentence for people, and in `param` the field at fault.";

fn security_schemes() -> Value {
    let key = |name: &str| json!({ "type": "apiKey", "in": "header", "name": name });
    json!({
        "ApiKey": { "type": "http", "scheme": "bearer", "description": "An API key of the gateway." },
        "ApiKeyAnthropic": key("x-api-key"),
        "ApiKeyAzure": key("api-key"),
        "ApiKeyGoogle": key("x-goog-api-key"),
        "AdminToken": { "type": "http", "scheme": "bearer", "description": "The secret `ADMIN_TOKEN` of the deployment." },
        "AdminTokenHeader": key("x-admin-token"),
        "MetricsToken": { "type": "http", "scheme": "bearer", "description": "The secret `METRICS_TOKEN` of the deployment." },
        "ScimToken": { "type": "http", "scheme": "bearer", "description": "The token of a directory: `POST /scim-clients`." },
        "UserToken": { "type": "http", "scheme": "bearer", "description": "The access token of a user: `POST /auth/login`." },
        "UserCookie": { "type": "apiKey", "in": "cookie", "name": "__Host-nexus_access" },
    })
}
