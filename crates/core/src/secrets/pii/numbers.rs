//! Personal data that consists of digits with separators: cards, telephone numbers, national ids, IPv4.

use super::found::Found;
use super::words::is_spanish;

/// Longest run of digits and separators that is looked at, in bytes.
const MAX_RUN: usize = 40;

/// Digits with what stands between them.
struct Run<'a> {
    bytes: &'a [u8],
    digits: Vec<u8>,
}

/// What begins with `rest`, which begins with a digit, a plus sign or a parenthesis.
pub(super) fn at(earlier: &[u8], rest: &[u8]) -> Option<Found> {
    // Part of a longer number or of a version.
    if earlier.last().is_some_and(|byte| b".+-/_".contains(byte))
        && earlier.iter().rev().nth(1).is_some_and(u8::is_ascii_digit)
    {
        return None;
    }
    if let Some(length) = ipv4(rest) {
        return Some(Found { before: 0, length, kind: "ip" });
    }
    if rest.len() >= 9 && is_spanish(0, rest.get(..8)?, rest.get(8..)?) {
        return Some(Found { before: 0, length: 9, kind: "national_id" });
    }
    // Before the run of digits, because an X may stand in place of the last one.
    if let Some(length) = chinese_id(rest) {
        return Some(Found { before: 0, length, kind: "national_id" });
    }
    let run = Run::of(rest)?;
    let follows_number =
        earlier.last() == Some(&b' ') && earlier.iter().rev().nth(1).is_some_and(u8::is_ascii_digit);
    let kind = if run.is_card() {
        "card"
    } else if run.is_national_id() {
        "national_id"
    } else if run.is_phone(follows_number) {
        "phone"
    } else {
        return None;
    };
    Some(Found { before: 0, length: run.bytes.len(), kind })
}

/// Whether what follows `rest`, which begins like [`at`]'s, decides what it begins with.
pub(super) fn is_open(rest: &[u8]) -> bool {
    let is_part = |byte: &&u8| byte.is_ascii_digit() || b"+() -./".contains(byte);
    let run = rest.iter().take(MAX_RUN + 1).take_while(is_part).count();
    // A letter may be the last character of an identity number, which another letter must not follow.
    let ends_in_letter = run >= 8 && rest.get(run).is_some_and(u8::is_ascii_alphabetic);
    run <= MAX_RUN && rest.len() == run + usize::from(ends_in_letter)
}

impl<'a> Run<'a> {
    /// Digits with single separators between groups; a space or a hyphen may follow a parenthesis.
    fn of(rest: &'a [u8]) -> Option<Self> {
        let mut digits = Vec::with_capacity(20);
        let (mut end, mut at) = (0, 0);
        while let Some(byte) = rest.get(at).filter(|_| at < MAX_RUN) {
            match byte {
                b'0'..=b'9' => {
                    digits.push(byte - b'0');
                    end = at + 1;
                }
                b'+' if at == 0 => {}
                b'(' | b')' => {}
                b' ' | b'-' | b'.' | b'/' if at > 0 => {
                    let previous = rest.get(at - 1)?;
                    if !previous.is_ascii_digit() && *previous != b')' {
                        break;
                    }
                }
                _ => break,
            }
            at += 1;
        }
        let is_whole = rest.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        (is_whole && !digits.is_empty()).then_some(Self { bytes: rest.get(..end)?, digits })
    }

    fn has(&self, separators: &[u8]) -> bool {
        self.bytes.iter().any(|byte| separators.contains(byte))
    }

    /// Luhn, the lengths and the first digits of the large networks.
    fn is_card(&self) -> bool {
        let length = self.digits.len();
        let begins = self.digits.iter().take(2).fold(0, |number, digit| number * 10 + u32::from(*digit));
        let is_known = match length {
            13 | 19 => begins / 10 == 4 || begins / 10 == 6,
            14 => matches!(begins, 30 | 36 | 38 | 39),
            15 => matches!(begins, 34 | 37),
            16 => matches!(begins, 22..=27 | 35 | 40..=49 | 51..=55 | 60 | 62 | 64 | 65),
            17 | 18 => begins == 62,
            _ => false,
        };
        is_known && !self.has(b"()+./") && luhn(&self.digits)
    }

    fn is_national_id(&self) -> bool {
        us_social_security(self) || brazilian(self) || french(self)
    }

