//! The classes of characters that the patterns distinguish, looked up in two small tables.

use crate::bpe::tables::{ASCII_CLASSES, CLASS_BLOCKS, CLASS_STAGES};

/// A class; the numbers are those of `build/classes.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Class(u8);

impl Class {
    /// Punctuation, symbols, controls, unassigned: no letter, mark, number or white space.
    pub const OTHER: Self = Self(0);
    /// `\p{Lu}`, `\p{Lt}`.
    pub const UPPER: Self = Self(1);
    /// `\p{Ll}`.
    pub const LOWER: Self = Self(2);
    /// `\p{Lm}`, `\p{Lo}`.
    pub const LETTER: Self = Self(3);
    /// `\p{M}`.
    pub const MARK: Self = Self(4);
    /// `\p{N}`.
    pub const NUMBER: Self = Self(5);
    /// `\s` without what is [`Self::NEWLINE`].
    pub const SPACE: Self = Self(6);
    /// `[\r\n]`.
    pub const NEWLINE: Self = Self(7);

    /// `\p{L}`.
    #[inline(always)]
    pub const fn is_letter(self) -> bool {
        matches!(self, Self::UPPER | Self::LOWER | Self::LETTER)
    }

    /// `[\p{L}\p{M}]`.
    #[inline(always)]
    pub const fn is_letter_or_mark(self) -> bool {
        matches!(self, Self::UPPER | Self::LOWER | Self::LETTER | Self::MARK)
    }

    /// `\s`.
    #[inline(always)]
    pub const fn is_white_space(self) -> bool {
        matches!(self, Self::SPACE | Self::NEWLINE)
    }
}

/// One character of a text: its class and where the next one begins.
#[derive(Clone, Copy)]
pub struct Character {
    pub class: Class,
    pub end: usize,
}

/// The character that begins at `at`; `None` at the end of the text. `text` is UTF-8.
#[inline(always)]
pub fn character(text: &[u8], at: usize) -> Option<Character> {
    let lead = *text.get(at)?;
    if lead < 0x80 {
        let class = ASCII_CLASSES.get(usize::from(lead)).copied().unwrap_or_default();
        return Some(Character { class: Class(class), end: at + 1 });
    }
    Some(wide(text, at, lead))
}

fn wide(text: &[u8], at: usize, lead: u8) -> Character {
    let continuation = |offset: usize| u32::from(text.get(at + offset).copied().unwrap_or_default() & 0x3f);
    let (code_point, length) = if lead < 0xe0 {
        ((u32::from(lead & 0x1f) << 6) | continuation(1), 2)
    } else if lead < 0xf0 {
        ((u32::from(lead & 0x0f) << 12) | (continuation(1) << 6) | continuation(2), 3)
    } else {
        let high = (u32::from(lead & 0x07) << 18) | (continuation(1) << 12);
        (high | (continuation(2) << 6) | continuation(3), 4)
    };
    Character { class: of(code_point), end: at + length }
}

/// The class of a character by its number.
fn of(code_point: u32) -> Class {
    let Some(&stage) = CLASS_STAGES.get(code_point as usize >> 7) else { return Class::OTHER };
    let index = (usize::from(stage) << 6) | ((code_point as usize & 0x7f) >> 1);
    let pair = CLASS_BLOCKS.get(index).copied().unwrap_or_default();
    Class((pair >> ((code_point & 1) * 4)) & 0x0f)
}

/// The character that ends right before `end`; `None` at the beginning of the text.
pub fn character_before(text: &[u8], end: usize) -> Option<(Class, usize)> {
    let mut at = end.checked_sub(1)?;
    while text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
        at = at.checked_sub(1)?;
    }
    character(text, at).map(|character| (character.class, at))
}

/// How many of the first characters of eight are ASCII small letters.
#[inline(always)]
pub const fn small_letters(bytes: u64) -> usize {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = bytes & !HIGH;
    let from_a = low + EACH * (0x80 - b'a' as u64);
    let past_z = low + EACH * (0x7f - b'z' as u64);
    let is_not = !(from_a & !past_z & !bytes) & HIGH;
    (is_not.trailing_zeros() / 8) as usize
}

/// How many of the first characters of eight are ASCII letters.
#[inline(always)]
pub const fn any_letters(bytes: u64) -> usize {
    // The bit makes a large letter small, and nothing else a small letter.
    small_letters(bytes | 0x2020_2020_2020_2020)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_small_letters() {
        for byte in 0..=u8::MAX {
            let expected = if byte.is_ascii_lowercase() { 8 } else { 0 };
            assert_eq!(small_letters(u64::from_le_bytes([byte; 8])), expected, "{byte}");
            let expected = if byte.is_ascii_alphabetic() { 8 } else { 0 };
            assert_eq!(any_letters(u64::from_le_bytes([byte; 8])), expected, "{byte}");
        }
        assert_eq!(small_letters(u64::from_le_bytes(*b"abcd efg")), 4);
        assert_eq!(small_letters(u64::from_le_bytes(*b"abcdefgH")), 7);
    }

    #[test]
    fn classes_are_those_of_the_standard_library() {
        for character in '\0'..=char::MAX {
            let class = of(u32::from(character));
            // The standard library may know a newer Unicode, and so more letters.
            if class.is_white_space() || character.is_ascii() {
                assert_eq!(class.is_white_space(), character.is_whitespace(), "{character:?}");
            }
            if class.is_letter() || character.is_ascii() {
                assert_eq!(class.is_letter(), character.is_alphabetic(), "{character:?}");
            }
            if class == Class::NUMBER {
                assert!(character.is_numeric(), "{character:?}");
            }
        }
    }
}
