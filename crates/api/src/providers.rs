//! Providers.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::presets::PresetList;
#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::{provider::ProviderView, provider_input::ProviderInput};

use crate::operation::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "provider_not_found")];
#[cfg(feature = "openapi")]
const OF_UPDATES: &[(u16, &str)] = &[(404, "provider_not_found"), (409, "name_taken"), (503, "record_busy")];

operations! {
    "Providers";

    /// List the presets.
    ///
    /// Providers that are known in advance: address, authentication, models, and what is particular about each.
    PRESETS: Get "/provider-presets" ViewProviders, |it| it.answer::<PresetList>(200, "The presets.");

    /// List the providers.
    LIST: Get "/providers" ViewProviders, |it| it.list::<ProviderView<'_>>("providers", "The providers, secrets masked.");

    /// Create a provider.
    ///
    /// From a `preset`, from fields of its own, or both: what the body says goes before what the preset knows.
    CREATE: Post "/providers" ManageProviders, |it| it.creates::<ProviderInput>()
        .answer::<ProviderView<'_>>(201, "The provider, secrets masked.").errors(&[(409, "name_taken")]);

    /// List the providers that serve something.
    ///
    /// Those that are enabled and offer at least one enabled model.
    AVAILABLE: Get "/providers/available" ViewProviders, |it| it.list::<ProviderView<'_>>("providers", "The providers.");

    /// Show a provider.
    GET: Get "/providers/{id}" ViewProviders, |it| it.answer::<ProviderView<'_>>(200, "The provider.").errors(NOT_FOUND);

    /// Change a provider.
    ///
    /// What the body does not name stays as it is.
    UPDATE: Put "/providers/{id}" ManageProviders, |it| it.updates::<ProviderInput>()
        .answer::<ProviderView<'_>>(200, "The provider as it is now.").errors(OF_UPDATES);

    /// Delete a provider.
    ///
    /// Its models and keys go with it.
    DELETE: Delete "/providers/{id}" ManageProviders, |it| it.deleted("integer").errors(NOT_FOUND);

    /// Pause a provider.
    ///
    /// It gets no requests until it is resumed.
    PAUSE: Post "/providers/{id}/pause" OperateProviders, |it| it.answer::<ProviderView<'_>>(200, "The provider.").errors(OF_UPDATES);

    /// Resume a provider.
    RESUME: Post "/providers/{id}/resume" OperateProviders, |it| it.answer::<ProviderView<'_>>(200, "The provider.").errors(OF_UPDATES);

    /// Take a provider offline.
    OFFLINE: Post "/providers/{id}/offline" OperateProviders, |it| it.answer::<ProviderView<'_>>(200, "The provider.").errors(OF_UPDATES);
}
