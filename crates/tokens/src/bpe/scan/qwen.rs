//! The pattern of Qwen, as its `tokenizer.json` writes it:
//!
//! ```text
//! (?i:'s|'t|'re|'ve|'m|'ll|'d)
//! [^\r\n\p{L}\p{N}]?\p{L}+
//! \p{N}
//!  ?[^\s\p{L}\p{N}]+[\r\n]*
//! \s*[\r\n]+
//! \s+(?!\S)
//! \s+
//! ```
//!
//! It is that of `cl100k_base` but for numbers, which are alone, and white space, which is that of `o200k_base`. The text
//! is in Unicode's form NFC: [`crate::bpe::normal`] has seen to that.

use super::{
    Scanner, cl100k,
    classes::{Class, character},
    o200k,
};

/// Pieces of Qwen.
pub struct Qwen;

impl Scanner for Qwen {
    #[inline(always)]
    fn piece_end(text: &[u8], start: usize, first: u64) -> usize {
        cl100k::plain_piece(text, start, first).unwrap_or_else(|| any_piece(text, start))
    }
}

#[inline(never)]
fn any_piece(text: &[u8], start: usize) -> usize {
    let Some(first) = character(text, start) else { return text.len() };
    match first.class {
        Class::NUMBER => first.end,
        _ => cl100k::any_piece(text, start, o200k::spaces),
    }
}
