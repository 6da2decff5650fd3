//! Presets of an operator's own.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::custom_preset::{CustomPresetInput, CustomPresetRecord};

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "preset_not_found")];

operations! {
    "Presets";

    /// Create a preset.
    ///
    /// For providers that the users of this deployment need and the built-in presets lack. It contains no secret.
    CREATE: Post "/provider-presets" ManageProviders, |it| it.creates::<CustomPresetInput>()
        .answer::<CustomPresetRecord>(201, "The preset.").errors(&[(409, "name_taken, too_many_presets")]);

    /// Change a preset.
    ///
    /// Providers that were made from it stay as they are. Built-in presets cannot be changed.
    UPDATE: Put "/provider-presets/{id}" ManageProviders, |it| it.updates::<CustomPresetInput>()
        .answer::<CustomPresetRecord>(200, "The preset as it is now.").errors(NOT_FOUND).errors(&[(503, "record_busy")]);

    /// Delete a preset.
    DELETE: Delete "/provider-presets/{id}" ManageProviders, |it| it.deleted("string").errors(NOT_FOUND);
}
