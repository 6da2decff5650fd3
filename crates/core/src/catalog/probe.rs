//! The history of a provider's probes, and the health that it shows.

use serde::{Deserialize, Serialize};

use super::{ModelRecord, ProviderRecord};
use crate::row::flag;

/// The result of one probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProbeRecord {
    /// ULID.
    pub id: String,
    /// The provider.
    pub provider_id: i64,
    /// When it was sent, in milliseconds since the epoch.
    pub ts: u64,
    /// Whether the answer was as expected.
    #[serde(deserialize_with = "flag")]
    pub ok: bool,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// Milliseconds until the answer was complete.
    pub latency_ms: u64,
    /// The upstream's name of the model.
    pub model: String,
    /// The error.
    pub error: Option<String>,
}

/// A provider's health, by its last probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProbedHealth {
    /// It was never probed.
    Unknown,
    /// The last probe succeeded, and most before it.
    Healthy,
    /// Some probes succeed.
    Degraded,
    /// The last probes failed, several in a row.
    Down,
}

/// Failures in a row that count as down.
const DOWN_AFTER: usize = 3;
/// Probes that count as recent.
const RECENT: usize = 10;

impl ProbedHealth {
    /// The health by these probes, newest first.
    #[must_use]
    pub fn of(probes: &[ProbeRecord]) -> Self {
        let recent = probes.get(..RECENT.min(probes.len())).unwrap_or_default();
        let failures = recent.iter().filter(|probe| !probe.ok).count();
        let in_a_row = recent.iter().take_while(|probe| !probe.ok).count();
        match recent {
            [] => Self::Unknown,
            // A provider that never answered is down from the first probe on.
            _ if in_a_row >= DOWN_AFTER || in_a_row == recent.len() => Self::Down,
            _ if in_a_row > 0 || failures * 4 > recent.len() => Self::Degraded,
            _ => Self::Healthy,
        }
    }
}

/// The upstream's name of the model to probe: of `wanted`, or of the provider's first enabled model. `None` if there
/// is none.
#[must_use]
pub fn probed_model(wanted: Option<&str>, models: &[ModelRecord]) -> Option<String> {
    let Some(wanted) = wanted else {
        return models.iter().find(|model| model.enabled).map(|model| model.asked_for().to_owned());
    };
    let known = models.iter().find(|model| model.model_name == wanted);
    Some(known.map_or(wanted, ModelRecord::asked_for).to_owned())
}

impl ProviderRecord {
    /// The upstream's name of the model that the cron probes; see [`probed_model`].
    #[must_use]
    pub fn probed_model(&self, models: &[ModelRecord]) -> Option<String> {
        probed_model(self.probe_model.as_deref(), models)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::provider::test_record;

    fn health(newest_first: &str) -> ProbedHealth {
        let probe = |answered: char| ProbeRecord {
            id: String::new(),
            provider_id: 1,
            ts: 0,
            ok: answered == '+',
            status: None,
            latency_ms: 1,
            model: "m".into(),
            error: None,
        };
        ProbedHealth::of(&newest_first.chars().map(probe).collect::<Vec<_>>())
    }

    #[test]
    fn health_follows_the_last_probes() {
        for (probes, expected) in [
            ("", ProbedHealth::Unknown),
            ("+", ProbedHealth::Healthy),
            ("-", ProbedHealth::Down),
            ("-+", ProbedHealth::Degraded),
            ("--+++", ProbedHealth::Degraded),
            ("---+++", ProbedHealth::Down),
            ("+---", ProbedHealth::Degraded),
            ("+-++++++++", ProbedHealth::Healthy),
            ("++++++++++---", ProbedHealth::Healthy),
        ] {
            assert_eq!(health(probes), expected, "{probes}");
        }
    }

    #[test]
    fn the_model_is_the_named_one_or_the_first_that_is_offered() {
        let mut off = ModelRecord::new(1, "off".into(), 0);
        off.enabled = false;
        let mut alias = ModelRecord::new(1, "nice".into(), 0);
        alias.upstream_model = Some("real".into());
        let models = [off, alias];
        let mut provider = test_record(1, "p");
        assert_eq!(provider.probed_model(&models).as_deref(), Some("real"));
        assert_eq!(provider.probed_model(&[]), None);
        for (named, asked) in [("nice", "real"), ("off", "off"), ("other", "other")] {
            provider.probe_model = Some(named.into());
            assert_eq!(provider.probed_model(&models).as_deref(), Some(asked));
        }
    }
}
