//! Patterns of an operator: fixed characters, and places for a digit, a letter or either. They have one length, so that
//! comparing one takes a bounded time, which regular expressions do not promise.

use super::open::Search;

/// Longest pattern, in characters.
const MAX_LENGTH: usize = 64;
/// Most patterns.
const MAX_PATTERNS: usize = 20;

/// One pattern: `#` is a digit, `@` a letter, `?` either, and anything else itself. All of it ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    name: String,
    shape: Vec<u8>,
}

impl Pattern {
    /// Reads patterns such as `customer=C-######, ticket=@@-####`. One that is no pattern is left out: without a name of letters,
    /// digits and underscores, without a place, too long, not ASCII.
    #[must_use]
    pub fn list(text: &str) -> Vec<Self> {
        text.split(',').filter_map(Self::read).take(MAX_PATTERNS).collect()
    }

    /// Reads one pattern.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (name, shape) = text.split_once('=')?;
        let (name, shape) = (name.trim(), shape.trim());
        let is_name = !name.is_empty()
            && name.len() <= MAX_LENGTH
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let has_place = shape.contains(['#', '@', '?']);
        let is_shape = shape.len() <= MAX_LENGTH && shape.is_ascii();
        (is_name && has_place && is_shape)
            .then(|| Self { name: name.to_owned(), shape: shape.as_bytes().to_vec() })
    }

    /// What the search for it finds at a place, of which `is_last` says that nothing follows `rest`.
    #[must_use]
    pub fn search(&self, earlier: &[u8], rest: &[u8], is_last: bool) -> Search<'_> {
        let is_inside = earlier.last().is_some_and(u8::is_ascii_alphanumeric);
        if !is_last && self.is_open(rest, is_inside) {
            return Search::Open;
        }
        self.at(rest, is_inside).map_or(Search::Nothing, |(length, kind)| Search::Found {
            before: 0,
            length,
            kind,
        })
    }

    /// Whether what follows `rest` decides if it begins with the pattern.
    pub(super) fn is_open(&self, rest: &[u8], is_inside: bool) -> bool {
        let ends_word =
            self.shape.last().is_some_and(|place| is_place(*place) || place.is_ascii_alphanumeric());
        let begins_word = rest.first().is_some_and(u8::is_ascii_alphanumeric);
        rest.len() < self.shape.len() + usize::from(ends_word)
            && !(begins_word && is_inside)
            && rest.iter().zip(&self.shape).all(|(byte, place)| fits(*byte, *place))
    }

    /// Its length and name if `rest` begins with it and neither it nor what surrounds it is part of a longer word.
    pub(super) fn at(&self, rest: &[u8], is_inside: bool) -> Option<(usize, &str)> {
        let head = rest.get(..self.shape.len())?;
        let begins_word = head.first().is_some_and(u8::is_ascii_alphanumeric);
        let ends_word = head.last().is_some_and(u8::is_ascii_alphanumeric);
        if (begins_word && is_inside)
            || (ends_word && rest.get(head.len()).is_some_and(u8::is_ascii_alphanumeric))
        {
            return None;
        }
        let is_it = head.iter().zip(&self.shape).all(|(byte, place)| fits(*byte, *place));
        is_it.then_some((head.len(), self.name.as_str()))
    }
}

fn is_place(byte: u8) -> bool {
    b"#@?".contains(&byte)
}

fn fits(byte: u8, place: u8) -> bool {
    match place {
        b'#' => byte.is_ascii_digit(),
        b'@' => byte.is_ascii_alphabetic(),
        b'?' => byte.is_ascii_alphanumeric(),
        fixed => byte == fixed,
    }
}
