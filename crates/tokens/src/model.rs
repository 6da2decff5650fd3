//! The encoding of a model.

use crate::encoding::Encoding;

/// How the tokens of a model are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelTokens {
    /// The encoding to count with.
    pub encoding: Encoding,
    /// Whether that is the model's own encoding. If not, the count is an estimate.
    pub exact: bool,
    /// The factor of the count, in hundredths; 100 if it is exact.
    pub percent: u32,
}

/// A row of the table: models with this prefix.
type Family = (&'static str, ModelTokens);

const fn exact(encoding: Encoding) -> ModelTokens {
    ModelTokens { encoding, exact: true, percent: 100 }
}

const fn estimate(percent: u32) -> ModelTokens {
    ModelTokens { encoding: Encoding::O200kBase, exact: false, percent }
}

/// Models that may have this encoding, but were not compared with it.
#[cfg(any(feature = "kimi", feature = "mistral"))]
const fn like(encoding: Encoding) -> ModelTokens {
    ModelTokens { encoding, exact: false, percent: 100 }
}

/// The encoding of models whose vocabulary comes with a feature, and the factor of the estimate in a build without
/// it.
macro_rules! with_feature {
    ($feature:literal, $tokens:expr, $percent:literal) => {{
        #[cfg(feature = $feature)]
        {
            $tokens
        }
        #[cfg(not(feature = $feature))]
        {
            estimate($percent)
        }
    }};
}

const QWEN: ModelTokens = with_feature!("qwen", exact(Encoding::Qwen2), 101);
const DEEPSEEK: ModelTokens = with_feature!("deepseek", exact(Encoding::DeepSeekV3), 98);
const KIMI: ModelTokens = with_feature!("kimi", exact(Encoding::KimiK2), 98);
const KIMI_LIKE: ModelTokens = with_feature!("kimi", like(Encoding::KimiK2), 98);
const GLM4: ModelTokens = with_feature!("glm", exact(Encoding::Glm4), 97);
const GLM5: ModelTokens = with_feature!("glm", exact(Encoding::Glm5), 97);
const TEKKEN: ModelTokens = with_feature!("mistral", exact(Encoding::Tekken), 114);
const TEKKEN_LIKE: ModelTokens = with_feature!("mistral", like(Encoding::Tekken), 114);
const MINIMAX: ModelTokens = with_feature!("minimax", exact(Encoding::MiniMaxM2), 94);

/// Models by the prefix of their names; the first match counts.
///
/// OpenAI's are those of `tiktoken`'s model table. For models whose vocabulary is public but not included, the factor
/// is their count over that of `o200k_base`, measured on an equal mix of English, code, Chinese, Japanese, Korean and
/// European languages with the crate `tiktoken` 4.1.2; single languages are up to 15 % off. For models without a
/// public vocabulary it follows the vendor's statement about the size of a token.
const FAMILIES: &[Family] = &[
    ("gpt-oss", exact(Encoding::O200kHarmony)),
    ("gpt-4o", exact(Encoding::O200kBase)),
    ("gpt-4.1", exact(Encoding::O200kBase)),
    ("gpt-4.5", exact(Encoding::O200kBase)),
    ("gpt-5", exact(Encoding::O200kBase)),
    ("gpt-6", exact(Encoding::O200kBase)),
    ("gpt-audio", exact(Encoding::O200kBase)),
    ("gpt-realtime", exact(Encoding::O200kBase)),
    ("chatgpt-", exact(Encoding::O200kBase)),
    ("codex-", exact(Encoding::O200kBase)),
    ("computer-use-preview", exact(Encoding::O200kBase)),
    ("o1", exact(Encoding::O200kBase)),
    ("o3", exact(Encoding::O200kBase)),
    ("o4", exact(Encoding::O200kBase)),
    ("gpt-4", exact(Encoding::Cl100kBase)),
    ("gpt-3.5", exact(Encoding::Cl100kBase)),
    ("gpt-35", exact(Encoding::Cl100kBase)),
    ("text-embedding-3", exact(Encoding::Cl100kBase)),
    ("text-embedding-ada-002", exact(Encoding::Cl100kBase)),
    ("davinci-002", exact(Encoding::Cl100kBase)),
    ("babbage-002", exact(Encoding::Cl100kBase)),
    // Anthropic's migration guide: the tokenizer of Opus 4.7 gives up to 1.35 times the tokens of its predecessor.
    ("claude-opus-4-7", estimate(135)),
    ("claude-opus-4-8", estimate(135)),
    ("claude-opus-4.7", estimate(135)),
    ("claude-opus-4.8", estimate(135)),
    ("claude-opus-5", estimate(135)),
    ("claude-sonnet-5", estimate(135)),
    ("claude-haiku-5", estimate(135)),
    ("claude", estimate(115)),
    // Google: a token is about four characters; with o200k_base it is 4.4 of English.
    ("gemini", estimate(110)),
    ("gemma", estimate(110)),
    // The vocabulary is another one from 3.5 on, and that of aliases such as qwen-max is not documented.
    ("qwen3.", estimate(101)),
    ("qwen2", QWEN),
    ("qwen3", QWEN),
    ("qwq", QWEN),
    ("qvq", QWEN),
    ("qwen", estimate(101)),
    // Smaller models distilled from R1 are Qwen and Llama.
    ("deepseek-r1-distill", estimate(98)),
    ("deepseek-r1-0528-qwen3", estimate(98)),
    ("deepseek-r1", DEEPSEEK),
    ("deepseek-v3", DEEPSEEK),
    ("deepseek-v4", DEEPSEEK),
    // DeepSeek's alias of its latest model.
    ("deepseek-chat", DEEPSEEK),
    ("deepseek-reasoner", DEEPSEEK),
    ("deepseek", estimate(98)),
    ("kimi-k2", KIMI),
    ("kimi-k3", KIMI_LIKE),
    ("kimi", estimate(98)),
    ("moonshot", estimate(98)),
    ("glm-4.5", GLM4),
    ("glm-4.6", GLM4),
    ("glm-4.7", GLM4),
    ("glm-5", GLM5),
    ("glm", estimate(97)),
    ("minimax-m2", MINIMAX),
    ("minimax", estimate(94)),
    ("llama", estimate(104)),
    ("meta-llama", estimate(104)),
    // From the table of `mistral-common`; later models are not in it and are assumed to be the same.
    ("open-mistral-nemo", TEKKEN),
    ("mistral-nemo", TEKKEN),
    ("ministral-8b-2410", TEKKEN),
    ("mistral-small-2409", TEKKEN),
    ("pixtral-12b", TEKKEN),
    ("mistral-tiny", estimate(114)),
    ("mistral-small-24", estimate(114)),
    ("mistral-medium-23", estimate(114)),
    ("mistral-large-24", estimate(114)),
    ("mistral-7b", estimate(114)),
    ("mistral", TEKKEN_LIKE),
    ("ministral", TEKKEN_LIKE),
    ("magistral", TEKKEN_LIKE),
    ("codestral", estimate(114)),
    ("devstral", TEKKEN_LIKE),
    ("pixtral", estimate(114)),
];

impl ModelTokens {
    /// The encoding of the model with this name. Fine-tuned models (`ft:gpt-4o:…`) count like their base model, and a
    /// provider before the name (`openai/gpt-4o`) is ignored. For an unknown model it is an estimate by `o200k_base`.
    #[must_use]
    pub fn for_model(name: &str) -> Self {
        let name = base_name(name);
        let begins = |beginning: &str| {
            name.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
        };
        FAMILIES.iter().find(|(beginning, _)| begins(beginning)).map_or(estimate(100), |(_, tokens)| *tokens)
    }

    /// Number of tokens of `text` for the model.
    #[cfg(feature = "tables")]
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        self.scale(self.encoding.count(text))
    }

    /// The model's count for a count of the encoding.
    #[must_use]
    pub fn scale(&self, count: usize) -> usize {
        if self.exact { count } else { count.saturating_mul(self.percent as usize).div_ceil(100) }
    }
}

