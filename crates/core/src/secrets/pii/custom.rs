//! Patterns of an operator: fixed characters, and places for a digit, a letter or either. They have one length, so that
//! comparing one takes a bounded time, which regular expressions do not promise.

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

    fn read(text: &str) -> Option<Self> {
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
        let fits = head.iter().zip(&self.shape).all(|(byte, place)| match place {
            b'#' => byte.is_ascii_digit(),
            b'@' => byte.is_ascii_alphabetic(),
            b'?' => byte.is_ascii_alphanumeric(),
            fixed => byte == fixed,
        });
        fits.then_some((head.len(), self.name.as_str()))
    }
}
