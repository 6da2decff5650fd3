//! The spellings of a character in JSON, JavaScript, URLs and HTML, and of a secret in other encodings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Longest spelling of one character, in bytes; longer ones are not recognised.
pub(super) const MAX_UNIT: usize = 24;

/// Whether a needle stands in some bytes.
pub(super) enum Reading {
    /// As a whole; the bytes go on there.
    Whole(usize),
    /// The bytes end within it.
    Part,
    /// Not.
    Other,
}

/// Reads a folded needle from `at` on, in any spelling.
pub(super) fn read(bytes: &[u8], mut at: usize, needle: &[u8]) -> Reading {
    for wanted in needle {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(byte) = rest.first() else { return Reading::Part };
        if fold(*byte) == *wanted {
            at += 1;
            continue;
        }
        match unit(rest) {
            Some((byte, length)) if fold(byte) == *wanted => at += length,
            _ if is_part_of_unit(rest) => return Reading::Part,
            _ => return Reading::Other,
        }
    }
    Reading::Whole(at)
}

/// An escaped character at the beginning of `bytes`, and the length of its spelling.
pub(super) fn unit(bytes: &[u8]) -> Option<(u8, usize)> {
    let bytes = bytes.get(..bytes.len().min(MAX_UNIT)).unwrap_or_default();
    match bytes.first()? {
        b'\\' => {
            // JSON within JSON has several.
            let slashes = bytes.iter().take_while(|byte| **byte == b'\\').count();
            let rest = bytes.get(slashes + 1..).unwrap_or_default();
            match bytes.get(slashes)? {
                b'u' | b'U' if rest.first() == Some(&b'{') => {
                    let length = rest.iter().position(|byte| *byte == b'}')?;
                    Some((number(rest.get(1..length)?, 16)?, slashes + length + 2))
                }
                b'u' => Some((number(rest.get(..4)?, 16)?, slashes + 5)),
                b'U' => Some((number(rest.get(..8)?, 16)?, slashes + 9)),
                b'x' => Some((number(rest.get(..2)?, 16)?, slashes + 3)),
                byte @ (b'/' | b'"' | b'\'') => Some((*byte, slashes + 1)),
                _ => None,
            }
        }
        b'%' => {
            let mut at = 1;
            // A percent sign may be encoded itself.
            while bytes.get(at..at + 2) == Some(b"25") && bytes.get(at + 2).is_some_and(u8::is_ascii_hexdigit)
            {
                at += 2;
            }
            Some((number(bytes.get(at..at + 2)?, 16)?, at + 2))
        }
        b'&' => {
            let mut at = 1;
            while bytes.get(at..).is_some_and(|rest| rest.starts_with(b"amp;")) {
                at += 4;
            }
            let end = at + bytes.get(at..)?.iter().position(|byte| *byte == b';')?;
            let name = bytes.get(at..end)?;
            let byte = match name.split_first() {
                Some((b'#', digits)) => match digits.split_first() {
                    Some((b'x' | b'X', digits)) => number(digits, 16)?,
                    _ => number(digits, 10)?,
                },
                _ => NAMED.iter().find(|(known, _)| *known == name)?.1,
            };
            Some((byte, end + 1))
        }
        _ => None,
    }
}

/// Characters of keys that HTML has names for.
const NAMED: &[(&[u8], u8)] = &[
    (b"apos", b'\''),
    (b"colon", b':'),
    (b"equals", b'='),
    (b"gt", b'>'),
    (b"hyphen", b'-'),
    (b"lowbar", b'_'),
    (b"lt", b'<'),
    (b"period", b'.'),
    (b"plus", b'+'),
    (b"quot", b'"'),
    (b"sol", b'/'),
];

/// Whether an escaped character may begin here that the bytes end within.
fn is_part_of_unit(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(b'\\' | b'%' | b'&'))
        && bytes.len() < MAX_UNIT
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"\\%&#;{".contains(byte))
}

/// The ASCII character with this number.
fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.len() <= 8 && !text.starts_with('+'))?;
    u32::from_str_radix(text, radix).ok().and_then(|code| u8::try_from(code).ok()).filter(u8::is_ascii)
}

/// Both alphabets of Base64 and both cases are alike.
pub(super) const fn fold(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte.to_ascii_lowercase(),
    }
}

/// In hexadecimal.
pub(super) fn hex(secret: &str) -> String {
    let digits = secret.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// The characters of Base64 that a secret alone determines if `lead` bytes (modulo three) stand before it.
pub(super) fn base64_within(secret: &str, lead: usize) -> String {
    let bytes: Vec<u8> = std::iter::repeat_n(0, lead).chain(secret.bytes()).collect();
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    encoded.get((lead * 8).div_ceil(6)..bytes.len() * 8 / 6).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_character() {
        for spelled in [
            r"\u0073",
            r"\\u0073",
            r"\\\\u0073",
            r"\x73",
            r"\U00000073",
            r"\u{73}",
            "%73",
            "%2573",
            "%252573",
            "&#115;",
            "&#x73;",
            "&#0115;",
            "&amp;#115;",
        ] {
            let text = format!("{spelled}!");
            assert_eq!(unit(text.as_bytes()), Some((b's', spelled.len())), "{spelled}");
        }
        for (spelled, byte) in
            [(r"\/", b'/'), (r#"\""#, b'"'), ("&plus;", b'+'), ("&amp;sol;", b'/'), ("%25", b'%')]
        {
            assert_eq!(unit(spelled.as_bytes()), Some((byte, spelled.len())), "{spelled}");
        }
        for none in
            ["s", r"\n", r"\u00", r"\u4f60", "%7", "%zz", "&#115", "&nbsp;", "&;", r"\", "", r"\u+073"]
        {
            assert_eq!(unit(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn base64_of_a_secret_within_a_longer_text() {
        for lead in 0..8 {
            let text = STANDARD_NO_PAD.encode(format!("{}secret-1234!!", "u".repeat(lead)));
            assert!(text.contains(&base64_within("secret-1234", lead % 3)), "{lead}");
        }
        assert_eq!(hex("sk-"), "736b2d");
    }
}
