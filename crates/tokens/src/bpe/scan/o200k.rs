//! The pattern of `o200k_base`, as `tiktoken-rs` writes it:
//!
//! ```text
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! \p{N}{1,3}
//!  ?[^\s\p{L}\p{N}]+[\r\n/]*
//! \s*[\r\n]+
//! \s+(?!\S)
//! \s+
//! ```

use super::{
    Scanner,
    classes::{Class, character},
    contraction, is_single, marks, numbers, plain_word, white_space,
};
use crate::bpe::bytes::load_8;

/// Pieces of `o200k_base` and `o200k_harmony`.
pub struct O200k;

impl Scanner for O200k {
    #[inline(always)]
    fn piece_end(text: &[u8], start: usize, first: u64) -> usize {
        plain_piece(text, start, first).unwrap_or_else(|| any_piece(text, start))
    }
}

/// Most pieces of English. Small letters after the first end a word unless a contraction or a letter outside ASCII follows.
#[inline(always)]
pub(super) fn plain_piece(text: &[u8], start: usize, first: u64) -> Option<usize> {
    let end = plain_word(text, start, first)?;
    match text.get(end) {
        Some(0x80..) => None,
        Some(b'\'') => Some(end + contraction(text, end)),
        _ => Some(end),
    }
}

#[inline(never)]
fn any_piece(text: &[u8], start: usize) -> usize {
    if is_single(text, start) {
        return start + 1;
    }
    let Some(first) = character(text, start) else { return text.len() };
    let second = || character(text, first.end).map_or(Class::NEWLINE, |next| next.class);
    match first.class {
        Class::NUMBER => numbers(text, start),
        Class::UPPER | Class::LOWER | Class::LETTER | Class::MARK => word(text, start),
        Class::NEWLINE => spaces(text, start),
        class => {
            let second = second();
            if second.is_letter_or_mark() {
                plain_piece(text, first.end, load_8(text, first.end)).unwrap_or_else(|| word(text, first.end))
            } else if class == Class::OTHER || (second == Class::OTHER && text.get(start) == Some(&b' ')) {
                marks_and_newlines(text, first.end)
            } else {
                spaces(text, start)
            }
        }
    }
}

/// The first two alternatives, from the first letter or mark on.
///
/// The first part of a word takes everything but small letters. If a small letter follows, the second part goes on
/// from there. If not, the engine gives back characters until the second part has one: the last that may stand in
/// both parts, and the piece ends after it. If there is none the second alternative takes all, which are capitals.
///
/// A mark may also stand before a word, as the character that is no letter; the result is the same.
fn word(text: &[u8], start: usize) -> usize {
    let end = case_word(text, start, |_| true);
    end + contraction(text, end)
}

/// The same without what may follow an apostrophe, of characters of which `may_be` is true where they begin.
#[inline(always)]
pub(super) fn case_word(text: &[u8], start: usize, may_be: impl Fn(usize) -> bool) -> usize {
    let mut end = start;
    let mut last_of_both = None;
    let mut in_second_part = false;
    while let Some(next) = character(text, end).filter(|_| may_be(end)) {
        match next.class {
            Class::UPPER if in_second_part => break,
            Class::UPPER => {}
            Class::LOWER => in_second_part = true,
            Class::LETTER | Class::MARK => last_of_both = Some(next.end),
            _ => break,
        }
        end = next.end;
    }
    if !in_second_part {
        end = last_of_both.unwrap_or(end);
    }
    end
}

/// The fourth alternative, from behind its first character on.
pub(super) fn marks_and_newlines(text: &[u8], start: usize) -> usize {
    let mut end = marks(text, start);
    while matches!(text.get(end), Some(b'\r' | b'\n' | b'/')) {
        end += 1;
    }
    end
}

/// The last three alternatives: to the last newline; or all but the last character, which may belong to what follows.
pub(super) fn spaces(text: &[u8], start: usize) -> usize {
    let run = white_space(text, start);
    match run.newline_end {
        Some(end) => end,
        None if run.end == text.len() || run.last == start => run.end,
        None => run.last,
    }
}
