//! The service behind a model, by its name.
//!
//! Only names of `OpenAI`'s own models are distinguished. All others are assumed to be at a compatible service, which
//! gets the simplest form of a request.

/// Whether `OpenAI` has a model of this name.
pub fn is_official(model: &str) -> bool {
    let name = model.strip_prefix("ft:").unwrap_or(model);
    let is_gpt = name.starts_with("gpt-") && !name.starts_with("gpt-oss");
    is_gpt || name.starts_with("chatgpt-") || is_o_series(name)
}

/// Whether it is one of `OpenAI`'s reasoning models: the o-series, and GPT-5 and later.
pub fn is_reasoning(model: &str) -> bool {
    let name = model.strip_prefix("ft:").unwrap_or(model);
    is_o_series(name) || generation(name).is_some_and(|(major, _)| major >= 5)
}

/// The name without the vendor in front of it: services that sell the models of many have it.
pub fn bare(model: &str) -> &str {
    model.rsplit_once('/').map_or(model, |(_, name)| name)
}

/// Whether the model is served by the Responses API only
/// (<https://platform.openai.com/docs/models>).
pub fn has_only_responses(model: &str) -> bool {
    let name = bare(model);
    let has = |word: &str| name.split('-').any(|part| part == word);
    is_official(name) && (has("codex") || has("pro") || name.contains("deep-research"))
        || name.starts_with("computer-use-preview")
        || name.starts_with("codex-mini")
}

/// Whether Chat Completions refuse functions of the caller for this model with this effort: from 5.4 on with any effort
/// but `none`, from 5.6 on also without one.
pub fn refuses_functions_in_chat(model: &str, effort: Option<&str>) -> bool {
    let name = bare(model);
    let first_to_think_unasked = (5, 6);
    match generation(name) {
        Some(version) if version >= (5, 4) && !name.contains("-chat") => match effort {
            Some(effort) => effort != "none",
            None => version >= first_to_think_unasked,
        },
        _ => false,
    }
}

fn is_o_series(name: &str) -> bool {
    name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The version in `gpt-5.2-…`.
pub fn generation(name: &str) -> Option<(u32, u32)> {
    let name = name.strip_prefix("ft:").unwrap_or(name);
    let version = name.strip_prefix("gpt-")?.split('-').next()?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        for name in ["gpt-4o", "gpt-5", "gpt-5.2-pro", "o3-mini", "chatgpt-4o-latest", "ft:gpt-4o:acme::x"] {
            assert!(is_official(name), "{name}");
        }
        for name in ["gpt-oss-120b", "openai/gpt-5", "deepseek-chat", "ollama", "o", "claude-opus-4"] {
            assert!(!is_official(name) && !is_reasoning(name), "{name}");
        }
        for name in ["o1", "o4-mini", "gpt-5", "gpt-5-mini", "gpt-5.1", "gpt-6-astra"] {
            assert!(is_reasoning(name), "{name}");
        }
        assert!(!is_reasoning("gpt-4.1") && !is_reasoning("gpt-4o"));
    }

    #[test]
    fn some_models_want_the_responses_api() {
        for name in [
            "gpt-5-codex",
            "gpt-5.1-codex-max",
            "gpt-5-pro",
            "o1-pro",
            "o3-pro-2025-06-10",
            "openai/gpt-5.2-pro",
            "o4-mini-deep-research",
            "computer-use-preview-2025-03-11",
            "codex-mini-latest",
        ] {
            assert!(has_only_responses(name), "{name}");
        }
        for name in ["gpt-5", "gpt-4o", "o3", "gemini-2.5-pro", "codestral", "gpt-4o-mini-transcribe"] {
            assert!(!has_only_responses(name), "{name}");
        }
        for (name, effort, refuses) in [
            ("gpt-5.3", Some("high"), false),
            ("gpt-5.4", None, false),
            ("gpt-5.4-mini", Some("low"), true),
            ("gpt-5.5", Some("none"), false),
            ("gpt-5.6", None, true),
            ("gpt-5.6-luna", Some("none"), false),
            ("gpt-6-astra", None, true),
            ("gpt-5.6-chat-latest", None, false),
            ("o3", Some("high"), false),
        ] {
            assert_eq!(refuses_functions_in_chat(name, effort), refuses, "{name} {effort:?}");
        }
    }
}