/// The name of a model without its provider and without its fine-tuning.
pub(crate) fn base_name(name: &str) -> &str {
    let name = name.strip_prefix("ft:").map_or(name, |tuned| tuned.split(':').next().unwrap_or(tuned));
    name.rsplit('/').next().unwrap_or(name)
}

impl Encoding {
    /// The encoding that counts for a model, and whether it is the model's own; see [`ModelTokens::for_model`].
    #[must_use]
    pub fn for_model(name: &str) -> (Self, bool) {
        let tokens = ModelTokens::for_model(name);
        (tokens.encoding, tokens.exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_their_encoding() {
        let o200k = (Encoding::O200kBase, true);
        let cl100k = (Encoding::Cl100kBase, true);
        let estimated = (Encoding::O200kBase, false);
        let cases = [
            ("gpt-4o", o200k),
            ("gpt-4o-mini-2024-07-18", o200k),
            ("chatgpt-4o-latest", o200k),
            ("gpt-4.1-nano", o200k),
            ("gpt-5", o200k),
            ("gpt-5.4-mini", o200k),
            ("gpt-6-pro", o200k),
            ("o1", o200k),
            ("o3-mini", o200k),
            ("o4-mini-deep-research", o200k),
            ("openai/gpt-4o", o200k),
            ("OpenAI/GPT-4o", o200k),
            ("ft:gpt-4o-mini:acme::abc123", o200k),
            ("gpt-oss-120b", (Encoding::O200kHarmony, true)),
            ("openai/gpt-oss-20b", (Encoding::O200kHarmony, true)),
            ("gpt-4", cl100k),
            ("gpt-4-turbo", cl100k),
            ("gpt-3.5-turbo-0125", cl100k),
            ("gpt-35-turbo", cl100k),
            ("text-embedding-3-large", cl100k),
            ("text-embedding-ada-002", cl100k),
            ("ft:gpt-3.5-turbo:acme::abc", cl100k),
            ("claude-sonnet-4-5", estimated),
            ("gemini-3-pro", estimated),
            ("qwen3.5-plus", estimated),
            ("qwen-max", estimated),
            ("deepseek-r1-distill-llama-70b", estimated),
            ("deepseek-coder-v2", estimated),
            ("glm-4-plus", estimated),
            ("mistral-large-2411", estimated),
            ("somebody/something", estimated),
            ("", estimated),
            ("gpt", estimated),
        ];
        for (name, expected) in cases {
            assert_eq!(Encoding::for_model(name), expected, "{name}");
        }
    }

    #[test]
    fn estimates_are_scaled_and_rounded_up() {
        let claude = ModelTokens::for_model("claude-opus-4-7-20260416");
        assert_eq!((claude.scale(0), claude.scale(1), claude.scale(100)), (0, 2, 135));
        assert_eq!(ModelTokens::for_model("gpt-5").scale(7), 7);
        #[cfg(feature = "tables")]
        assert_eq!(ModelTokens::for_model("claude-3-5-sonnet").count("Hello, world!"), 5);
    }
}
