//! The limits within which a reviewer makes a provider public.

use serde::{Deserialize, Serialize};

use crate::catalog::ProviderRecord;

/// Limits within which a provider is public.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SubmissionLimits"))]
pub struct Limits {
    /// Requests a minute.
    #[serde(default)]
    pub rate_limit: Option<u32>,
    /// Requests a second.
    #[serde(default)]
    pub max_qps: Option<u32>,
    /// Requests under way at the same time.
    #[serde(default)]
    pub max_in_flight: Option<u32>,
}

impl Limits {
    /// Whether there is no limit.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Sets them; a provider with a lower limit of its own keeps it.
    pub fn apply(&self, provider: &mut ProviderRecord) {
        let least = |own: Option<u32>, limit: Option<u32>| match (own, limit) {
            (Some(own), Some(limit)) => Some(own.min(limit)),
            (own, limit) => own.or(limit),
        };
        provider.rate_limit = least(provider.rate_limit, self.rate_limit);
        provider.max_qps = least(provider.max_qps, self.max_qps);
        provider.max_in_flight = least(provider.max_in_flight, self.max_in_flight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_only_lowers() {
        let mut provider = ProviderRecord::new("u".into(), "p".into(), 0);
        (provider.max_qps, provider.rate_limit) = (Some(5), Some(600));
        let limits = Limits { max_qps: Some(9), rate_limit: Some(60), max_in_flight: Some(2) };
        limits.apply(&mut provider);
        assert_eq!(
            (provider.max_qps, provider.rate_limit, provider.max_in_flight),
            (Some(5), Some(60), Some(2))
        );
        Limits::default().apply(&mut provider);
        assert_eq!(provider.rate_limit, Some(60));
    }
}
