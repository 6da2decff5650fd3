//! A row of the table of presets.

use serde::Serialize;

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
    /// Some of its models.
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

/// A known model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(into = "PresetModelView")]
pub struct PresetModel {
    /// The provider's name of it.
    pub name: &'static str,
    /// Context length in tokens; `None`: unknown.
    pub context_length: Option<u32>,
    abilities: u8,
}

// The capabilities of a model, as bits of [`PresetModel::new`]'s last argument.
pub(super) const VISION: u8 = 1;
pub(super) const TOOLS: u8 = 1 << 1;
pub(super) const JSON_SCHEMA: u8 = 1 << 2;
pub(super) const REASONING: u8 = 1 << 3;
pub(super) const SLOW: u8 = 1 << 4;

impl PresetModel {
    pub(super) const fn new(name: &'static str, context_length: u32, abilities: u8) -> Self {
        let context_length = if context_length == 0 { None } else { Some(context_length) };
        Self { name, context_length, abilities }
    }

    fn can(self, ability: u8) -> bool {
        self.abilities & ability != 0
    }

    /// It accepts images.
    #[must_use]
    pub fn vision(self) -> bool {
        self.can(VISION)
    }

    /// It calls tools.
    #[must_use]
    pub fn tools(self) -> bool {
        self.can(TOOLS)
    }

    /// It answers by a JSON schema.
    #[must_use]
    pub fn json_schema(self) -> bool {
        self.can(JSON_SCHEMA)
    }

    /// It is a reasoning model.
    #[must_use]
    pub fn reasoning(self) -> bool {
        self.can(REASONING)
    }

    /// Its first byte may take minutes.
    #[must_use]
    pub fn slow(self) -> bool {
        self.can(SLOW)
    }
}

/// A model of a preset as the admin API shows it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "PresetModel"))]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the answer")]
struct PresetModelView {
    /// What the provider calls it.
    name: &'static str,
    /// Tokens that fit into a conversation, if that is known.
    context_length: Option<u32>,
    /// Whether it sees pictures.
    vision: bool,
    /// Whether it calls tools.
    tools: bool,
    /// Whether it answers in JSON of a given schema.
    json_schema: bool,
    /// Whether it reasons before it answers.
    reasoning: bool,
    /// Whether its first byte may take minutes.
    slow: bool,
}

impl From<PresetModel> for PresetModelView {
    fn from(model: PresetModel) -> Self {
        Self {
            name: model.name,
            context_length: model.context_length,
            vision: model.vision(),
            tools: model.tools(),
            json_schema: model.json_schema(),
            reasoning: model.reasoning(),
            slow: model.slow(),
        }
    }
}
