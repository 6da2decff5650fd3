//! Lists of words and phrases, compared without regard to case.
//!
//! A word whose end is a letter or digit is not found inside a longer one, except in scripts that write words without spaces.
//! Words are sorted; each character of a text narrows the range of those that still fit, so the time does not depend on how
//! many there are.

use crate::detector::{Found, Place, Seen, first_char, joins_words, last_char, width};

/// Longest word, in bytes.
pub const MAX_WORD: usize = 100;
/// Most words of a list.
pub const MAX_WORDS: usize = 1_000;
/// What this detector finds.
pub const KIND: &str = "word";

/// A list of words.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// In lower case, sorted by their bytes.
    sorted: Vec<Vec<u8>>,
    begins: Vec<u8>,
}

impl Words {
    /// The list of these. Those that are empty or too long are left out.
    #[must_use]
    pub fn new(words: &[String]) -> Self {
        let lower = words.iter().map(|word| lower_case(word.trim()).into_bytes());
        let mut sorted: Vec<Vec<u8>> =
            lower.filter(|word| !word.is_empty() && word.len() <= MAX_WORD).take(MAX_WORDS).collect();
        sorted.sort();
        sorted.dedup();
        let mut begins: Vec<u8> = sorted.iter().filter_map(|word| word.first().copied()).collect();
        begins.dedup();
        Self { sorted, begins }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Whether one may begin with this byte of a text.
    #[must_use]
    pub fn may_begin(&self, byte: u8) -> bool {
        !byte.is_ascii() || self.begins.contains(&byte.to_ascii_lowercase())
    }

    /// The longest word that begins at a place.
    #[must_use]
    pub fn at(&self, place: Place<'_>) -> Seen<'_> {
        let Some(first) = first_char(place.rest) else { return Seen::Nothing };
        if joins_words(first) && last_char(place.earlier).is_some_and(joins_words) {
            return Seen::Nothing;
        }
        let mut fitting = self.sorted.as_slice();
        let (mut depth, mut length, mut longest) = (0, 0, None);
        while let Some(character) = place.rest.get(length..).and_then(first_char) {
            length += character.len_utf8();
            for lower in character.to_lowercase() {
                let mut buffer = [0; 4];
                for byte in lower.encode_utf8(&mut buffer).bytes() {
                    fitting = narrowed(fitting, depth, byte);
                    depth += 1;
                }
            }
            let Some(shortest) = fitting.first() else { break };
            if shortest.len() == depth {
                match place.rest.get(length..).and_then(first_char) {
                    Some(next) if joins_words(character) && joins_words(next) => {}
                    None if joins_words(character) && !place.is_last => return Seen::Open,
                    _ => longest = Some(length),
                }
            }
            if fitting.len() == 1 && shortest.len() == depth {
                fitting = &[];
                break;
            }
        }
        let is_at_end = place.rest.get(length).is_none_or(|byte| place.rest.len() < length + width(*byte));
        if !fitting.is_empty() && is_at_end && !place.is_last {
            return Seen::Open;
        }
        longest
            .map_or(Seen::Nothing, |length| Seen::Found(Found { before: 0, length, kind: KIND, tail: None }))
    }
}

/// The words that have this byte at this depth, of words that are equal up to there.
fn narrowed(words: &[Vec<u8>], depth: usize, byte: u8) -> &[Vec<u8>] {
    // A shorter word sorts before all that go on.
    let at = |word: &Vec<u8>| word.get(depth).copied();
    let from = words.partition_point(|word| at(word) < Some(byte));
    let to = words.partition_point(|word| at(word) <= Some(byte));
    words.get(from..to).unwrap_or_default()
}

fn lower_case(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str], earlier: &str, rest: &str, is_last: bool) -> Option<usize> {
        let words = Words::new(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        match words.at(Place { earlier: earlier.as_bytes(), rest: rest.as_bytes(), is_last }) {
            Seen::Found(found) => Some(found.length),
            Seen::Nothing => None,
            Seen::Open => Some(usize::MAX),
        }
    }

    #[test]
    fn words_are_found_whole_and_the_longest_first() {
        let words = ["project x", "Project X-Ray", "gehe\u{ee}m", "\u{6a5f}\u{5bc6}"];
        assert_eq!(found(&words, "", "PROJECT X now", true), Some(9));
        assert_eq!(found(&words, "", "project x-ray", true), Some(13));
        assert_eq!(found(&words, "", "project x-", false), Some(usize::MAX));
        assert_eq!(found(&words, "", "project x", false), Some(usize::MAX));
        assert_eq!(found(&words, "", "project xy", true), None);
        assert_eq!(found(&words, "my", "project x", true), None);
        assert_eq!(found(&words, "", "GEHE\u{ce}M!", true), Some(7));
        assert_eq!(found(&words, "\u{7684}", "\u{6a5f}\u{5bc6}\u{6587}", true), Some(6));
        assert_eq!(found(&words, "", "\u{6a5f}", false), Some(usize::MAX));
        assert_eq!(found(&[], "", "a", false), None);
    }
}
