//! Errors in the document: the shapes in which the dialects answer them, and the codes that operations share.

use nexus_edge_core::dialect::caller::CallerDialect;
use serde_json::{Map, Value, json};

use crate::{Audience, Operation, Speaks};

/// A status with the codes that it is answered with.
pub(super) type StatusCodes = (u16, &'static str);

/// Codes of bodies that are read and checked field by field.
pub(super) const OF_BODIES: &[StatusCodes] = &[
    (400, "invalid_json, missing_required_parameter, unknown_parameter, invalid_type, invalid_value"),
    (413, "request_too_large"),
];

/// Codes of parameters in the query.
pub(super) const OF_QUERIES: &[StatusCodes] = &[(400, "invalid_value")];

/// Codes of parameters in the path.
pub(super) const OF_PATHS: &[StatusCodes] = &[(400, "invalid_path")];

/// Codes that every operation of an audience can answer.
pub(super) const fn of_audience(audience: Audience) -> &'static [StatusCodes] {
    match audience {
        Audience::Public => &[],
        Audience::SignedIn => &[
            (401, "not_signed_in, invalid_access_token"),
            (403, "cross_site_request"),
            (503, "sign_in_unavailable"),
        ],
        Audience::Caller => &[
            (401, "missing_api_key, invalid_api_key, api_key_disabled, api_key_expired"),
            (403, "ip_not_allowed, dialect_not_allowed, cross_site_request"),
            (429, "rate_limited"),
        ],
        Audience::Person(_) => &[
            (401, "missing_admin_token, invalid_admin_token, invalid_access_token"),
            (403, "permission_denied, cross_site_request"),
            (429, "rate_limited"),
            (503, "sign_in_unavailable"),
        ],
        Audience::Directory => &[
            (401, "missing_scim_token, invalid_scim_token"),
            (429, "too_many_attempts"),
            (503, "sign_in_unavailable"),
        ],
        Audience::Scraper => {
            &[(401, "missing_metrics_token, invalid_metrics_token"), (429, "too_many_attempts")]
        }
    }
}

/// The schema of the errors of an operation.
pub(super) fn schema_of(operation: &Operation) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    match operation.speaks {
        Speaks::Dialect(CallerDialect::Anthropic) => reference("AnthropicError"),
        Speaks::Dialect(CallerDialect::Gemini) => reference("GeminiError"),
        Speaks::Dialect(_) => reference("Error"),
        Speaks::DialectOfHeaders => {
            json!({ "anyOf": [reference("Error"), reference("AnthropicError"), reference("GeminiError")] })
        }
        Speaks::Envelope => reference("EnvelopeError"),
        Speaks::Scim => reference("ScimError"),
    }
}

pub(super) fn add_schemas(schemas: &mut Map<String, Value>) {
    let object = |properties: Value, required: &[&str], description: &str| json!({ "type": "object", "properties": properties, "required": required, "description": description });
    let text = || json!({ "type": "string" });
    schemas.insert(
        "Error".into(),
        object(
            json!({ "error": object(
                json!({
                    "message": { "type": "string", "description": "A sentence for people." },
                    "type": { "type": "string", "description": "The family of the error, as `OpenAI` names it." },
                    "param": { "type": ["string", "null"], "description": "The field at fault, such as `messages[0].role`." },
                    "code": { "type": ["string", "null"], "description": "The stable code." },
                }),
                &["message", "type"],
                "What went wrong.",
            ) }),
            &["error"],
            "An error in the shape of `OpenAI`.",
        ),
    );
    schemas.insert(
        "AnthropicError".into(),
        object(
            json!({
                "type": { "const": "error" },
                "error": object(json!({ "type": text(), "message": text() }), &["type", "message"], "What went wrong."),
                "request_id": { "type": ["string", "null"] },
            }),
            &["type", "error"],
            "An error in the shape of Anthropic.",
        ),
    );
    schemas.insert(
        "GeminiError".into(),
        object(
            json!({ "error": object(
                json!({ "code": { "type": "integer" }, "message": text(), "status": text(), "details": { "type": "array" } }),
                &["code", "message", "status"],
                "What went wrong.",
            ) }),
            &["error"],
            "An error in the shape of Google.",
        ),
    );
    schemas.insert(
        "ScimError".into(),
        object(
            json!({
                "schemas": { "type": "array", "items": text() },
                "status": { "type": "string", "description": "The HTTP status, as text." },
                "scimType": { "type": "string", "description": "The kind of error, where RFC 7644 has a word for it." },
                "detail": { "type": "string", "description": "A sentence for people." },
            }),
            &["schemas", "status", "detail"],
            "An error of SCIM (RFC 7644, section 3.12). The stable code is the header `x-nexus-error-code`.",
        ),
    );
    schemas.insert(
        "EnvelopeError".into(),
        object(
            json!({
                "success": { "const": false },
                "data": { "type": "null" },
                "message": { "type": "string", "description": "A sentence for people." },
                "timestamp": { "type": "string", "format": "date-time" },
                "request_id": text(),
                "error_code": { "type": "string", "description": "The stable code, in capitals." },
                "param": { "type": "string", "description": "The field at fault." },
            }),
            &["success", "message", "timestamp", "request_id", "error_code"],
            "An error of the session API.",
        ),
    );
}
