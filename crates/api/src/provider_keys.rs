//! Further keys of a provider. A key is never shown again, only masked.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::provider_key::{ProviderKeyInput, ProviderKeyView};

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "provider_not_found, provider_key_not_found")];

operations! {
    "Keys of providers";

    /// List the keys of a provider.
    LIST: Get "/providers/{id}/keys" ManageProviderKeys / ManageOwnProviders, |it| it.list::<ProviderKeyView<'_>>("keys", "The keys, masked.")
        .errors(&[(404, "provider_not_found")]);

    /// Add a key to a provider.
    ///
    /// Requests are spread over all keys of a provider by their weights.
    CREATE: Post "/providers/{id}/keys" ManageProviderKeys / ManageOwnProviders, |it| it.creates::<ProviderKeyInput>()
        .answer::<ProviderKeyView<'_>>(201, "The key, masked.")
        .errors(&[(404, "provider_not_found"), (409, "name_taken, too_many_keys")]);

    /// Show a key of a provider.
    GET: Get "/providers/{id}/keys/{key_id}" ManageProviderKeys / ManageOwnProviders, |it| it.answer::<ProviderKeyView<'_>>(200, "The key, masked.")
        .errors(NOT_FOUND);

    /// Change a key of a provider.
    UPDATE: Put "/providers/{id}/keys/{key_id}" ManageProviderKeys / ManageOwnProviders, |it| it.updates::<ProviderKeyInput>()
        .answer::<ProviderKeyView<'_>>(200, "The key as it is now.").errors(NOT_FOUND)
        .errors(&[(409, "name_taken"), (503, "record_busy")]);

    /// Remove a key of a provider.
    DELETE: Delete "/providers/{id}/keys/{key_id}" ManageProviderKeys / ManageOwnProviders, |it| it.deleted("string").errors(NOT_FOUND);
}
