//! The list of `GET /v1/models`.

use serde::Serialize;

/// One model in `OpenAI`'s format. `permission` is an array because older clients index it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ModelCard<'a> {
    /// The value for `model` in requests.
    pub id: &'a str,
    object: &'static str,
    /// Seconds since the epoch.
    pub created: u64,
    /// Name of the provider.
    pub owned_by: &'a str,
    permission: [Permission; 1],
    root: &'a str,
    parent: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[expect(clippy::struct_excessive_bools, reason = "the fields are those of the wire format")]
struct Permission {
    id: &'static str,
    object: &'static str,
    created: u64,
    allow_create_engine: bool,
    allow_sampling: bool,
    allow_logprobs: bool,
    allow_search_indices: bool,
    allow_view: bool,
    allow_fine_tuning: bool,
    organization: &'static str,
    group: Option<&'static str>,
    is_blocking: bool,
}

/// The envelope of the list.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ModelList<'a> {
    object: &'static str,
    data: Vec<ModelCard<'a>>,
}

impl<'a> ModelCard<'a> {
    /// A card for `id`, served by `owned_by`, created at `created_ms`.
    #[must_use]
    pub fn new(id: &'a str, owned_by: &'a str, created_ms: u64) -> Self {
        let created = created_ms / 1000;
        let permission = Permission {
            id: "modelperm-nexus",
            object: "model_permission",
            created,
            allow_create_engine: false,
            allow_sampling: true,
            allow_logprobs: true,
            allow_search_indices: false,
            allow_view: true,
            allow_fine_tuning: false,
            organization: "*",
            group: None,
            is_blocking: false,
        };
        Self { id, object: "model", created, owned_by, permission: [permission], root: id, parent: None }
    }
}

impl<'a> ModelList<'a> {
    /// The list of these cards.
    #[must_use]
    pub fn new(data: Vec<ModelCard<'a>>) -> Self {
        Self { object: "list", data }
    }
}
