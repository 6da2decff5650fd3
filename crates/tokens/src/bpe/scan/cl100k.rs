//! The pattern of `cl100k_base`, as `tiktoken-rs` writes it:
//!
//! ```text
//! '(?i:[sdmt]|ll|ve|re)
//! [^\r\n\p{L}\p{N}]?+\p{L}++
//! \p{N}{1,3}+
//!  ?[^\s\p{L}\p{N}]++[\r\n]*+
//! \s++$
//! \s*[\r\n]
//! \s+(?!\S)
//! \s
//! ```

use super::{
    Scanner,
    classes::{Class, character},
    contraction, is_single, marks, numbers, white_space,
};
use crate::bpe::bytes::load_8;

/// Pieces of `cl100k_base`.
pub struct Cl100k;

impl Scanner for Cl100k {
    #[inline(always)]
    fn piece_end(text: &[u8], start: usize, first: u64) -> usize {
        plain_piece(text, start, first).unwrap_or_else(|| any_piece(text, start, spaces))
    }
}

/// Most pieces of English: ASCII letters, unless a letter outside ASCII may follow.
#[inline(always)]
pub(super) fn plain_piece(text: &[u8], start: usize, first: u64) -> Option<usize> {
    let end = super::letters(text, start, first)?;
    let goes_on = text.get(end).is_some_and(|&byte| byte >= 0x80);
    (!goes_on).then_some(end)
}

/// Any piece; `spaces` is the rule for white space.
#[inline(never)]
pub(super) fn any_piece(text: &[u8], start: usize, spaces: fn(&[u8], usize) -> usize) -> usize {
    if is_single(text, start) {
        return start + 1;
    }
    let Some(first) = character(text, start) else { return text.len() };
    let second = || character(text, first.end).map_or(Class::NEWLINE, |next| next.class);
    match first.class {
        Class::NUMBER => numbers(text, start),
        Class::UPPER | Class::LOWER | Class::LETTER => letters(text, first.end),
        Class::NEWLINE => spaces(text, start),
        class => {
            let contraction = contraction(text, start);
            if contraction > 0 {
                return start + contraction;
            }
            let second = second();
            if second.is_letter() {
                plain_piece(text, first.end, load_8(text, first.end))
                    .unwrap_or_else(|| letters(text, first.end))
            } else if class != Class::SPACE
                || (matches!(second, Class::OTHER | Class::MARK) && text.get(start) == Some(&b' '))
            {
                marks_and_newlines(text, first.end)
            } else {
                spaces(text, start)
            }
        }
    }
}

fn letters(text: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(next) = character(text, end).filter(|next| next.class.is_letter()) {
        end = next.end;
    }
    end
}

/// The fourth alternative, from behind its first character on.
pub(super) fn marks_and_newlines(text: &[u8], start: usize) -> usize {
    let mut end = marks(text, start);
    while matches!(text.get(end), Some(b'\r' | b'\n')) {
        end += 1;
    }
    end
}

/// The last four alternatives: all at the end of the text; to the last newline; or all but the last character, which
/// may belong to what follows.
fn spaces(text: &[u8], start: usize) -> usize {
    let run = white_space(text, start);
    if run.end == text.len() || run.last == start {
        return run.end;
    }
    run.newline_end.unwrap_or(run.last)
}
