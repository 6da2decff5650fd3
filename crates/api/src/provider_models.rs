//! Models of providers.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::{ModelRecord, model::ModelInput};

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "provider_model_not_found")];
#[cfg(feature = "openapi")]
const OF_WRITES: &[(u16, &str)] = &[
    (403, "review_required"),
    (404, "provider_not_found, provider_model_not_found"),
    (409, "name_taken, provider_in_review, too_many_models"),
    (503, "record_busy"),
];

operations! {
    "Models of providers";

    /// List the models of a provider.
    LIST_OF_PROVIDER: Get "/providers/{id}/models" ViewModels, |it| it.list::<ModelRecord>("models", "Its models.")
        .errors(&[(404, "provider_not_found")]);

    /// List the models of all providers.
    LIST: Get "/provider_models" ViewModels, |it| it.list::<ModelRecord>("models", "The models.");

    /// Add a model to a provider.
    CREATE: Post "/provider_models" ManageModels / ManageOwnProviders, |it| it.creates::<ModelInput>().answer::<ModelRecord>(201, "The model.")
        .errors(OF_WRITES);

    /// Show a model of a provider.
    GET: Get "/provider_models/{id}" ViewModels, |it| it.answer::<ModelRecord>(200, "The model.").errors(NOT_FOUND);

    /// Change a model of a provider.
    UPDATE: Put "/provider_models/{id}" ManageModels / ManageOwnProviders, |it| it.updates::<ModelInput>()
        .answer::<ModelRecord>(200, "The model as it is now.").errors(OF_WRITES);

    /// Remove a model of a provider.
    DELETE: Delete "/provider_models/{id}" ManageModels / ManageOwnProviders, |it| it.deleted("integer").errors(NOT_FOUND);
}