    /// With a country code, or written in groups as telephone numbers are, and not the rest of a longer number.
    fn is_phone(&self, follows_number: bool) -> bool {
        let count = self.digits.len();
        if self.bytes.first() == Some(&b'+') {
            return (8..=15).contains(&count) && self.digits.first() != Some(&0);
        }
        if follows_number {
            return false;
        }
        if self.has(b".") && !self.has(b" -()/") {
            // 020.7946.0958, but neither a date nor a decimal.
            return (9..=12).contains(&count) && self.digits.first() == Some(&0) && self.sizes().len() >= 3;
        }
        let is_north_american = count == 10
            && self.sizes() == [3, 3, 4]
            && self.digits.first().is_some_and(|digit| *digit > 1)
            && self.digits.get(3).is_some_and(|digit| *digit > 1);
        let is_national = (9..=12).contains(&count)
            && self.digits.first() == Some(&0)
            && self.digits.get(1) != Some(&0)
            && self.has(b" -/()");
        is_north_american || is_national
    }

    fn sizes(&self) -> Vec<usize> {
        self.bytes
            .split(|byte| !byte.is_ascii_digit())
            .filter(|group| !group.is_empty())
            .map(<[u8]>::len)
            .collect()
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// `ddd-dd-dddd`, without the areas, groups and serials that are never given.
fn us_social_security(run: &Run<'_>) -> bool {
    if run.sizes() != [3, 2, 4] || run.has(b" ()+./") {
        return false;
    }
    let number = |from: usize, to: usize| {
        run.digits.iter().take(to).skip(from).fold(0_u32, |number, digit| number * 10 + u32::from(*digit))
    };
    let (area, group, serial) = (number(0, 3), number(3, 5), number(5, 9));
    !matches!(area, 0 | 666 | 900..) && group > 0 && serial > 0
}

/// A Brazilian CPF as it is written, `ddd.ddd.ddd-dd`, with both check digits.
fn brazilian(run: &Run<'_>) -> bool {
    if run.sizes() != [3, 3, 3, 2]
        || !run.has(b".")
        || !run.has(b"-")
        || run.digits.windows(2).all(|two| two.first() == two.last())
    {
        return false;
    }
    (9..11).all(|length| {
        let weighted = run.digits.iter().take(length).zip((2..=length + 1).rev());
        let sum: usize = weighted.map(|(digit, weight)| usize::from(*digit) * weight).sum();
        let check = (sum * 10) % 11 % 10;
        run.digits.get(length).is_some_and(|digit| usize::from(*digit) == check)
    })
}

/// A French NIR: 13 digits and a key, with a sex of 1 or 2 and a month.
fn french(run: &Run<'_>) -> bool {
    if run.digits.len() != 15 || run.has(b"()+./") || !matches!(run.digits.first(), Some(1 | 2)) {
        return false;
    }
    let number = |from: usize, to: usize| {
        run.digits.iter().take(to).skip(from).fold(0_u64, |number, digit| number * 10 + u64::from(*digit))
    };
    matches!(number(3, 5), 1..=12 | 20..=42 | 50..=99) && 97 - number(0, 13) % 97 == number(13, 15)
}

/// A Chinese resident identity card: region, date of birth, serial, and a check character by ISO 7064 MOD 11-2.
fn chinese_id(rest: &[u8]) -> Option<usize> {
    let (body, check) = (rest.get(..17)?, rest.get(17)?);
    if !body.iter().all(u8::is_ascii_digit) || rest.get(18).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let number = |from: usize, to: usize| {
        body.iter().take(to).skip(from).fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let is_date = matches!(number(6, 10), 1800..=2099)
        && matches!(number(10, 12), 1..=12)
        && matches!(number(12, 14), 1..=31);
    let remainder = body.iter().fold(0_u32, |sum, digit| (sum + u32::from(digit - b'0')) * 2 % 11);
    let wanted = match (12 - remainder) % 11 {
        10 => b'X',
        digit => b'0' + u8::try_from(digit).ok()?,
    };
    (is_date && check.eq_ignore_ascii_case(&wanted) && matches!(body.first(), Some(b'1'..=b'8')))
        .then_some(18)
}

/// The length of an IPv4 address at the beginning; of this machine and unspecified ones none.
fn ipv4(rest: &[u8]) -> Option<usize> {
    let mut length = 0;
    let mut octets = [0_u32; 4];
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            if rest.get(length) != Some(&b'.') {
                return None;
            }
            length += 1;
        }
        let digits = rest.get(length..)?.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=3).contains(&digits) || (digits > 1 && rest.get(length) == Some(&b'0')) {
            return None;
        }
        for digit in rest.get(length..length + digits)? {
            *octet = *octet * 10 + u32::from(digit - b'0');
        }
        length += digits;
    }
    let goes_on = rest.get(length).is_some_and(u8::is_ascii_alphanumeric)
        || (rest.get(length) == Some(&b'.') && rest.get(length + 1).is_some_and(u8::is_ascii_digit));
    let [first, second, third, fourth] = octets;
    let is_plain = first == 127 || (first == 0 && second == 0 && third == 0 && fourth == 0);
    (octets.iter().all(|octet| *octet <= 255) && !goes_on && !is_plain).then_some(length)
}
