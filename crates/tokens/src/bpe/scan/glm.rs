//! The pattern of GLM, as its `tokenizer.json` writes it:
//!
//! ```text
//! (?i:'s|'t|'re|'ve|'m|'ll|'d)
//! [^\r\n\p{L}\p{N}]?\p{L}+
//! \p{N}{1,3}
//!  ?[^\s\p{L}\p{N}]+[\r\n]*
//! \s*[\r\n]+
//! \s+(?!\S)
//! \s+
//! ```
//!
//! It is that of `cl100k_base` but for white space, which is that of `o200k_base`.

use super::{Scanner, cl100k, o200k};

/// Pieces of GLM.
pub struct Glm;

impl Scanner for Glm {
    #[inline(always)]
    fn piece_end(text: &[u8], start: usize, first: u64) -> usize {
        cl100k::plain_piece(text, start, first)
            .unwrap_or_else(|| cl100k::any_piece(text, start, o200k::spaces))
    }
}
