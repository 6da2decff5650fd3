//! Why a request would go where it goes, and where sessions are bound to.

#[cfg(feature = "openapi")]
use nexus_edge_core::routing::explain::{DecideInput, Explanation};
use serde::Serialize;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const OF_KEY: &str = "The API key whose session it is, where several use the id.";

operations! {
    "Routing";

    /// Explain a routing decision.
    ///
    /// The plan for a model as this isolate would make it now, with the score of each candidate and the reason of those that are left
    /// out: for an API key, a session, and what the request needs. No upstream is asked.
    DECIDE: Post "/routing/decide" ViewRoutingDecisions, |it| it.body::<DecideInput>()
        .answer::<Explanation<'_>>(200, "The plan.")
        .errors(&[(403, "owner_not_allowed"), (404, "model_not_found, key_not_found")]);

    /// Show where a session is bound to.
    GET_SESSION: Get "/routing/sessions/{id}" ViewRoutingDecisions, |it| it.text("key_id", OF_KEY)
        .answer::<SessionBinding<'_>>(200, "The upstream that answers the session.").errors(&[(404, "session_not_found")]);

    /// Unbind a session.
    ///
    /// Its next request is routed as if it were the first.
    DELETE_SESSION: Delete "/routing/sessions/{id}" OperateProviders, |it| it.text("key_id", OF_KEY).deleted("string")
        .errors(&[(404, "session_not_found")]);
}

/// The upstream that answers a session. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SessionBinding<'a> {
    /// The session.
    pub conversation_id: &'a str,
    /// The API key whose session it is.
    pub api_key_id: String,
    /// The model that the caller names.
    pub logical_model: String,
    /// The provider.
    pub provider_id: i64,
    /// The provider's model.
    pub model_id: String,
    /// The key of the provider.
    pub provider_key_id: Option<String>,
    /// When it was bound.
    pub created_at: u64,
    /// When it was last written.
    pub last_used_at: u64,
}
