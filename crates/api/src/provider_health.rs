//! What asks providers: their health, tests, and the models that they offer.

use nexus_edge_core::catalog::OperationStatus;
use nexus_edge_core::catalog::probe::{ProbeRecord, ProbedHealth};
#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::probe_input::{DiscoverInput, TestInput, ValidateInput};
use nexus_edge_core::provider::models::UpstreamModel;
#[cfg(feature = "openapi")]
use nexus_edge_core::provider::probe::ProbeResult;
use serde::Serialize;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "provider_not_found")];
/// An upstream that cannot be asked.
#[cfg(feature = "openapi")]
const OF_UPSTREAMS: &[(u16, &str)] = &[
    (404, "provider_not_found"),
    (400, "unsupported_operation"),
    (503, "provider_unavailable"),
    (502, "upstream_unreachable, upstream_error"),
    (504, "upstream_timeout"),
];

operations! {
    "Health of providers";

    /// Show the health of a provider.
    ///
    /// By its last probes.
    HEALTH: Get "/providers/{id}/health" ViewProviderHealth / ManageOwnProviders, |it| it.number("limit", 1..=100, "Probes that are shown; 20 is the default.")
        .answer::<ProviderHealth<'_>>(200, "Its health.").errors(NOT_FOUND);

    /// Test a provider.
    ///
    /// By a real chat of a few tokens. A failed test is a successful answer with `success: false`.
    TEST: Post "/providers/{id}/test" OperateProviders / ManageOwnProviders, |it| it.optional_body::<TestInput>()
        .answer::<ProbeResult>(200, "What came of it.").errors(OF_UPSTREAMS);

    /// Validate models of a provider.
    ///
    /// Each is asked once, by a real chat of a few tokens.
    VALIDATE: Post "/providers/{id}/validate-models" OperateProviders / ManageOwnProviders, |it| it.optional_body::<ValidateInput>()
        .list::<ProbeResult>("results", "A result for each model.").errors(OF_UPSTREAMS);

    /// List the models that the upstream offers.
    UPSTREAM_MODELS: Get "/providers/{id}/upstream-models" OperateProviders / ManageOwnProviders, |it| it
        .list::<ListedModel>("models", "The models of the upstream.").errors(OF_UPSTREAMS);

    /// Take over models that the upstream offers.
    ///
    /// Adds those that the provider does not have yet.
    DISCOVER: Post "/providers/{id}/discover" ManageModels / ManageOwnProviders, |it| it.optional_body::<DiscoverInput>()
        .answer::<Discovered>(200, "What was found and added.").errors(OF_UPSTREAMS)
        .errors(&[(403, "review_required"), (409, "provider_in_review, too_many_models")]);
}

/// How a provider is, by its last probes. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProviderHealth<'a> {
    /// The provider.
    pub provider_id: i64,
    /// Whether it is used.
    pub enabled: bool,
    /// What the operator says of it.
    pub status: OperationStatus,
    /// What its probes say of it.
    pub health: ProbedHealth,
    /// Whether it is probed.
    pub probe_enabled: bool,
    /// Seconds between two probes.
    pub probe_interval_s: u64,
    /// The last successful probe.
    pub last_ok_at: Option<u64>,
    /// Its last probes, the newest first.
    pub probes: &'a [ProbeRecord],
}

/// A model that the upstream offers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ListedModel {
    /// The model.
    #[serde(flatten)]
    pub model: UpstreamModel,
    /// Whether it is among the models of the provider.
    pub known: bool,
}

/// What was found and added.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Discovered {
    /// Models that the upstream offers.
    pub found: usize,
    /// Names of those that were added.
    pub added: Vec<String>,
}
