//! Special tokens, which stand for themselves and not for their bytes: `<|endoftext|>` and its like.

use alloc::{format, vec::Vec};

/// The special tokens of an encoding, as the build script writes them.
pub struct Specials {
    /// Names and numbers, in the order of the numbers.
    pub named: &'static [(&'static str, u32)],
    /// First and last of those which are called `<|reserved_NUMBER|>`.
    pub reserved: &'static [(u32, u32)],
}

/// A special token in a text.
pub struct Occurrence {
    pub start: usize,
    pub end: usize,
    pub token: u32,
}

const RESERVED: &str = "<|reserved_";
/// Digits of the highest number there is, and some more.
const MAX_DIGITS: usize = 8;

impl Specials {
    /// The first special token in `text` from `from` on. No special token is the beginning of another.
    pub fn find(&self, text: &str, from: usize) -> Option<Occurrence> {
        let mut from = from;
        loop {
            let start = from + text.get(from..)?.find('<')?;
            let rest = text.get(start..)?;
            if let Some((length, token)) = self.at_beginning(rest) {
                return Some(Occurrence { start, end: start + length, token });
            }
            from = start + 1;
        }
    }

    fn at_beginning(&self, text: &str) -> Option<(usize, u32)> {
        if let Some((name, token)) = self.named.iter().find(|(name, _)| text.starts_with(name)) {
            return Some((name.len(), *token));
        }
        let number = text.strip_prefix(RESERVED)?;
        let digits = number.bytes().take(MAX_DIGITS).take_while(u8::is_ascii_digit).count();
        let (number, rest) = number.split_at_checked(digits)?;
        // A number is written in one way only.
        if !rest.starts_with("|>") || number.starts_with('0') {
            return None;
        }
        let token = number.parse().ok()?;
        self.is_reserved(token).then_some((RESERVED.len() + digits + 2, token))
    }

    fn is_reserved(&self, token: u32) -> bool {
        self.reserved.iter().any(|&(first, last)| (first..=last).contains(&token))
    }

    /// Appends the text of a special token; whether there is one of this number.
    pub fn write(&self, token: u32, bytes: &mut Vec<u8>) -> bool {
        if let Some((name, _)) = self.named.iter().find(|(_, number)| *number == token) {
            bytes.extend_from_slice(name.as_bytes());
            true
        } else if self.is_reserved(token) {
            bytes.extend_from_slice(format!("{RESERVED}{token}|>").as_bytes());
            true
        } else {
            false
        }
    }
}
