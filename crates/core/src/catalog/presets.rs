//! Providers that are known in advance, so that creating one takes no more than a key.
//!
//! The table is data, put together on [`CHECKED_ON`] from the providers' public documentation and public lists of models;
//! it has not been tried against every service. It is a starting point and no limit: models come and go faster than any
//! table, and a provider may be created without a preset. Prices are not part of it.

mod table;

use serde::{Serialize, Serializer};

/// The day on which the table was last compared with public documentation.
pub const CHECKED_ON: &str = "2026-11-20";

/// A provider that is known in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Preset {
    /// Names the preset.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// The language that it speaks, as a provider's `kind`.
    pub kind: &'static str,
    /// Where it is, as a provider's `server_url` (see [`crate::routing::upstream_url`]); absent where nothing is reached
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

const VISION: u8 = 1;
const TOOLS: u8 = 1 << 1;
const JSON_SCHEMA: u8 = 1 << 2;
const REASONING: u8 = 1 << 3;
const SLOW: u8 = 1 << 4;

impl PresetModel {
    const fn new(name: &'static str, context_length: u32, abilities: u8) -> Self {
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

/// The answer to `GET /provider-presets`.
#[derive(Debug, Serialize)]
pub struct PresetList {
    /// [`CHECKED_ON`]
    pub checked_on: &'static str,
    /// [`all`]
    pub presets: &'static [Preset],
}

/// All presets.
#[must_use]
pub fn all() -> &'static [Preset] {
    table::PRESETS
}

/// All presets, as the admin API answers them.
#[must_use]
pub fn list() -> PresetList {
    PresetList { checked_on: CHECKED_ON, presets: all() }
}

/// The preset of this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routing::upstream_url::UpstreamUrl;

    /// The kinds that exist or are to come.
    const KINDS: &[&str] = &[
        "openai",
        "azure_openai",
        "anthropic",
        "gemini",
        "vertex",
        "dashscope",
        "dify",
        "workers_ai",
        "demo",
    ];

    #[test]
    fn every_address_can_be_entered() {
        for preset in all() {
            let regions = preset.regions.iter().map(|region| region.server_url);
            for url in preset.server_url.into_iter().chain(regions) {
                assert!(UpstreamUrl::parse(url, true).is_ok(), "{}: {url}", preset.id);
                let is_local = ["ollama", "vllm", "lm_studio"].contains(&preset.id);
                assert_eq!(UpstreamUrl::parse(url, false).is_ok(), !is_local, "{}: {url}", preset.id);
                assert!(is_local || url.starts_with("https://"), "{url}");
            }
            assert_eq!(preset.server_url.is_none(), ["workers_ai", "demo"].contains(&preset.kind));
            assert!(preset.docs.starts_with("https://") || preset.kind == "demo");
            assert!(KINDS.contains(&preset.kind), "{}", preset.kind);
            for word in preset.placeholders {
                assert!(preset.server_url.is_some_and(|url| url.contains(word)), "{word}");
            }
        }
    }

    #[test]
    fn ids_and_models_are_unique() {
        let ids: BTreeSet<_> = all().iter().map(|preset| preset.id).collect();
        assert_eq!(ids.len(), all().len());
        for preset in all() {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(preset.id.chars().all(is_plain), "{}", preset.id);
            assert_eq!(find(preset.id), Some(preset));
            let names: BTreeSet<_> = preset.models.iter().map(|model| model.name).collect();
            assert_eq!(names.len(), preset.models.len(), "{}", preset.id);
            let quirks: BTreeSet<_> = preset.quirks.iter().map(|quirk| format!("{quirk:?}")).collect();
            assert_eq!(quirks.len(), preset.quirks.len(), "{}", preset.id);
        }
        assert!(find("none").is_none());
    }

    #[test]
    fn where_chat_completions_are_asked_for() {
        for (id, url) in [
            ("openai", "https://api.openai.com/v1/chat/completions"),
            ("qwen", "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"),
            ("zhipu", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
            ("ernie", "https://qianfan.baidubce.com/v2/chat/completions"),
            ("volcengine", "https://ark.cn-beijing.volces.com/api/v3/chat/completions"),
            ("perplexity", "https://api.perplexity.ai/chat/completions"),
            ("groq", "https://api.groq.com/openai/v1/chat/completions"),
        ] {
            let preset = find(id).unwrap();
            let parsed = UpstreamUrl::parse(preset.server_url.unwrap(), false).unwrap();
            assert_eq!(parsed.chat_completions(), url);
        }
    }

    #[test]
    fn the_list_as_it_is_answered() {
        let list = serde_json::to_value(list()).unwrap();
        assert_eq!(list["checked_on"], CHECKED_ON);
        let azure = list["presets"].as_array().unwrap().iter().find(|preset| preset["id"] == "azure_openai");
        let azure = azure.unwrap();
        assert_eq!(azure["auth"], "api_key_header");
        assert_eq!(azure["quirks"][0], "max_completion_tokens");
        assert_eq!(azure["placeholders"][0], "YOUR-RESOURCE");
        let model = &list["presets"][0]["models"][0];
        assert_eq!(model["tools"], true);
        assert!(model["context_length"].as_u64().unwrap() > 100_000);
    }
}
