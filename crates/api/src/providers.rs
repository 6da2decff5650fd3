//! Providers.

use nexus_edge_core::catalog::custom_preset::CustomPresetRecord;
use nexus_edge_core::catalog::presets::PresetList;
use nexus_edge_core::catalog::probe::ProbedHealth;
use nexus_edge_core::catalog::provider::ProviderView;
#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::provider_input::ProviderInput;
use nexus_edge_core::routing::health::OfProvider;
use nexus_edge_stats::figures::FiguresView;
use serde::Serialize;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "provider_not_found")];
#[cfg(feature = "openapi")]
const OF_UPDATES: &[(u16, &str)] =
    &[(404, "provider_not_found"), (409, "name_taken, provider_in_review"), (503, "record_busy")];
#[cfg(feature = "openapi")]
const OWN: &[(u16, &str)] = &[(403, "owner_not_allowed, own_provider_restricted, review_required")];

operations! {
    "Providers";

    /// List the presets.
    ///
    /// Providers that are known in advance: address, authentication, models, and what is particular about each; and the operator's own presets.
    PRESETS: Get "/provider-presets" ViewProviders / ManageOwnProviders, |it| it.answer::<Presets>(200, "The presets.");

    /// List the providers.
    LIST: Get "/providers" ViewProviders / ManageOwnProviders, |it| it
        .choice("with", &["state"], "How each is: probes, circuit, figures of the last hour. Needs `view_provider_health` and `view_all_statistics`.")
        .list::<ListedProvider<'_>>("providers", "The providers, secrets masked.");

    /// Create a provider.
    ///
    /// From a `preset`, from fields of its own, or both: what the body says goes before what the preset knows. Those who manage
    /// providers of their own make private ones, up to the quota `OWN_PROVIDERS`; the names of these end with a mark of their owner.
    CREATE: Post "/providers" ManageProviders / ManageOwnProviders, |it| it.creates::<ProviderInput>()
        .answer::<ProviderView<'_>>(201, "The provider, secrets masked.").errors(OWN).errors(&[(409, "name_taken, too_many_providers")]);

    /// List the providers that serve something.
    ///
    /// Those that are enabled and offer at least one enabled model.
    AVAILABLE: Get "/providers/available" ViewProviders / ManageOwnProviders, |it| it.list::<ProviderView<'_>>("providers", "The providers.");

    /// Show a provider.
    GET: Get "/providers/{id}" ViewProviders / ManageOwnProviders, |it| it.answer::<ProviderView<'_>>(200, "The provider.").errors(NOT_FOUND);

    /// Change a provider.
    ///
    /// What the body does not name stays as it is.
    UPDATE: Put "/providers/{id}" ManageProviders / ManageOwnProviders, |it| it.updates::<ProviderInput>()
        .answer::<ProviderView<'_>>(200, "The provider as it is now.").errors(OWN).errors(OF_UPDATES);

    /// Delete a provider.
    ///
    /// Its models and keys go with it.
    DELETE: Delete "/providers/{id}" ManageProviders / ManageOwnProviders, |it| it.deleted("integer").errors(NOT_FOUND)
        .errors(&[(409, "provider_in_review")]);

    /// Close the circuits of a provider.
    ///
    /// Its own, and those of its models and keys, in all isolates within seconds. They open again when it fails again. Waits that it
    /// asked for go on.
    RESET_CIRCUIT: Post "/providers/{id}/circuit/reset" OperateProviders, |it| it.answer::<CircuitReset>(200, "The circuits are closed.").errors(NOT_FOUND);

    /// Pause a provider.
    ///
    /// It gets no requests until it is resumed, within 3 seconds everywhere.
    PAUSE: Post "/providers/{id}/pause" OperateProviders / ManageOwnProviders, |it| it.answer::<ProviderView<'_>>(200, "The provider.").errors(OF_UPDATES);

    /// Resume a provider.
    RESUME: Post "/providers/{id}/resume" OperateProviders / ManageOwnProviders, |it| it.answer::<ProviderView<'_>>(200, "The provider.").errors(OF_UPDATES);

    /// Take a provider offline.
    ///
    /// It gets no requests and no probes, within 3 seconds everywhere. Its owner cannot resume it.
    OFFLINE: Post "/providers/{id}/offline" OperateProviders, |it| it.answer::<ProviderView<'_>>(200, "The provider.").errors(OF_UPDATES);
}

/// A provider of the list.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ListedProvider<'a> {
    /// The provider.
    #[serde(flatten)]
    pub provider: ProviderView<'a>,
    /// How it is, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ProviderState>,
}

/// How a provider is. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProviderState {
    /// What its probes say of it.
    pub health: ProbedHealth,
    /// The last successful probe.
    pub last_ok_at: Option<u64>,
    /// Its last probes, the newest first.
    pub probes: Vec<ShownProbe>,
    /// How the isolate that answers sees it: circuits and waits are at most some seconds old, everything else is its own.
    pub live: OfProvider,
    /// Its models.
    pub models: u64,
    /// Its further keys.
    pub keys: u64,
    /// Its figures of the last hour.
    pub last_hour: FiguresView,
}

/// A probe in the list of providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ShownProbe {
    /// When it was sent.
    pub ts: u64,
    /// Whether the answer was as expected.
    pub ok: bool,
    /// Milliseconds until the answer was complete.
    pub latency_ms: u64,
    /// The error.
    pub error: Option<String>,
}

/// What was closed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CircuitReset {
    /// The provider.
    pub provider_id: i64,
    /// How it is now.
    pub live: OfProvider,
}

/// The presets.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ProviderPresets"))]
pub struct Presets {
    /// The built-in ones.
    #[serde(flatten)]
    pub built_in: PresetList,
    /// The operator's own.
    pub custom: Vec<CustomPresetRecord>,
}
