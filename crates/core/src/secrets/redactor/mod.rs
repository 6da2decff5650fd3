//! Finds secrets in what leaves the gateway, however they are written there, and masks them.
//!
//! Bytes are searched as they are, without decoding them first. A secret is found in clear, in any spelling that JSON,
//! JavaScript, URLs or HTML have for its characters (`\u0073`, `\x73`, `%73`, `&#115;`, also escaped several times and
//! mixed), in hexadecimal, and as Base64 alone or as part of a longer text such as `user:key`; always without regard to
//! case. A stream is searched by a [`Scrubber`], which finds a secret that is split over chunks.
//!
//! Most bytes are not looked at: the scan (Wu and Manber, "A fast algorithm for multi-pattern searching") reads every
//! n-th one, where n is the length of the shortest secret, for all secrets together.

mod scrubber;
mod spelling;
#[cfg(test)]
mod tests;

use memchr::memchr3_iter;

pub use self::scrubber::Scrubber;
use self::spelling::{MAX_UNIT, Reading, base64_within, fold, hex, read, unit};
use super::mask::mask;

/// Shortest text that is searched for where a mistake costs nothing: in errors and in log lines.
const SHORTEST: usize = 4;
/// Shortest secret that is searched for in content, and in other encodings than its own.
const SHORTEST_SECRET: usize = 8;
/// A shorter text without a digit is a word, such as the keys that servers without keys want (`lm-studio`). It is
/// left in content.
const LONGEST_WORD: usize = 15;
/// Entries of the table of shifts; a power of two.
const SHIFTS: usize = 2048;
/// Most bytes of a secret that the scan compares at once.
const MAX_WINDOW: usize = 32;
/// What stands in place of a secret that is not written in clear.
const HIDDEN: &str = "…";

/// Where a text will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Answers: what is guessable, such as `ollama`, is left alone.
    Content,
    /// Errors, headers, log lines.
    Report,
}

/// A set of secrets to be masked. It does not show them in debug output.
pub struct Redactor {
    /// Longest first.
    needles: Vec<Needle>,
    /// By hash of two bytes: how far the scan may advance.
    shifts: Vec<u8>,
    /// Hashes of the last two bytes of each needle's window, sorted, with the needle's index.
    ends: Vec<(usize, usize)>,
    /// Length of the window: that of the shortest needle.
    window: usize,
    /// By byte: the needles in which it occurs, and where.
    within: Vec<Vec<(usize, usize)>>,
    /// Length of the longest needle.
    longest: usize,
}

struct Needle {
    folded: Vec<u8>,
    mask: String,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Redactor").field("needles", &self.needles.len()).finish_non_exhaustive()
    }
}

/// A secret found in some bytes.
struct Found<'a> {
    start: usize,
    end: usize,
    mask: &'a str,
}

