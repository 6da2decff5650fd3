//! What a model accepts, by its name.
//!
//! The API has changed under the same path: newer models refuse what older ones required
//! A name of the family with an unknown version gets the rules of the newest models; a name of another family
//! (services that imitate the API) gets the rules of the oldest reasoning models, which those services copied.

/// The forms of thinking of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingForm {
    /// None.
    None,
    /// With a budget of tokens.
    Budget,
    /// With a budget, or adaptive.
    BudgetOrAdaptive,
    /// Adaptive; a budget is refused.
    Adaptive,
}

/// Which sampling parameters a model accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingForm {
    /// All of them.
    All,
    /// `temperature` or `top_p`, not both.
    One,
    /// None.
    None,
}

/// The rules of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "rules that have nothing to do with each other")]
pub struct ModelRules {
    pub thinking: ThinkingForm,
    pub sampling: SamplingForm,
    /// The highest levels of `output_config.effort`, in rising order; empty if it has no levels.
    pub efforts: &'static [&'static str],
    /// Whether `output_config.format` and strict tools exist.
    pub structured_output: bool,
    /// Whether thinking cannot be disabled.
    pub always_thinks: bool,
    /// Whether the request may contain a prefilled answer.
    pub prefill: bool,
    /// Whether `thinking.display` exists.
    pub display: bool,
    /// The limit on tokens if the caller sets none; the API requires one.
    pub default_max_tokens: u64,
}

impl ModelRules {
    /// The rules of the model with this name, in any spelling of the API and of clouds that resell it.
    pub fn of(model: &str) -> Self {
        let Some(name) = Name::parse(model) else { return Self::imitation() };
        let version = name.version;
        Self {
            thinking: match version {
                (..=3, ..=6) | (..=2, _) => ThinkingForm::None,
                (3, _) | (4, ..=5) => ThinkingForm::Budget,
                (4, 6) => ThinkingForm::BudgetOrAdaptive,
                _ => ThinkingForm::Adaptive,
            },
            sampling: match version {
                (..=3, _) => SamplingForm::All,
                (4, ..=6) => SamplingForm::One,
                _ => SamplingForm::None,
            },
            efforts: match version {
                (..=3, _) | (4, ..=5) => &[],
                (4, 6) => &["low", "medium", "high", "max"],
                _ => &["low", "medium", "high", "xhigh", "max"],
            },
            structured_output: version >= (4, 5) || (version == (4, 1) && name.is_opus),
            always_thinks: name.always_thinks,
            prefill: version < (4, 6),
            display: version >= (3, 7),
            default_max_tokens: match version {
                (..=2, _) | (3, 0..=4) => 4096,
                (3, 5 | 6) => 8192,
                // Every model since 3.7 supports this many.
                _ => 32_000,
            },
        }
    }

    fn imitation() -> Self {
        Self {
            thinking: ThinkingForm::Budget,
            sampling: SamplingForm::All,
            efforts: &[],
            structured_output: false,
            always_thinks: false,
            prefill: true,
            display: false,
            default_max_tokens: 8192,
        }
    }
}

/// Parts of a model's name.
struct Name {
    version: (u32, u32),
    is_opus: bool,
    always_thinks: bool,
}

impl Name {
    /// `claude-sonnet-4-5-20250929`, `claude-3-7-sonnet-latest`, `us.anthropic.claude-opus-4-1-20250805-v1:0`,
    /// `claude-haiku-4-5@20251001`, `anthropic/claude-opus-4.7`
    fn parse(model: &str) -> Option<Self> {
        /// A version that is newer than this table.
        const NEWEST: (u32, u32) = (99, 0);
        let model = model.to_ascii_lowercase();
        let (_, name) = model.rsplit_once("claude")?;
        let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
        // A date has more digits than a version.
        let small = |word: &str| if word.len() <= 2 { word.parse::<u32>().ok() } else { None };
        let major = words.find_map(small);
        let minor = words.next().and_then(small).unwrap_or(0);
        let version = major.map_or(NEWEST, |major| (major, minor));
        let always_thinks = name.contains("fable")
            || name.contains("mythos")
            || (version == (5, 5) && !name.contains("haiku"));
        Some(Self { version, is_opus: name.contains("opus"), always_thinks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_every_spelling() {
        for (model, version) in [
            ("claude-sonnet-4-5-20250929", (4, 5)),
            ("claude-opus-4-20250514", (4, 0)),
            ("claude-3-7-sonnet-latest", (3, 7)),
            ("claude-3-haiku-20240307", (3, 0)),
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", (4, 1)),
            ("claude-haiku-4-5@20251001", (4, 5)),
            ("anthropic/claude-opus-4.7", (4, 7)),
            ("Claude-Sonnet-5", (5, 0)),
            ("claude-2.1", (2, 1)),
            ("claude-next", (99, 0)),
        ] {
            assert_eq!(Name::parse(model).unwrap().version, version, "{model}");
        }
        assert!(Name::parse("deepseek-chat").is_none());
    }

    #[test]
    fn what_the_generations_accept() {
        use {SamplingForm as S, ThinkingForm as T};
        for (model, thinking, sampling, structured, prefill) in [
            ("claude-3-5-haiku-20241022", T::None, S::All, false, true),
            ("claude-3-7-sonnet-20250219", T::Budget, S::All, false, true),
            ("claude-sonnet-4-20250514", T::Budget, S::One, false, true),
            ("claude-opus-4-1", T::Budget, S::One, true, true),
            ("claude-sonnet-4-5", T::Budget, S::One, true, true),
            ("claude-opus-4-6", T::BudgetOrAdaptive, S::One, true, false),
            ("claude-opus-4-7", T::Adaptive, S::None, true, false),
            ("claude-sonnet-5", T::Adaptive, S::None, true, false),
            ("kimi-k2", T::Budget, S::All, false, true),
        ] {
            let rules = ModelRules::of(model);
            assert_eq!(
                (rules.thinking, rules.sampling, rules.structured_output, rules.prefill),
                (thinking, sampling, structured, prefill),
                "{model}"
            );
        }
    }
}
