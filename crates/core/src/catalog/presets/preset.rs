//! What a row of the table of presets says.

use serde::{Serialize, Serializer};

/// A provider that is known in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Preset {
    /// Names the preset.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// The language that it speaks, as a provider's `kind`.
    pub kind: &'static str,
    /// Where it is, as a provider's `server_url` (see [`crate::http::upstream_url`]); absent where nothing is reached
    /// over the network.
    pub server_url: Option<&'static str>,
    /// The same service at other addresses.
    pub regions: &'static [Region],
    /// Words in the addresses that must be replaced first.
    pub placeholders: &'static [&'static str],
    /// How a key is sent.
    pub auth: Auth,
    /// The provider's documentation.
    pub docs: &'static str,
    /// Some of its models.
    pub models: &'static [PresetModel],
    /// What is particular about it.
    pub quirks: &'static [Quirk],
}

/// The same service at another address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Where that is.
    pub name: &'static str,
    /// The address.
    pub server_url: &'static str,
}

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
    /// None is needed.
    None,
}

/// What is particular about a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// The text of an answer may stand at its top (`message`, `text`, `content`, `response`).
    OddReplies,
    /// Takes marks up to which a prompt is cached (`cache_control`).
    CacheControl,
    /// Wants `max_completion_tokens` instead of `max_tokens`.
    MaxCompletionTokens,
    /// Knows `max_tokens` only.
    MaxTokensOnly,
    /// Refuses `stream_options`; usage comes unasked.
    NoStreamOptions,
    /// Speaks the Responses API itself.
    Responses,
    /// Refuses a request that does not say whose it is.
    NeedsUser,
    /// Keeps the conversation itself.
    KeepsConversation,
    /// Cannot be made to call a function.
    ToolChoiceAutoOnly,
    /// Promises JSON, but no schema.
    NoJsonSchema,
    /// Does not know the role `developer`.
    NoDeveloperRole,
    /// Writes its thoughts into the text, between `<think>` and `</think>`.
    ThinkTags,
}

impl Quirk {
    /// Its name in answers of the admin API.
    #[must_use]
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// A model that is known in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresetModel {
    /// What the provider calls it.
    pub name: &'static str,
    /// Tokens that fit into a conversation, if that is known.
    pub context_length: Option<u32>,
    abilities: u8,
}

// What a model can do, as bits of [`PresetModel::new`]'s last argument.
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

    /// It sees pictures.
    #[must_use]
    pub fn vision(self) -> bool {
        self.can(VISION)
    }

    /// It calls functions.
    #[must_use]
    pub fn tools(self) -> bool {
        self.can(TOOLS)
    }

    /// It answers in JSON of a given schema.
    #[must_use]
    pub fn json_schema(self) -> bool {
        self.can(JSON_SCHEMA)
    }

    /// It thinks before it answers.
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

impl Serialize for PresetModel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[expect(clippy::struct_excessive_bools, reason = "each is a field of the answer")]
        struct View {
            name: &'static str,
            context_length: Option<u32>,
            vision: bool,
            tools: bool,
            json_schema: bool,
            reasoning: bool,
            slow: bool,
        }
        let view = View {
            name: self.name,
            context_length: self.context_length,
            vision: self.vision(),
            tools: self.tools(),
            json_schema: self.json_schema(),
            reasoning: self.reasoning(),
            slow: self.slow(),
        };
        view.serialize(serializer)
    }
}
