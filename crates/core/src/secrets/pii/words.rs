//! Personal data that begins with letters or has an `@`: addresses of mail, IBANs, Spanish identity numbers, IPv6.

use std::net::Ipv6Addr;

use memchr::memchr_iter;

use super::found::Found;

const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 253;
/// Longest IBAN, in characters without spaces.
const MAX_IBAN: usize = 34;
const MAX_IPV6: usize = 39;

/// Ends of names of files that are no top-level domains, in lower case: `icon@2x.png` is a picture for dense screens.
const FILES: [&[u8]; 25] = [
    b"avif", b"bmp", b"css", b"csv", b"gif", b"heic", b"htm", b"html", b"ico", b"jpeg", b"jpg", b"js",
    b"json", b"less", b"mjs", b"pdf", b"png", b"scss", b"svg", b"tiff", b"txt", b"webp", b"xml", b"yaml",
    b"yml",
];

/// Whether what stands behind an `@` names a file or a version of a package (`tool@1.2.0-beta.x`), and no host.
fn is_file_or_version(domain: &[u8], top: &[u8]) -> bool {
    let is_file = FILES.iter().any(|end| end.eq_ignore_ascii_case(top));
    let mut labels = domain.split(|byte| *byte == b'.');
    let mut is_number = || labels.next().is_some_and(|label| label.iter().all(u8::is_ascii_digit));
    is_file || (is_number() && is_number())
}

/// Whether a byte may stand before the `@` of an address.
pub(super) fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._%+-'".contains(&byte)
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-".contains(&byte)
}

/// The length of what stands before an `@` that may be the one of an address.
fn local_part(earlier: &[u8]) -> Option<usize> {
    let mut before = earlier.iter().rev().take(MAX_LOCAL).take_while(|byte| is_local(**byte)).count();
    // A full stop or a hyphen does not begin one.
    while before > 0 && !earlier.get(earlier.len() - before)?.is_ascii_alphanumeric() {
        before -= 1;
    }
    (before > 0 && earlier.last() != Some(&b'.')).then_some(before)
}

/// Whether what follows `rest` is part of the address around the `@` that it begins with.
pub(super) fn is_open_email(earlier: &[u8], rest: &[u8]) -> bool {
    let domain = rest.get(1..).unwrap_or_default();
    domain.len() < MAX_DOMAIN && domain.iter().all(|byte| is_domain(*byte)) && local_part(earlier).is_some()
}

/// An address around the `@` that `rest` begins with.
pub(super) fn email(earlier: &[u8], rest: &[u8]) -> Option<Found> {
    let before = local_part(earlier)?;
    let domain = rest.get(1..)?;
    let mut length = domain.iter().take(MAX_DOMAIN).take_while(|byte| is_domain(**byte)).count();
    while length > 0 && !domain.get(length - 1)?.is_ascii_alphanumeric() {
        length -= 1;
    }
    let domain = domain.get(..length)?;
    let mut labels = domain.rsplit(|byte| *byte == b'.');
    let top = labels.next()?;
    let is_top = top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
    let mut count = 0;
    for label in labels {
        if label.is_empty() || label.len() > 63 {
            return None;
        }
        count += 1;
    }
    if is_file_or_version(domain, top) {
        return None;
    }
    (is_top && count > 0).then_some(Found { before, length: 1 + length, kind: "email" })
}

/// Lengths of IBANs by country (SWIFT registry).
const IBANS: [(&[u8; 2], usize); 44] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"CH", 21),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"EE", 20),
    (b"ES", 24),
    (b"FI", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GR", 27),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"KZ", 20),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"MC", 27),
    (b"MT", 31),
    (b"NL", 18),
    (b"NO", 15),
    (b"PL", 28),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"SA", 24),
    (b"SE", 24),
    (b"SI", 19),
    (b"TR", 26),
];

