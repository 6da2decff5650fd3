//! The configuration as a file.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::transfer::File;
use nexus_edge_core::catalog::transfer::Line;
use serde::Serialize;

use crate::declare::operations;

operations! {
    "Configuration";

    /// Export the configuration.
    ///
    /// Providers with their models, logical models, and presets of an operator's own, as one file without ids and without secrets.
    EXPORT: Get "/export/configuration" ManageConfiguration, |it| it.answer::<File>(200, "The file.");

    /// Import a configuration.
    ///
    /// Makes and changes what the file names, by name, and deletes nothing. Keys and headers of providers stay as they are; those of new ones
    /// are set afterwards. With `dry_run=true` it only tells what it would do.
    IMPORT: Post "/import/configuration" ManageConfiguration, |it| it
        .text("dry_run", "`true`: nothing is changed.")
        .free_body(&["version"], "A file of `GET /export/configuration`.")
        .answer::<Import>(200, "What was done, or would be.")
        .errors(&[(400, "unknown_provider"), (403, "review_required"), (503, "record_busy")]);
}

/// What an import did, or would do.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ConfigurationImport"))]
pub struct Import {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Records that are made.
    pub created: usize,
    /// Records that are changed.
    pub updated: usize,
    /// Records that are as the file says.
    pub unchanged: usize,
    /// A line for each entry of the file.
    pub records: Vec<Line>,
}
