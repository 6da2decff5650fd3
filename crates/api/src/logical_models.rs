//! Logical models.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::{LogicalModelRecord, logical_model::LogicalModelInput};
#[cfg(feature = "openapi")]
use nexus_edge_core::routing::explain::UpstreamRow;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const ID: &str = "The number of the logical model, or its name.";
#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "logical_model_not_found")];

operations! {
    "Logical models";

    /// List the logical models.
    LIST: Get "/logical-models" ViewModels, |it| it.list::<LogicalModelRecord>("logical_models", "The logical models.");

    /// Create a logical model.
    CREATE: Post "/logical-models" ManageModels, |it| it.creates::<LogicalModelInput>()
        .answer::<LogicalModelRecord>(201, "The logical model.")
        .errors(&[(404, "provider_not_found"), (409, "name_taken")]);

    /// Show a logical model.
    GET: Get "/logical-models/{id}" ViewModels, |it| it.path("id", ID)
        .answer::<LogicalModelRecord>(200, "The logical model.").errors(NOT_FOUND);

    /// Change a logical model.
    UPDATE: Put "/logical-models/{id}" ManageModels, |it| it.path("id", ID).updates::<LogicalModelInput>()
        .answer::<LogicalModelRecord>(200, "The logical model as it is now.")
        .errors(&[(404, "logical_model_not_found, provider_not_found"), (409, "name_taken"), (503, "record_busy")]);

    /// Delete a logical model.
    DELETE: Delete "/logical-models/{id}" ManageModels, |it| it.path("id", ID).deleted("integer").errors(NOT_FOUND);

    /// List the upstreams of a model.
    ///
    /// What would serve it, whether it is configured or found by name, and how each fares in the isolate that answers.
    UPSTREAMS: Get "/logical-models/{id}/upstreams" ViewRoutingDecisions, |it| it.path("id", ID)
        .text("owner", "The user, or owner of keys, who would ask; only their own private providers are among the upstreams. Without it: you.")
        .list::<UpstreamRow<'_>>("upstreams", "The upstreams.").errors(&[(403, "owner_not_allowed"), (404, "model_not_found")]);
}
