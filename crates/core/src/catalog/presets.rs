//! Presets of known providers, so that creating one needs only a key.
//!
//! The table was compiled on [`CHECKED_ON`] from the providers' public documentation and public lists of models; it
//! has not been tested against every service. It is a starting point, not a restriction: models change faster than
//! any table, and a provider may be created without a preset. Prices are in a table of their own (`crates/prices`); for
//! the models that it lacks, [`unpriced`] says why.
//!
//! Models that their provider has retired stay in the table with their last day, so that it can be said what became of
//! them; [`list`] does not offer them.

mod model;
mod preset;
mod table;
pub mod unpriced;

pub use model::PresetModel;
pub use preset::{Auth, Preset, Region};

use serde::Serialize;

/// The day of the last comparison with public documentation.
pub const CHECKED_ON: &str = "2026-11-29";

/// The answer to `GET /provider-presets`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PresetList {
    /// [`CHECKED_ON`]
    pub checked_on: &'static str,
    /// [`all`]
    pub presets: Vec<PresetView>,
}

/// A preset on one day.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PresetView {
    /// The preset.
    #[serde(flatten)]
    pub preset: &'static Preset,
    /// Some of its models.
    pub models: Vec<PresetModel>,
    /// Models that its provider has retired.
    pub retired: Vec<PresetModel>,
    /// Models without a price, which a key with a budget or credits needs one of the operator's for.
    pub unpriced: Vec<Unpriced>,
}

/// A model without a price.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Unpriced {
    /// The model.
    pub model: &'static str,
    /// Why the table of prices lacks it.
    pub reason: &'static str,
}

/// All presets.
#[must_use]
pub fn all() -> &'static [Preset] {
    table::PRESETS
}

/// All presets as they are on a day (`2026-12-01`).
#[must_use]
pub fn list(day: &str) -> PresetList {
    let view = |preset: &'static Preset| {
        let (retired, models): (Vec<PresetModel>, Vec<PresetModel>) =
            preset.models.iter().partition(|model| model.is_retired(day));
        let unpriced = models.iter().filter_map(|model| {
            Some(Unpriced { model: model.name, reason: unpriced::reason(preset.id, model.name)? })
        });
        PresetView { preset, unpriced: unpriced.collect(), models, retired }
    };
    PresetList { checked_on: CHECKED_ON, presets: all().iter().map(view).collect() }
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
        let list = serde_json::to_value(list(CHECKED_ON)).unwrap();
        assert_eq!(list["checked_on"], CHECKED_ON);
        let azure = list["presets"].as_array().unwrap().iter().find(|preset| preset["id"] == "azure_openai");
        let azure = azure.unwrap();
        assert_eq!(azure["auth"], "api_key_header");
        assert_eq!(azure["quirks"][0], "max_completion_tokens");
        assert_eq!(azure["placeholders"][0], "YOUR-RESOURCE");
        let model = &list["presets"][0]["models"][0];
        assert_eq!(model["tools"], true);
        assert!(model["context_length"].as_u64().unwrap() > 100_000);
        assert_eq!((&model["max_output"], &model["retires"]), (&128_000.into(), &serde_json::Value::Null));
    }

    #[test]
    fn a_model_is_offered_until_it_is_retired() {
        let offered = |day: &str, id: &str, name: &str| {
            let list = list(day);
            let view = list.presets.iter().find(|view| view.preset.id == id).unwrap();
            let has = |models: &[PresetModel]| models.iter().any(|model| model.name == name);
            assert_ne!(has(&view.models), has(&view.retired), "{id}/{name}");
            has(&view.models)
        };
        assert!(offered("2026-11-30", "gemini", "gemini-2.5-pro"));
        assert!(!offered("2026-12-01", "gemini", "gemini-2.5-pro"));
        assert!(!offered(CHECKED_ON, "vertex_ai", "gemini-2.5-pro"));
        assert!(!offered(CHECKED_ON, "deepseek", "deepseek-chat"));
        assert!(offered(CHECKED_ON, "minimax", "MiniMax-M2.7"));
    }

    #[test]
    fn days_are_days_and_successors_are_offered() {
        for preset in all() {
            for model in preset.models {
                let day = model.retires.unwrap_or(CHECKED_ON);
                assert!(crate::time::parse_rfc3339(&format!("{day}T00:00:00Z")).is_some(), "{day}");
                let Some(successor) = model.successor else { continue };
                let next = preset.models.iter().find(|other| other.name == successor);
                assert!(next.is_some_and(|next| !next.is_retired(day)), "{}: {successor}", model.name);
            }
        }
    }
}
