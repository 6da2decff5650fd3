//! The efforts that models accept, by family and generation.
//!
//! Sources: <https://developers.openai.com/api/docs/guides/reasoning> and the pages of `OpenAI`'s models,
//! <https://docs.x.ai/developers/model-capabilities/text/reasoning>, <https://docs.mistral.ai/capabilities/reasoning>,
//! <https://ai.google.dev/gemini-api/docs/thinking#thinking-levels>, <https://platform.moonshot.ai/docs>,
//! <https://docs.z.ai>; the models of `OpenAI` are read off by [`super::super::openai_models`].

use super::super::openai_models::{self, generation};

/// All words, from least to most reasoning.
pub const SCALE: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Words of one model, in the order of [`SCALE`].
pub type Efforts = &'static [&'static str];

/// The nearest accepted word: the same, else the next weaker one that still reasons, else the next stronger. `None` for
/// a word that is not on the scale, and if none is accepted.
#[must_use]
pub fn nearest(wanted: &str, accepted: Efforts) -> Option<&'static str> {
    let rank = |word: &str| SCALE.iter().position(|known| *known == word);
    let wanted = rank(wanted)?;
    let ranked = || accepted.iter().filter_map(|word| Some((rank(word)?, *word)));
    let weaker = ranked().rfind(|(rank, _)| *rank <= wanted && (*rank > 0 || wanted == 0));
    weaker
        .or_else(|| ranked().find(|(rank, _)| *rank > wanted))
        .or_else(|| ranked().next_back())
        .map(|(_, word)| word)
}

/// The words of a model of the Chat Completions dialect; `None` if they are not known.
#[must_use]
pub fn of_model(model: &str) -> Option<Efforts> {
    if openai_models::is_official(model) {
        return Some(of_openai(model));
    }
    let name = model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| name.starts_with(beginning));
    Some(match name.as_str() {
        _ if begins(&["gpt-oss"]) => &["low", "medium", "high"],
        _ if begins(&["mistral-small", "mistral-medium", "mistral-large-4", "devstral"]) => &["none", "high"],
        _ if begins(&["grok-3-mini"]) => &["low", "high"],
        _ if begins(&["grok-4.3"]) => &["none", "low", "medium", "high"],
        _ if begins(&["grok-4.5", "grok-4.6"]) => &["low", "medium", "high"],
        _ if begins(&["kimi-k3"]) => &["low", "high", "max"],
        _ if begins(&["glm-5.3", "glm-5-3"]) => &["low", "high", "max"],
        _ => return None,
    })
}

/// The words of `OpenAI`'s own models; none for those that do not reason.
fn of_openai(model: &str) -> Efforts {
    let name = model.strip_prefix("ft:").unwrap_or(model);
    let has = |part: &str| name.contains(part);
    let Some((major, minor)) = generation(name) else {
        return match name {
            // The first two have no such parameter.
            _ if name.starts_with("o1-mini") || name.starts_with("o1-preview") => &[],
            _ if has("-deep-research") => &["medium"],
            _ if openai_models::is_reasoning(name) => &["low", "medium", "high"],
            _ => &[],
        };
    };
    match (major, minor) {
        (..=4, _) => &[],
        (5, 0) if has("-chat") => &[],
        (5, 0) if has("-pro") => &["high"],
        (5, 0) if has("-codex") => &["low", "medium", "high"],
        (5, 0) => &["minimal", "low", "medium", "high"],
        (5, _) if has("-chat") => &["medium"],
        (5, _) if has("-pro") => &["medium", "high", "xhigh"],
        (5, 1) if has("-codex-max") => &["low", "medium", "high", "xhigh"],
        (5, 1) if has("-codex") => &["low", "medium", "high"],
        (5, 1) => &["none", "low", "medium", "high"],
        (5, 2) if has("-codex") => &["low", "medium", "high", "xhigh"],
        (5, 2..=5) => &["none", "low", "medium", "high", "xhigh"],
        (5, _) => &["none", "low", "medium", "high", "xhigh", "max"],
        (6, 0) if has("-sol") || has("-luna") => &["none", "low", "medium", "high", "xhigh", "max"],
        (6, 1) if has("-terra") => &["none", "low", "medium", "high", "xhigh", "max"],
        _ => &["low", "medium", "high", "xhigh", "max"],
    }
}

/// The words of a Gemini model with thinking levels.
#[must_use]
pub fn of_gemini(model: &str) -> Efforts {
    let has = |part: &str| model.contains(part);
    match model {
        _ if has("gemini-3-pro") => &["low", "high"],
        _ if has("gemini-3.1-flash-lite-image") => &["minimal", "high"],
        _ if has("gemini-3.7-flash") || has("gemini-3.8-flash") => &["low", "medium", "high"],
        _ if has("flash") => &["minimal", "low", "medium", "high"],
        _ if has("gemini-4-hydrogen") => &["low", "medium", "high", "xhigh"],
        _ => &["low", "medium", "high"],
    }
}

