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
    use super::Source;

    /// Numbers after the last ordinary token that may have a name; not all of them do.
    const SPECIALS: u32 = 2000;

    /// The encoding that the crate calls `published`. Its special tokens follow upon its ordinary ones, but for so many
    /// that come first.
    pub fn source(name: &'static str, published: &str, specials: &'static str, first: u32) -> Source {
        let bpe = tiktoken::get_encoding(published).expect("the crate has what its feature says");
        let end = u32::try_from(bpe.vocab_size()).expect("tokens are numbered");
        let bytes = |token: u32| if token < first { Vec::new() } else { bpe.decode(&[token]) };
        let tokens: Vec<Vec<u8>> = (0..end).map(bytes).collect();
        assert!(tokens.iter().skip(first as usize).all(|token| !token.is_empty()), "{name} has a gap");
        let named = |token: u32| {
            let name = String::from_utf8(bpe.decode(&[token])).expect("names are text");
            (!name.is_empty()).then_some((name, token))
        };
        let special: Vec<(String, u32)> = (0..first).chain(end..end + SPECIALS).filter_map(named).collect();
        assert!(special.len() >= bpe.num_special_tokens(), "{name} has more special tokens");
        Source { name, tokens, specials: vec![(specials, special)] }
    }
}
