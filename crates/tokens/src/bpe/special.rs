//! Special tokens, which stand for themselves and not for their bytes: `<|endoftext|>` and its like.

use alloc::{format, vec::Vec};

/// The special tokens of an encoding, as the build script writes them.
pub struct Specials {
    /// The characters that their names begin with.
    pub beginnings: &'static [char],
    /// Names and numbers, in the order of the numbers.
    pub named: &'static [(&'static str, u32)],
    /// Those which are named by a number.
    pub series: &'static [Series],
}

/// Special tokens whose names differ by a number only, such as `<|reserved_200013|>`, and have consecutive numbers.
pub struct Series {
    /// What stands before the number in the name.
    pub before: &'static str,
    /// What stands after it.
    pub after: &'static str,
    /// How many digits it has, with zeros before it; 0 if it has as many as it needs.
    pub digits: usize,
    /// The first number in a name, and the token of that name.
    pub number: u32,
    pub token: u32,
    /// How many tokens there are.
    pub count: u32,
}

/// A special token in a text.
pub struct Occurrence {
    pub start: usize,
    pub end: usize,
    pub token: u32,
}

/// Digits of the highest number there is, and some more.
const MAX_DIGITS: usize = 8;

impl Specials {
    /// The first special token in `text` from `from` on. No special token is the beginning of another.
    pub fn find(&self, text: &str, from: usize) -> Option<Occurrence> {
        let mut from = from;
        loop {
            let start = from + text.get(from..)?.find(self.beginnings)?;
            let rest = text.get(start..)?;
            if let Some((length, token)) = self.at_beginning(rest) {
                return Some(Occurrence { start, end: start + length, token });
            }
            from = start + rest.chars().next().map_or(1, char::len_utf8);
        }
    }

    fn at_beginning(&self, text: &str) -> Option<(usize, u32)> {
        if let Some((name, token)) = self.named.iter().find(|(name, _)| text.starts_with(name)) {
            return Some((name.len(), *token));
        }
        self.series.iter().find_map(|series| series.at_beginning(text))
    }

    /// Appends the text of a special token; whether there is one of this number.
    pub fn write(&self, token: u32, bytes: &mut Vec<u8>) -> bool {
        if let Some((name, _)) = self.named.iter().find(|(_, number)| *number == token) {
            bytes.extend_from_slice(name.as_bytes());
            return true;
        }
        self.series.iter().any(|series| series.write(token, bytes))
    }
}

impl Series {
    fn at_beginning(&self, text: &str) -> Option<(usize, u32)> {
        let number = text.strip_prefix(self.before)?;
        let digits = number.bytes().take(MAX_DIGITS).take_while(u8::is_ascii_digit).count();
        let (number, rest) = number.split_at_checked(digits)?;
        // A number is written in one way only.
        let is_written = if self.digits > 0 { digits == self.digits } else { !is_padded(number) };
        if !is_written || !rest.starts_with(self.after) {
            return None;
        }
        let index =
            number.parse::<u32>().ok()?.checked_sub(self.number).filter(|&index| index < self.count)?;
        Some((self.before.len() + digits + self.after.len(), self.token + index))
    }

    fn write(&self, token: u32, bytes: &mut Vec<u8>) -> bool {
        let index = token.checked_sub(self.token).filter(|&index| index < self.count);
        let Some(number) = index.map(|index| self.number + index) else { return false };
        let name = format!("{}{number:0width$}{}", self.before, self.after, width = self.digits);
        bytes.extend_from_slice(name.as_bytes());
        true
    }
}

fn is_padded(number: &str) -> bool {
    number.len() > 1 && number.starts_with('0')
}
