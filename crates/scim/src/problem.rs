//! Errors in the form of RFC 7644, section 3.12.

use nexus_edge_core::error::ApiError;
use serde_json::{Value, json};

/// URN of errors.
pub const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A filter that cannot be read, or names what there is not: `invalidFilter`.
#[must_use]
pub fn invalid_filter(message: impl Into<String>) -> ApiError {
    ApiError::invalid("invalid_filter", "filter", message)
}

/// A filter for which too many resources would have to be looked at: `tooMany`.
#[must_use]
pub fn too_many(most: usize) -> ApiError {
    let message = format!(
        "A filter of this kind is answered for at most {most} resources. Filter by `userName eq`, `externalId eq` or `displayName eq`."
    );
    ApiError::invalid("too_many_results", "filter", message)
}

/// A path of a change that names no attribute: `invalidPath`.
#[must_use]
pub fn invalid_path(path: &str, why: &str) -> ApiError {
    let shown: String = path.chars().take(100).collect();
    ApiError::invalid("invalid_attribute_path", "path", format!("The path `{shown}` {why}."))
}

/// A path of a change that selects nothing: `noTarget`.
#[must_use]
pub fn no_target(message: impl Into<String>) -> ApiError {
    ApiError::invalid("no_such_target", "path", message)
}

/// A change of what only the service says: `mutability`.
#[must_use]
pub fn read_only(name: &str) -> ApiError {
    ApiError::invalid("read_only_attribute", name, format!("`{name}` cannot be changed."))
}

/// A value that an attribute cannot have: `invalidValue`.
#[must_use]
pub fn invalid_value(name: &str, must: &str) -> ApiError {
    ApiError::invalid("invalid_value", name, format!("`{name}` {must}."))
}

/// The value of `scimType` for an error with this status and code, where the standard has one.
#[must_use]
pub fn scim_type(status: u16, code: &str) -> Option<&'static str> {
    Some(match (status, code) {
        (409, _) => "uniqueness",
        (400, "invalid_filter") => "invalidFilter",
        (400, "too_many_results") => "tooMany",
        (400, "invalid_attribute_path") => "invalidPath",
        (400, "no_such_target") => "noTarget",
        (400, "read_only_attribute") => "mutability",
        (400, "invalid_json") => "invalidSyntax",
        (400, _) => "invalidValue",
        _ => return None,
    })
}

/// The body of an error. There is no place in it for the gateway's own code: clients that check it allow nothing else.
#[must_use]
pub fn body(error: &ApiError) -> Value {
    let mut body = json!({
        "schemas": [ERROR_URN],
        "status": error.status.to_string(),
        "detail": error.message,
    });
    if let (Some(kind), Some(body)) = (scim_type(error.status, error.code), body.as_object_mut()) {
        body.insert("scimType".into(), kind.into());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_form_of_the_standard() {
        let body = body(&invalid_filter("no"));
        assert_eq!(
            (body["status"].as_str(), body["scimType"].as_str()),
            (Some("400"), Some("invalidFilter"))
        );
        assert_eq!(body["schemas"][0], ERROR_URN);
        assert_eq!(scim_type(409, "name_taken"), Some("uniqueness"));
        assert_eq!((scim_type(404, "user_not_found"), scim_type(412, "x")), (None, None));
    }
}
