//! The pattern of Mistral's tekken, as its `tekken.json` writes it:
//!
//! ```text
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*
//! \p{N}
//!  ?[^\s\p{L}\p{N}]+[\r\n/]*
//! \s*[\r\n]+
//! \s+(?!\S)
//! \s+
//! ```
//!
//! It is that of `o200k_base` but for numbers, which are alone, and without contractions.

use super::{
    Scanner,
    classes::{Class, character},
    o200k::{case_word, marks_and_newlines, spaces},
    plain_word,
};

/// Pieces of tekken.
pub struct Tekken;

impl Scanner for Tekken {
    #[inline(always)]
    fn piece_end(text: &[u8], start: usize, first: u64) -> usize {
        plain_piece(text, start, first).unwrap_or_else(|| any_piece(text, start))
    }
}

/// Most pieces of English. Small letters after the first end a word unless a letter outside ASCII follows.
#[inline(always)]
fn plain_piece(text: &[u8], start: usize, first: u64) -> Option<usize> {
    let end = plain_word(text, start, first)?;
    text.get(end).is_none_or(u8::is_ascii).then_some(end)
}

#[inline(never)]
fn any_piece(text: &[u8], start: usize) -> usize {
    let Some(first) = character(text, start) else { return text.len() };
    match first.class {
        Class::NUMBER => first.end,
        Class::UPPER | Class::LOWER | Class::LETTER | Class::MARK => case_word(text, start, |_| true),
        Class::NEWLINE => spaces(text, start),
        class => {
            let second = character(text, first.end).map_or(Class::NEWLINE, |next| next.class);
            if second.is_letter_or_mark() {
                case_word(text, first.end, |_| true)
            } else if class == Class::OTHER || (second == Class::OTHER && text.get(start) == Some(&b' ')) {
                marks_and_newlines(text, first.end)
            } else {
                spaces(text, start)
            }
        }
    }
}
