//! The pattern of Kimi, as its `tokenization_kimi.py` writes it:
//!
//! ```text
//! [\p{Han}]+
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! \p{N}{1,3}
//!  ?[^\s\p{L}\p{N}]+[\r\n]*
//! \s*[\r\n]+
//! \s+(?!\S)
//! \s+
//! ```
//!
//! Han are not only letters: some are numbers, symbols or marks, which belong to a run of Han only if they are its first
//! character or come later in it. After a number or a symbol they are what their class says.

use super::{
    Scanner, cl100k,
    classes::{Class, character, character_before},
    contraction, numbers, o200k,
};
use crate::bpe::tables::HAN;

/// Pieces of Kimi.
pub struct Kimi;

impl Scanner for Kimi {
    #[inline(always)]
    fn piece_end(text: &[u8], start: usize, first: u64) -> usize {
        o200k::plain_piece(text, start, first).unwrap_or_else(|| any_piece(text, start))
    }

    fn is_joined(text: &[u8], at: usize) -> bool {
        is_han(text, at) && character_before(text, at).is_some_and(|(_, before)| is_han(text, before))
    }
}

#[inline(never)]
fn any_piece(text: &[u8], start: usize) -> usize {
    let Some(first) = character(text, start) else { return text.len() };
    if is_han(text, start) {
        return han(text, first.end);
    }
    match first.class {
        Class::NUMBER => numbers(text, start),
        Class::UPPER | Class::LOWER | Class::LETTER | Class::MARK => word(text, start),
        Class::NEWLINE => o200k::spaces(text, start),
        class => {
            let second = character(text, first.end).map_or(Class::NEWLINE, |next| next.class);
            if second.is_letter_or_mark() && !is_han(text, first.end) {
                word(text, first.end)
            } else if class == Class::OTHER
                || (matches!(second, Class::OTHER | Class::MARK) && text.get(start) == Some(&b' '))
            {
                cl100k::marks_and_newlines(text, first.end)
            } else {
                o200k::spaces(text, start)
            }
        }
    }
}

/// The first alternative, from behind its first character on.
fn han(text: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(next) = character(text, end).filter(|_| is_han(text, end)) {
        end = next.end;
    }
    end
}

/// The next two alternatives, from the first letter or mark on.
fn word(text: &[u8], start: usize) -> usize {
    let end = o200k::case_word(text, start, |at| !is_han(text, at));
    end + contraction(text, end)
}

/// Whether the character that begins at `at` belongs to the script Han, the first of which is U+2E80.
#[inline(always)]
fn is_han(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|&lead| lead >= 0xe2) && HAN.contains(text, at)
}
