//! Whether the deployment is alive, and its description of itself.

use serde::Serialize;

use crate::declare::operations;

operations! {
    "Service";

    /// Is the gateway alive?
    ///
    /// Answers without touching anything else: it says that the Worker runs.
    HEALTH: Get "/health" Public, |it| it.answer::<Health>(200, "It runs.");
}

/// The answer.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `ok`.
    pub status: &'static str,
    /// The version of the gateway.
    pub version: &'static str,
}
