//! A row of the table of presets.

use serde::Serialize;

use super::model::PresetModel;
use crate::provider::Quirk;

/// A known provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Preset {
    /// Id of the preset.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Its kind, as a provider's `kind`.
    pub kind: &'static str,
    /// Its address, as a provider's `server_url` (see [`crate::http::upstream_url`]); absent for kinds without a
    /// network address.
    pub server_url: Option<&'static str>,
    /// Other addresses of the same service.
    pub regions: &'static [Region],
    /// Placeholders in the addresses that must be replaced first.
    pub placeholders: &'static [&'static str],
    /// How a key is sent.
    pub auth: Auth,
    /// The provider's documentation.
    pub docs: &'static str,
    /// Some of its models, those that are gone among them; [`super::list`] tells them apart.
    #[serde(skip)]
    pub models: &'static [PresetModel],
    /// Its quirks.
    pub quirks: &'static [Quirk],
}

/// Another address of the same service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Region {
    /// Its location.
    pub name: &'static str,
    /// The address.
    pub server_url: &'static str,
}

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// `authorization: Bearer …`
    Bearer,
    /// `x-api-key: …`
    XApiKey,
    /// `api-key: …`
    ApiKeyHeader,
    /// `?key=…`, or the header `x-goog-api-key`.
    QueryKey,
    /// A service account, whose key signs a request for a token.
    ServiceAccount,
    /// An access key of AWS, as JSON, that signs every request; or a Bedrock API key, as [`Auth::Bearer`].
    AwsSignature,
    /// No key is needed.
    None,
}
