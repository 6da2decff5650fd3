//! Where the vocabularies come from: one list of all that this build has.
//!
//! Those of OpenAI are from `tiktoken-rs`; those of others, each behind a feature, from the crate `tiktoken`.

use super::vocabulary;

/// A vocabulary, and the special tokens of each encoding that uses it.
pub struct Source {
    /// What it is called here, in small letters.
    pub name: &'static str,
    /// The ordinary tokens by their numbers. A number that stands for no ordinary token has no bytes.
    pub tokens: Vec<Vec<u8>>,
    /// The constants that special tokens are written as, and those tokens in the order of their numbers.
    pub specials: Vec<(&'static str, Vec<(String, u32)>)>,
}

/// All vocabularies of this build.
pub fn all() -> Vec<Source> {
    let o200k = tiktoken_rs::o200k_base().expect("o200k_base is embedded in tiktoken-rs");
    let harmony = tiktoken_rs::o200k_harmony().expect("o200k_harmony is embedded in tiktoken-rs");
    let cl100k = tiktoken_rs::cl100k_base().expect("cl100k_base is embedded in tiktoken-rs");
    vec![
        Source {
            name: "o200k",
            tokens: vocabulary::ordinary_tokens(&o200k),
            specials: vec![
                ("O200K_SPECIALS", vocabulary::special_tokens(&o200k)),
                ("O200K_HARMONY_SPECIALS", vocabulary::special_tokens(&harmony)),
            ],
        },
        Source {
            name: "cl100k",
            tokens: vocabulary::ordinary_tokens(&cl100k),
            specials: vec![("CL100K_SPECIALS", vocabulary::special_tokens(&cl100k))],
        },
        #[cfg(feature = "qwen")]
        others::source("qwen", "qwen2", "QWEN_SPECIALS", 0),
        // The first three numbers are special tokens.
        #[cfg(feature = "deepseek")]
        others::source("deepseek", "deepseek_v3", "DEEPSEEK_SPECIALS", 3),
        #[cfg(feature = "kimi")]
        others::source("kimi", "kimi_k2", "KIMI_SPECIALS", 0),
        #[cfg(feature = "glm")]
        others::source("glm4", "glm4", "GLM4_SPECIALS", 0),
        #[cfg(feature = "glm")]
        others::source("glm5", "glm5", "GLM5_SPECIALS", 0),
        // The first thousand numbers are special tokens, most of them without a use.
        #[cfg(feature = "mistral")]
        others::source("tekken", "mistral_v3", "TEKKEN_SPECIALS", 1000),
        #[cfg(feature = "minimax")]
        others::source("minimax", "minimax_m2", "MINIMAX_SPECIALS", 0),
    ]
}

/// What the crate `tiktoken` has.
#[cfg(feature = "others")]
mod others {
    use tiktoken::CoreBpe;

    use super::Source;

    /// The encoding that the crate calls `published`, whose ordinary tokens begin with the number `first`.
    pub fn source(name: &'static str, published: &str, specials: &'static str, first: u32) -> Source {
        let bpe = tiktoken::get_encoding(published).expect("the crate has what its feature says");
        let special = special_tokens(bpe, first);
        // Special tokens stand before the ordinary ones, or after all of them.
        let end = special.iter().map(|(_, token)| *token).find(|&token| token >= first).unwrap_or(u32::MAX);
        let mut tokens: Vec<Vec<u8>> =
            (0..end).map(|token| bpe.decode(&[token])).take_while(|token| !token.is_empty()).collect();
        assert_eq!(tokens.len(), bpe.vocab_size(), "{name} has a gap");
        tokens.iter_mut().take(first as usize).for_each(Vec::clear);
        Source { name, tokens, specials: vec![(specials, special)] }
    }

    /// The tokens that are found by their names, and those before the first ordinary one.
    fn special_tokens(bpe: &CoreBpe, first: u32) -> Vec<(String, u32)> {
        let most = u32::try_from(bpe.vocab_size() + bpe.num_special_tokens()).expect("tokens are numbered");
        // Some have numbers that nothing stands before.
        (0..most + 1000)
            .filter_map(|token| {
                let name = String::from_utf8(bpe.decode(&[token])).ok().filter(|name| !name.is_empty())?;
                let is_named = || bpe.encode_with_special_tokens(&name) == [token];
                let is_special = token < first || (is_named() && bpe.encode(&name) != [token]);
                is_special.then_some((name, token))
            })
            .collect()
    }
}
