//! Where the price of a request comes from.

use serde::{Deserialize, Serialize};

/// Where the price of a request comes from, as it is recorded and answered in `x-nexus-price-source`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// The provider said what the request costs.
    Provider,
    /// An operator set the price.
    Override,
    /// A table that an operator uploaded.
    Uploaded,
    /// The built-in table, at the provider's own seller.
    List,
    /// A table, at a seller that the provider is not known to be.
    Assumed,
    /// The provider is part of the gateway.
    Free,
    /// The price is not known; it is the one that the deployment sets for such models.
    Ceiling,
    /// The price is not known.
    Unknown,
    /// The request was interrupted, and what was reserved for it is charged: what it used is not known.
    Reserved,
    /// Nothing was used, so there is nothing to pay.
    #[default]
    None,
}

impl PriceSource {
    /// The name under which it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Override => "override",
            Self::Uploaded => "uploaded",
            Self::List => "list",
            Self::Assumed => "assumed",
            Self::Free => "free",
            Self::Ceiling => "ceiling",
            Self::Unknown => "unknown",
            Self::Reserved => "reserved",
            Self::None => "none",
        }
    }
}