/// Whether a reasoning model refuses `temperature` and similar parameters with this effort. Models with effort `none`
/// accept them with it.
pub fn fixes_sampling(model: &str, effort: Option<&str>) -> bool {
    let efforts = of_model(model).unwrap_or_default();
    if !openai_models::is_reasoning(model) || efforts.is_empty() {
        return false;
    }
    let idles = match effort {
        Some(effort) => effort == "none",
        None => idles_by_default(model),
    };
    !(idles && efforts.contains(&"none"))
}

/// Whether effort `none` is the default, if it exists: GPT-5.1 to GPT-5.4. Later models reason unless told otherwise.
fn idles_by_default(model: &str) -> bool {
    generation(model).is_some_and(|(major, minor)| major == 5 && (1..=4).contains(&minor))
}

/// The effort that a request with function tools must have in Chat Completions, given that of the request: these models
/// reason with functions only in the Responses API. `None`: any.
pub fn effort_with_functions(model: &str, effort: Option<&str>) -> Option<&'static str> {
    let has_none = || of_model(model).is_some_and(|efforts| efforts.contains(&"none"));
    (openai_models::refuses_functions_in_chat(model, effort) && has_none()).then_some("none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_gets_a_word_that_it_takes() {
        for (model, wanted, sent) in [
            ("gpt-5", "xhigh", "high"),
            ("gpt-5", "minimal", "minimal"),
            ("gpt-5", "none", "minimal"),
            ("gpt-5-pro", "low", "high"),
            ("gpt-5.1", "xhigh", "high"),
            ("gpt-5.1", "minimal", "low"),
            ("gpt-5.1", "max", "high"),
            ("gpt-5.1-codex-max", "xhigh", "xhigh"),
            ("gpt-5.1-codex", "none", "low"),
            ("gpt-5.2", "xhigh", "xhigh"),
            ("gpt-5.2", "max", "xhigh"),
            ("gpt-5.2-pro", "low", "medium"),
            ("gpt-5.3-chat-latest", "high", "medium"),
            ("gpt-5.5", "max", "xhigh"),
            ("gpt-5.6", "max", "max"),
            ("gpt-5.6-luna", "minimal", "low"),
            ("gpt-6-astra", "none", "low"),
            ("gpt-6-astra", "max", "max"),
            ("gpt-6-luna", "none", "none"),
            ("o3", "xhigh", "high"),
            ("o3", "minimal", "low"),
            ("o4-mini", "none", "low"),
            ("openai/gpt-oss-120b", "xhigh", "high"),
            ("mistral-medium-latest", "low", "high"),
            ("grok-4.5", "none", "low"),
            ("kimi-k3", "medium", "low"),
        ] {
            assert_eq!(nearest(wanted, of_model(model).unwrap()), Some(sent), "{model} {wanted}");
        }
        for model in ["gpt-4o", "gpt-4.1", "gpt-5-chat-latest", "o1-mini"] {
            assert_eq!(nearest("high", of_model(model).unwrap()), None, "{model}");
        }
        for model in ["deepseek-chat", "qwen3-max", "llama"] {
            assert_eq!(of_model(model), None, "{model}");
        }
        assert_eq!(nearest("odd", SCALE), None);
        assert_eq!(nearest("medium", of_gemini("gemini-3-pro-preview")), Some("low"));
        assert_eq!(nearest("none", of_gemini("gemini-3-flash-preview")), Some("minimal"));
        assert_eq!(nearest("minimal", of_gemini("gemini-3.1-pro-preview")), Some("low"));
    }

    #[test]
    fn sampling_is_fixed_while_the_model_thinks() {
        assert!(fixes_sampling("o3", None) && fixes_sampling("gpt-5-mini", None));
        assert!(fixes_sampling("gpt-5.1", Some("high")) && !fixes_sampling("gpt-5.1", None));
        assert!(!fixes_sampling("gpt-5-chat-latest", None) && !fixes_sampling("gpt-4o", Some("high")));
        assert!(fixes_sampling("gpt-5.5", None) && !fixes_sampling("gpt-5.5", Some("none")));
        assert!(fixes_sampling("gpt-5.2-pro", None) && fixes_sampling("gpt-5.2-chat-latest", None));
        assert!(fixes_sampling("gpt-6-astra", Some("none")));
    }

    #[test]
    fn functions_exclude_reasoning_in_some_models() {
        for (model, effort, sent) in [
            ("gpt-5.4", Some("high"), Some("none")),
            ("gpt-5.4", None, None),
            ("gpt-5.5-2026-04-23", Some("low"), Some("none")),
            ("gpt-5.6-luna", None, Some("none")),
            ("gpt-5.4-pro", Some("high"), None),
            ("gpt-5.2", Some("high"), None),
            ("gpt-6-astra", Some("high"), None),
            ("o3", Some("high"), None),
        ] {
            assert_eq!(effort_with_functions(model, effort), sent, "{model}");
        }
    }
}
