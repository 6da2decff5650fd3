//! Pre-tokenisation: a text is split into pieces, and no token spans two of them.
//!
//! Each encoding defines its pieces by a regular expression. The scanners here are written by hand: they read every
//! character a bounded number of times, need no memory, and give exactly the pieces that the expression gives in a
//! backtracking engine with leftmost-first alternatives. Each scanner states what it relies on.

pub mod cl100k;
pub mod classes;
#[cfg(feature = "deepseek")]
pub mod deepseek;
#[cfg(feature = "glm")]
pub mod glm;
#[cfg(feature = "kimi")]
pub mod kimi;
pub mod o200k;
#[cfg(feature = "qwen")]
pub mod qwen;
#[cfg(any(feature = "deepseek", feature = "kimi"))]
pub mod set;
#[cfg(feature = "mistral")]
pub mod tekken;

use classes::{Class, any_letters, character, character_before, small_letters};

use crate::bpe::bytes::load_8;

/// The rule by which an encoding cuts a text into pieces.
pub trait Scanner {
    /// The end of the piece that begins at `start`, which is less than the length of the text. `first` are the eight bytes
    /// from there on.
    fn piece_end(text: &[u8], start: usize, first: u64) -> usize;

    /// Whether a piece may reach across `at`, although [`last_cut`] says of the classes around it that none does.
    fn is_joined(_text: &[u8], _at: usize) -> bool {
        false
    }
}

/// The end of white space from `at` on, of its last newline, and of its last character but one.
pub(crate) struct WhiteSpace {
    end: usize,
    newline_end: Option<usize>,
    last: usize,
}

pub(crate) fn white_space(text: &[u8], start: usize) -> WhiteSpace {
    let mut run = WhiteSpace { end: start, newline_end: None, last: start };
    while let Some(next) = character(text, run.end).filter(|next| next.class.is_white_space()) {
        run.last = run.end;
        run.end = next.end;
        if next.class == Class::NEWLINE {
            run.newline_end = Some(next.end);
        }
    }
    run
}

/// The end of a word of ASCII letters, at most the first of them a capital, after at most one space. `None` if there is
/// no such word at `start`, or if it has no small letter. `first` are the eight bytes from `start` on.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the first of eight bytes")]
pub(crate) fn plain_word(text: &[u8], start: usize, first: u64) -> Option<usize> {
    let space = usize::from(first as u8 == b' ');
    let bytes = first >> (8 * space);
    let capital = u8::from((bytes as u8).is_ascii_uppercase());
    // Its bit turns a capital into the small letter.
    let letters = small_letters(bytes | u64::from(capital << 5));
    if letters <= usize::from(capital) {
        return None;
    }
    let end = start + space + letters;
    Some(if space + letters == 8 { rest_of_word(text, end, small_letters) } else { end })
}

/// The end of ASCII letters, large or small, after at most one space. `None` if there are none at `start`. `first` are the
/// eight bytes from `start` on.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the first of eight bytes")]
pub(crate) fn letters(text: &[u8], start: usize, first: u64) -> Option<usize> {
    let space = usize::from(first as u8 == b' ');
    let letters = any_letters(first >> (8 * space));
    if letters == 0 {
        return None;
    }
    let end = start + space + letters;
    Some(if space + letters == 8 { rest_of_word(text, end, any_letters) } else { end })
}

/// The end of letters from `end` on, which are counted among eight bytes by `letters`.
#[inline(always)]
fn rest_of_word(text: &[u8], mut end: usize, letters: impl Fn(u64) -> usize) -> usize {
    loop {
        let more = letters(load_8(text, end));
        end += more;
        if more < 8 {
            return end;
        }
    }
}

/// Whether what begins at `start` is surely a piece of one byte: an ASCII mark before a space, or a newline before anything
/// else in ASCII than white space.
#[inline(always)]
pub(crate) fn is_single(text: &[u8], start: usize) -> bool {
    let Some(&[first, second]) = text.get(start..).and_then(<[u8]>::first_chunk::<2>) else { return false };
    match first {
        b'\n' => second.is_ascii_graphic(),
        _ => first.is_ascii_punctuation() && second == b' ',
    }
}

/// The end of `[^\s\p{L}\p{N}]*` from `start` on.
pub(crate) fn marks(text: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(next) =
        character(text, end).filter(|next| matches!(next.class, Class::OTHER | Class::MARK))
    {
        end = next.end;
    }
    end
}

/// The end of `\p{N}{1,3}` from `start` on.
#[inline(always)]
pub(crate) fn numbers(text: &[u8], start: usize) -> usize {
    let mut end = start;
    for _ in 0..3 {
        match character(text, end) {
            Some(next) if next.class == Class::NUMBER => end = next.end,
            _ => break,
        }
    }
    end
}

/// The length of `'s|'t|'re|'ve|'m|'ll|'d` without regard to case at `at`, where the apostrophe would be.
///
/// By Unicode's simple case folding U+017F (long s) is an s; no other letter here has a relative outside ASCII.
#[inline(always)]
pub(crate) fn contraction(text: &[u8], at: usize) -> usize {
    if text.get(at) != Some(&b'\'') {
        return 0;
    }
    let letter = |offset: usize| text.get(at + offset).map_or(0, u8::to_ascii_lowercase);
    match (letter(1), letter(2)) {
        (b's' | b't' | b'm' | b'd', _) => 2,
        (b'r' | b'v', b'e') | (b'l', b'l') | (0xc5, 0xbf) => 3,
        _ => 0,
    }
}

/// The last place after `from` where the text may be cut in two so that the pieces of the parts are those of the
/// whole, whatever follows; `None` if there is no such place that can be told from the two characters around it.
///
/// Such places are: before white space that no white space precedes (only a newline may continue a piece); between a
/// number and anything else; and after a letter, unless a letter, a mark or an apostrophe follows. No piece of any
/// pattern reaches across them but for what [`Scanner::is_joined`] says, and none before them depends on what comes after.
pub fn last_cut<S: Scanner>(text: &[u8], from: usize) -> Option<usize> {
    let (mut next, mut at) = character_before(text, text.len())?;
    while at > from {
        let (class, start) = character_before(text, at)?;
        let cut = match class {
            Class::NUMBER => next != Class::NUMBER,
            Class::UPPER | Class::LOWER | Class::LETTER => {
                !next.is_letter_or_mark() && text.get(at) != Some(&b'\'')
            }
            Class::SPACE | Class::NEWLINE => false,
            _ => next == Class::SPACE,
        };
        if cut && !S::is_joined(text, at) {
            return Some(at);
        }
        (next, at) = (class, start);
    }
    None
}
