//! The pieces of DeepSeek V3. Its `tokenizer.json` splits a text three times, each time within what was there before:
//!
//! ```text
//! \p{N}{1,3}
//!
//! [一-龥\u3040-\u309f\u30a0-\u30ff]+
//!
//! [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+
//! [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
//!  ?[\p{P}\p{S}]+[\r\n]*
//! \s*[\r\n]+
//! \s+(?!\S)
//! \s+
//! ```
//!
//! What a pattern does not match is a piece as well. So numbers and runs of what the second pattern matches, here called
//! CJK, are borders for the third: nothing reaches across them, and white space before them is as at the end of a text. A
//! run of CJK is cut by the third pattern again where it has punctuation. What that does not match are characters without
//! a class (controls, formats, unassigned), unless a letter follows: as many of them as stand together are one piece.

use super::{
    Scanner, cl100k,
    classes::{Character, Class, character},
    numbers, white_space,
};
use crate::bpe::tables::PUNCTUATION_AND_SYMBOLS;

/// Pieces of DeepSeek.
pub struct DeepSeek;

impl Scanner for DeepSeek {
    #[inline(always)]
    fn piece_end(text: &[u8], start: usize, first: u64) -> usize {
        cl100k::plain_piece(text, start, first).unwrap_or_else(|| any_piece(text, start))
    }
}

#[inline(never)]
fn any_piece(text: &[u8], start: usize) -> usize {
    let Some(first) = character(text, start) else { return text.len() };
    let stretch = Stretch { text, is_cjk: is_cjk(text, start) };
    let is_letter = |at: usize| stretch.next(at).is_some_and(|next| next.class.is_letter_or_mark());
    match first.class {
        Class::NUMBER => numbers(text, start),
        Class::SPACE if is_letter(first.end) => stretch.letters(first.end),
        Class::SPACE if text.get(start) == Some(&b' ') && stretch.symbol(first.end).is_some() => {
            stretch.symbols(first.end)
        }
        Class::SPACE | Class::NEWLINE => spaces(text, start),
        Class::OTHER if is_symbol(text, start) => {
            let letters = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_alphabetic());
            match if first.end == start + 1 { letters(first.end).count() } else { 0 } {
                0 => stretch.symbols(first.end),
                count => first.end + count,
            }
        }
        Class::OTHER if is_letter(first.end) => stretch.letters(first.end),
        Class::OTHER => stretch.unmatched(first.end),
        _ => stretch.letters(first.end),
    }
}

/// What the third pattern sees of a text: no numbers, and either CJK or everything else.
#[derive(Clone, Copy)]
struct Stretch<'a> {
    text: &'a [u8],
    is_cjk: bool,
}

impl Stretch<'_> {
    fn next(self, at: usize) -> Option<Character> {
        character(self.text, at)
            .filter(|next| next.class != Class::NUMBER && is_cjk(self.text, at) == self.is_cjk)
    }

    /// The character at `at`, if it is punctuation or a symbol.
    fn symbol(self, at: usize) -> Option<Character> {
        self.next(at).filter(|next| next.class == Class::OTHER && is_symbol(self.text, at))
    }

    /// The end of `[\p{L}\p{M}]*`.
    fn letters(self, start: usize) -> usize {
        let mut end = start;
        while let Some(next) = self.next(end).filter(|next| next.class.is_letter_or_mark()) {
            end = next.end;
        }
        end
    }

    /// The end of `[\p{P}\p{S}]*[\r\n]*`.
    fn symbols(self, start: usize) -> usize {
        let mut end = start;
        while let Some(next) = self.symbol(end) {
            end = next.end;
        }
        while let Some(next) = self.next(end).filter(|next| next.class == Class::NEWLINE) {
            end = next.end;
        }
        end
    }

    /// The end of what no alternative matches, of which there is something before `start`. The last one of it belongs to
    /// a letter, if one follows.
    fn unmatched(self, start: usize) -> usize {
        let mut last = start;
        let mut end = start;
        while let Some(next) =
            self.next(end).filter(|next| next.class == Class::OTHER && !is_symbol(self.text, end))
        {
            last = end;
            end = next.end;
        }
        let letter_follows = self.next(end).is_some_and(|next| next.class.is_letter_or_mark());
        if letter_follows { last } else { end }
    }
}

/// The last three alternatives: to the last newline; or all but the last character, which may belong to what follows.
fn spaces(text: &[u8], start: usize) -> usize {
    let run = white_space(text, start);
    let is_border =
        || character(text, run.end).is_none_or(|next| next.class == Class::NUMBER || is_cjk(text, run.end));
    match run.newline_end {
        Some(end) => end,
        None if run.last == start || is_border() => run.end,
        None => run.last,
    }
}

/// Whether the character at `at` is one that the second pattern matches: U+3040 to U+30FF, or U+4E00 to U+9FA5.
fn is_cjk(text: &[u8], at: usize) -> bool {
    match text.get(at..).and_then(<[u8]>::first_chunk::<3>) {
        Some([0xe3, 0x81..=0x83, _]) => true,
        Some(character) => (b"\xe4\xb8\x80"..=b"\xe9\xbe\xa5").contains(&character),
        None => false,
    }
}

/// Whether the character at `at` is `[\p{P}\p{S}]`.
fn is_symbol(text: &[u8], at: usize) -> bool {
    PUNCTUATION_AND_SYMBOLS.contains(text, at)
}
