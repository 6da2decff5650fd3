//! The form of what SCIM asks and answers (RFC 7644). The attributes are declared in `nexus-edge-scim`.

/// The content type of requests and answers (RFC 7644, section 3.1).
pub const CONTENT_TYPE: &str = "application/scim+json";

/// A resource of SCIM, or a list of resources.
#[cfg(feature = "openapi")]
#[derive(Debug, schemars::JsonSchema)]
pub struct ScimResource {
    /// The URNs of its schemas.
    pub schemas: Vec<String>,
    /// Its id; lists and descriptions have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What its schemas say.
    #[serde(flatten)]
    pub attributes: std::collections::BTreeMap<String, serde_json::Value>,
}