impl Redactor {
    /// A redactor of these secrets for texts that are read in `place`. What is too short to be a secret is left out.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>, place: Place) -> Self {
        let mut needles: Vec<Needle> = Vec::new();
        for secret in secrets {
            let secret = secret.trim();
            if !is_searched_for(secret, place) {
                continue;
            }
            push(&mut needles, secret.as_bytes(), shown(secret));
            if secret.len() >= SHORTEST_SECRET {
                push(&mut needles, hex(secret).as_bytes(), HIDDEN.to_owned());
                for lead in 0..3 {
                    push(&mut needles, base64_within(secret, lead).as_bytes(), HIDDEN.to_owned());
                }
            }
        }
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.folded.len()));
        let window = needles.last().map_or(0, |needle| needle.folded.len()).min(MAX_WINDOW);
        let mut redactor = Self {
            shifts: vec![u8::try_from(window.saturating_sub(1)).unwrap_or(u8::MAX); SHIFTS],
            ends: Vec::new(),
            window,
            within: vec![Vec::new(); 256],
            longest: needles.first().map_or(0, |needle| needle.folded.len()),
            needles,
        };
        redactor.index();
        redactor
    }

    fn index(&mut self) {
        for (index, needle) in self.needles.iter().enumerate() {
            let window = needle.folded.get(..self.window).unwrap_or_default();
            for (at, pair) in window.windows(2).enumerate() {
                let [a, b] = pair else { continue };
                let hash = hash(*a, *b);
                let shift = self.window - 2 - at;
                if let Some(held) = self.shifts.get_mut(hash) {
                    *held = (*held).min(u8::try_from(shift).unwrap_or(u8::MAX));
                }
                if shift == 0 {
                    self.ends.push((hash, index));
                }
            }
            for (at, byte) in needle.folded.iter().enumerate() {
                if let Some(within) = self.within.get_mut(usize::from(*byte)) {
                    within.push((index, at));
                }
            }
        }
        self.ends.sort_unstable();
    }

    /// Whether there is nothing to search for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// Whether `bytes` contain a secret.
    #[must_use]
    pub fn finds_in(&self, bytes: &[u8]) -> bool {
        self.plain(bytes, 0).is_some() || self.spelled(bytes, 0).is_some()
    }

    /// `bytes` with every secret masked; `None` if they contain none.
    #[must_use]
    pub fn clean(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let (mut plain, mut spelled) = (self.plain(bytes, 0), self.spelled(bytes, 0));
        if plain.is_none() && spelled.is_none() {
            return None;
        }
        let mut cleaned = Vec::with_capacity(bytes.len());
        let mut copied = 0;
        loop {
            let is_plain = match (&plain, &spelled) {
                (Some(plain), Some(spelled)) => plain.start <= spelled.start,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let found = if is_plain { plain.take() } else { spelled.take() };
            let Some(found) = found else { break };
            cleaned.extend_from_slice(bytes.get(copied..found.start).unwrap_or_default());
            cleaned.extend_from_slice(found.mask.as_bytes());
            copied = found.end;
            // What begins within the masked bytes is gone; the other kind is searched again only then.
            plain = plain.filter(|other| other.start >= copied).or_else(|| self.plain(bytes, copied));
            spelled = spelled.filter(|other| other.start >= copied).or_else(|| self.spelled(bytes, copied));
        }
        cleaned.extend_from_slice(bytes.get(copied..).unwrap_or_default());
        Some(cleaned)
    }

    /// `text` with every secret masked.
    #[must_use]
    pub fn clean_text(&self, text: String) -> String {
        match self.clean(text.as_bytes()) {
            Some(cleaned) => String::from_utf8_lossy(&cleaned).into_owned(),
            None => text,
        }
    }

    /// The first secret from `from` on that is written without any escape.
    fn plain(&self, bytes: &[u8], from: usize) -> Option<Found<'_>> {
        if self.window < 2 {
            return None;
        }
        let mut last = from + self.window - 1;
        while let (Some(a), Some(b)) = (bytes.get(last - 1), bytes.get(last)) {
            let hash = hash(fold(*a), fold(*b));
            let shift = self.shifts.get(hash).copied().unwrap_or(1);
            if shift > 0 {
                last += usize::from(shift);
                continue;
            }
            let start = last + 1 - self.window;
            let rest = bytes.get(start..).unwrap_or_default();
            let first = self.ends.partition_point(|(known, _)| *known < hash);
            let alike = self.ends.iter().skip(first).take_while(|(known, _)| *known == hash);
            // The needles are in order of length, so the longest one is found.
            for needle in alike.filter_map(|(_, index)| self.needles.get(*index)) {
                if begins_with(rest, &needle.folded) {
                    return Some(Found { start, end: start + needle.folded.len(), mask: &needle.mask });
                }
            }
            last += 1;
        }
        None
    }

    /// The first secret from `from` on of which at least one character is escaped.
    fn spelled(&self, bytes: &[u8], from: usize) -> Option<Found<'_>> {
        let rest = bytes.get(from..).unwrap_or_default();
        for at in memchr3_iter(b'\\', b'%', b'&', rest) {
            let Some((byte, length)) = unit(rest.get(at..).unwrap_or_default()) else { continue };
            for (index, before) in self.within.get(usize::from(fold(byte))).into_iter().flatten() {
                let Some(needle) = self.needles.get(*index) else { continue };
                let Some(start) = at.checked_sub(*before) else { continue };
                let head = rest.get(start..at).unwrap_or_default();
                if !begins_with(head, needle.folded.get(..*before).unwrap_or_default()) {
                    continue;
                }
                let after = needle.folded.get(before + 1..).unwrap_or_default();
                if let Reading::Whole(end) = read(rest, at + length, after) {
                    return Some(Found { start: from + start, end: from + end, mask: &needle.mask });
                }
            }
        }
        None
    }

    /// Where a secret begins that `bytes` end in the middle of.
    fn begun_at(&self, bytes: &[u8]) -> Option<usize> {
        let last = *bytes.last()?;
        let may_be_within = self.within.get(usize::from(fold(last))).is_some_and(|within| !within.is_empty())
            || last.is_ascii_alphanumeric()
            || b"\\%&#;".contains(&last);
        if !may_be_within {
            return None;
        }
        let span = self.longest.saturating_mul(MAX_UNIT / 4).max(MAX_UNIT);
        let first = bytes.len().saturating_sub(span);
        (first..bytes.len()).find(|start| {
            let Some(byte) = bytes.get(*start) else { return false };
            let is_escape = matches!(byte, b'\\' | b'%' | b'&');
            self.needles.iter().any(|needle| {
                (is_escape || needle.folded.first() == Some(&fold(*byte)))
                    && matches!(read(bytes, *start, &needle.folded), Reading::Part)
            })
        })
    }
}

fn hash(a: u8, b: u8) -> usize {
    ((usize::from(a) << 5) ^ usize::from(b)) & (SHIFTS - 1)
}

fn begins_with(bytes: &[u8], folded: &[u8]) -> bool {
    bytes.len() >= folded.len() && bytes.iter().zip(folded).all(|(byte, wanted)| fold(*byte) == *wanted)
}

fn is_searched_for(secret: &str, place: Place) -> bool {
    match place {
        Place::Report => secret.len() >= SHORTEST,
        Place::Content => {
            let has_digit = secret.bytes().any(|byte| byte.is_ascii_digit());
            secret.len() >= SHORTEST_SECRET && (has_digit || secret.len() > LONGEST_WORD)
        }
    }
}

/// What is shown of a secret, if that can stand in any text.
fn shown(secret: &str) -> String {
    let masked = mask(secret);
    let is_plain = masked.chars().all(|char| char.is_ascii_alphanumeric() || "-_…".contains(char));
    if is_plain { masked } else { HIDDEN.to_owned() }
}

fn push(needles: &mut Vec<Needle>, bytes: &[u8], mask: String) {
    let folded: Vec<u8> = bytes.iter().copied().map(fold).collect();
    if folded.len() >= 2 && needles.iter().all(|needle| needle.folded != folded) {
        needles.push(Needle { folded, mask });
    }
}
