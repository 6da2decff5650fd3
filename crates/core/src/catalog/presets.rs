//! Presets of known providers, so that creating one needs only a key.
//!
//! The table was compiled on [`CHECKED_ON`] from the providers' public documentation and public lists of models; it
//! has not been tested against every service. It is a starting point, not a restriction: models change faster than
//! any table, and a provider may be created without a preset. It contains no prices.

mod preset;
mod table;

pub use preset::{Auth, Preset, PresetModel, Region};

use serde::Serialize;

/// The day of the last comparison with public documentation.
pub const CHECKED_ON: &str = "2026-11-20";

/// The answer to `GET /provider-presets`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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

/// The preset with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::upstream_url::UpstreamUrl;
    use crate::provider::ProviderKind;

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
            assert!(ProviderKind::named(preset.kind).is_some(), "{}", preset.kind);
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
