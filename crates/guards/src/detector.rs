//! What a detector says about a place of a text.

/// A place of a text: what stands before it, and what is known of what follows.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The text before, since the last thing that was found; at least the last 64 bytes of it.
    pub earlier: &'a [u8],
    /// The text from the place on, as far as it is known. Begins with a whole character.
    pub rest: &'a [u8],
    /// Whether nothing follows `rest`.
    pub is_last: bool,
}

/// What a detector found at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Nothing, whatever follows.
    Nothing,
    /// It depends on what follows.
    Open,
    /// Something, whatever follows.
    Found(Found<'a>),
}

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// How many bytes before the place it begins.
    pub before: usize,
    /// How many bytes from the place on it has at least.
    pub length: usize,
    /// What it is, in a word.
    pub kind: &'a str,
    /// What belongs to it behind `length` bytes, however long it is.
    pub tail: Option<Tail>,
}

/// How something goes on whose beginning is enough to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Letters, digits, `_` and `-`.
    Token,
    /// The same and full stops.
    Dotted,
    /// The lines of a key in PEM, to the end of its last line.
    Pem(Pem),
}

/// How far a key in PEM has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pem {
    dashes: u8,
    is_last_line: bool,
}

impl Tail {
    /// Takes the next byte; false if it does not belong to the tail, which ends before it.
    pub fn takes(&mut self, byte: u8) -> bool {
        match self {
            Self::Token => is_token(byte),
            Self::Dotted => is_token(byte) || byte == b'.',
            Self::Pem(pem) => pem.takes(byte),
        }
    }
}

impl Pem {
    fn takes(&mut self, byte: u8) -> bool {
        const RULE: u8 = 5;
        if byte == b'-' {
            if self.is_last_line && self.dashes == RULE {
                return false;
            }
            self.dashes += 1;
            if self.dashes == RULE && !self.is_last_line {
                (self.is_last_line, self.dashes) = (true, 0);
            }
            // More dashes than a line of PEM has.
            return self.dashes <= RULE;
        }
        if self.is_last_line && self.dashes == RULE {
            return false;
        }
        self.dashes = 0;
        byte.is_ascii_alphanumeric() || b"+/=\\:, \r\n\t".contains(&byte)
    }
}

/// Letters, digits, `_` and `-`.
#[must_use]
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// How many bytes the character has that begins with this one.
#[must_use]
pub fn width(first: u8) -> usize {
    match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

/// The first character of a text that begins with a whole one.
#[must_use]
pub fn first_char(rest: &[u8]) -> Option<char> {
    let bytes = rest.get(..width(*rest.first()?))?;
    std::str::from_utf8(bytes).ok()?.chars().next()
}

/// The last character of a text that ends with a whole one.
#[must_use]
pub fn last_char(earlier: &[u8]) -> Option<char> {
    let back = earlier.iter().rev().take(4).position(|byte| byte & 0xC0 != 0x80)? + 1;
    first_char(earlier.get(earlier.len() - back..)?)
}

/// Whether the character is part of a word that is written without spaces around it only at its ends: in Chinese, Japanese
/// and Korean words stand beside each other.
#[must_use]
pub fn joins_words(character: char) -> bool {
    character.is_alphanumeric() && character < '\u{2E80}'
}