/// An IBAN, with or without spaces between groups.
pub(super) fn iban(rest: &[u8]) -> Option<Found> {
    let country = rest.get(..2)?;
    if !rest.get(2..4)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (_, wanted) = IBANS.iter().find(|(known, _)| country.eq_ignore_ascii_case(*known))?;
    let mut characters = Vec::with_capacity(MAX_IBAN);
    let mut length = 0;
    while characters.len() < *wanted {
        match rest.get(length)? {
            byte if byte.is_ascii_alphanumeric() => characters.push(byte.to_ascii_uppercase()),
            b' ' if rest.get(length + 1)?.is_ascii_alphanumeric() => {}
            _ => return None,
        }
        length += 1;
    }
    if rest.get(length).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    characters.rotate_left(4);
    let remainder = characters.iter().fold(0_u32, |remainder, byte| {
        let value = char::from(*byte).to_digit(36).unwrap_or_default();
        if value > 9 { (remainder * 100 + value) % 97 } else { (remainder * 10 + value) % 97 }
    });
    (remainder == 1).then_some(Found { before: 0, length, kind: "iban" })
}

/// Whether what follows `rest` decides if it begins with an IBAN.
pub(super) fn is_open_iban(rest: &[u8]) -> bool {
    let fits_country =
        |known: &[u8; 2]| rest.iter().zip(known).all(|(byte, letter)| byte.eq_ignore_ascii_case(letter));
    let Some((_, wanted)) = IBANS.iter().find(|(known, _)| fits_country(known)) else { return false };
    if !rest.iter().skip(2).take(2).all(u8::is_ascii_digit) {
        return false;
    }
    if rest.len() < 4 {
        return true;
    }
    let (mut characters, mut is_after_space) = (0, false);
    for byte in rest {
        if characters == *wanted {
            // What follows the last character is known.
            return false;
        }
        match byte {
            byte if byte.is_ascii_alphanumeric() => (characters, is_after_space) = (characters + 1, false),
            b' ' if !is_after_space => is_after_space = true,
            _ => return false,
        }
    }
    true
}

/// Whether what follows `rest` decides if it begins with a Spanish NIE.
pub(super) fn is_open_spanish_id(rest: &[u8]) -> bool {
    rest.len() < 10
        && matches!(rest.first(), Some(b'X' | b'Y' | b'Z'))
        && rest.iter().skip(1).take(7).all(u8::is_ascii_digit)
        && rest.get(8).is_none_or(u8::is_ascii_alphabetic)
}

/// Whether what follows `rest` is part of the IPv6 address that it may begin with.
pub(super) fn is_open_ipv6(rest: &[u8]) -> bool {
    rest.len() <= MAX_IPV6 && rest.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b':')
}

/// The letters of Spanish identity numbers, by the number modulo 23.
const SPANISH: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// A Spanish NIE: `X1234567L`.
pub(super) fn spanish_id(rest: &[u8]) -> Option<Found> {
    let first = match rest.first()? {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return None,
    };
    is_spanish(first, rest.get(1..8)?, rest.get(8..)?).then_some(Found {
        before: 0,
        length: 9,
        kind: "national_id",
    })
}

/// Whether these digits behind `first` have the letter that `after` begins with.
pub(super) fn is_spanish(first: u32, digits: &[u8], after: &[u8]) -> bool {
    if !digits.iter().all(u8::is_ascii_digit) || after.get(1).is_some_and(u8::is_ascii_alphanumeric) {
        return false;
    }
    let number = digits.iter().fold(first, |number, digit| number * 10 + u32::from(digit - b'0'));
    let letter = usize::try_from(number % 23).ok().and_then(|place| SPANISH.get(place));
    letter.is_some() && letter == after.first()
}

/// An IPv6 address. Those of this machine and the unspecified one say nothing about people.
pub(super) fn ipv6(earlier: &[u8], rest: &[u8]) -> Option<Found> {
    if earlier.last() == Some(&b':') {
        return None;
    }
    let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':';
    let mut length = rest.iter().take(MAX_IPV6 + 1).take_while(is_part).count();
    if length > MAX_IPV6 || rest.get(length).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let colons = memchr_iter(b':', rest.get(..length)?).count();
    if colons < 2 {
        return None;
    }
    // A colon at the end belongs to the sentence.
    if rest.get(length - 1) == Some(&b':') && rest.get(length.checked_sub(2)?) != Some(&b':') {
        length -= 1;
    }
    let address: Ipv6Addr = std::str::from_utf8(rest.get(..length)?).ok()?.parse().ok()?;
    let is_plain = address.is_loopback() || address.is_unspecified();
    // `::` and words such as `dad::bad` are more often code than addresses.
    let has_digit = rest.get(..length)?.iter().any(u8::is_ascii_digit);
    (!is_plain && has_digit && colons >= 3).then_some(Found { before: 0, length, kind: "ip" })
}
