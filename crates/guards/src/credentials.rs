//! Credentials in a text: keys of AI providers, of clouds and code hosts, JSON Web Tokens, private keys.
//!
//! Each is known by its prefix and enough characters behind it; most must contain a digit among them, which tells keys from
//! words. What follows as part of the same token is part of the credential, however long.

use crate::detector::{Found, Pem, Place, Seen, Tail, is_token};

/// The characters of a token.
#[derive(Clone, Copy)]
enum Alphabet {
    /// `A` to `Z` and digits.
    Upper,
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `_` and `-`.
    Token,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Token => is_token(byte),
        }
    }
}

/// A kind of token: prefix, characters, how many there are at least, and whether there are no more.
struct Token(&'static str, Alphabet, usize, bool);

use Alphabet::{Alphanumeric, Token as Any, Upper};

/// The longest of two prefixes that begin alike stands first. Sources: the providers' documentation and the public list of
/// GitHub's secret scanning.
const TOKENS: &[Token] = &[
    Token("sk_live_", Alphanumeric, 20, false),
    Token("rk_live_", Alphanumeric, 20, false),
    Token("sk-", Any, 24, false),
    Token("AKIA", Upper, 16, true),
    Token("ASIA", Upper, 16, true),
    Token("AIza", Any, 35, true),
    Token("ghp_", Alphanumeric, 36, false),
    Token("gho_", Alphanumeric, 36, false),
    Token("ghu_", Alphanumeric, 36, false),
    Token("ghs_", Alphanumeric, 36, false),
    Token("ghr_", Alphanumeric, 36, false),
    Token("github_pat_", Any, 40, false),
    Token("glpat-", Any, 20, false),
    Token("gsk_", Alphanumeric, 40, false),
    Token("hf_", Alphanumeric, 30, false),
    Token("npm_", Alphanumeric, 36, false),
    Token("nvapi-", Any, 40, false),
    Token("pplx-", Alphanumeric, 40, false),
    Token("pypi-", Any, 50, false),
    Token("r8_", Alphanumeric, 37, false),
    Token("xai-", Alphanumeric, 40, false),
    Token("xapp-", Any, 20, false),
    Token("xoxa-", Any, 20, false),
    Token("xoxb-", Any, 20, false),
    Token("xoxp-", Any, 20, false),
    Token("whsec_", Any, 24, false),
];

const PEM_BEGIN: &[u8] = b"-----BEGIN ";
const PEM_KEY: &[u8] = b"PRIVATE KEY-----";
/// Longest word before `PRIVATE KEY`, such as `OPENSSH `.
const MAX_PEM_LABEL: usize = 24;
const JWT_BEGIN: &[u8] = b"eyJ";
/// Longest header of a JSON Web Token, in characters.
const MAX_JWT_HEADER: usize = 1_024;
/// Shortest claims, in characters behind their `eyJ`.
const MIN_JWT_CLAIMS: usize = 10;
const AWS_SECRET: &[u8] = b"aws_secret_access_key";
const AWS_SECRET_LENGTH: usize = 40;
/// Most characters between the name of a secret and the secret.
const MAX_ASSIGNMENT: usize = 8;

/// What this detector finds.
pub const KIND: &str = "secret";

/// Whether a credential may begin with this byte.
#[must_use]
pub fn may_begin(byte: u8) -> bool {
    matches!(byte, b'-' | b'e' | b'a' | b'A')
        || TOKENS.iter().any(|Token(prefix, ..)| prefix.as_bytes().first() == Some(&byte))
}

/// The credential that begins at a place.
#[must_use]
pub fn at(place: Place<'_>) -> Seen<'static> {
    let Some(first) = place.rest.first() else { return Seen::Nothing };
    if *first == b'-' {
        return if place.earlier.last() == Some(&b'-') { Seen::Nothing } else { pem(place) };
    }
    if place.earlier.last().is_some_and(|byte| is_token(*byte)) {
        return Seen::Nothing;
    }
    let others = match first {
        b'e' => jwt(place),
        b'a' | b'A' => aws_secret(place),
        _ => Seen::Nothing,
    };
    if others != Seen::Nothing {
        return others;
    }
    let tokens = TOKENS.iter().filter(|Token(prefix, ..)| prefix.as_bytes().first() == Some(first));
    tokens.map(|token| token.at(place)).find(|seen| *seen != Seen::Nothing).unwrap_or(Seen::Nothing)
}

fn found(length: usize, tail: Option<Tail>) -> Seen<'static> {
    Seen::Found(Found { before: 0, length, kind: KIND, tail })
}

/// What is said of a text that fits as far as it is known.
fn fits_so_far(place: Place<'_>) -> Seen<'static> {
    if place.is_last { Seen::Nothing } else { Seen::Open }
}

/// The text behind a literal; what is to be said if there is none.
fn behind<'a>(place: Place<'a>, literal: &[u8]) -> Result<&'a [u8], Seen<'static>> {
    match place.rest.strip_prefix(literal) {
        Some(rest) => Ok(rest),
        None if literal.starts_with(place.rest) => Err(fits_so_far(place)),
        None => Err(Seen::Nothing),
    }
}

impl Token {
    fn at(&self, place: Place<'_>) -> Seen<'static> {
        let &Self(prefix, alphabet, least, is_exact) = self;
        let rest = match behind(place, prefix.as_bytes()) {
            Ok(rest) => rest,
            Err(seen) => return seen,
        };
        let known = rest.iter().take(least).take_while(|byte| alphabet.has(**byte)).count();
        if known < least {
            return if known == rest.len() { fits_so_far(place) } else { Seen::Nothing };
        }
        let token = rest.get(..least).unwrap_or_default();
        // A word in capitals, or one with hyphens, has no digit.
        if !token.iter().any(u8::is_ascii_digit) || !token.iter().any(u8::is_ascii_alphabetic) {
            return Seen::Nothing;
        }
        match (is_exact, rest.get(least)) {
            (false, _) => found(prefix.len() + least, Some(Tail::Token)),
            (true, None) if !place.is_last => Seen::Open,
            (true, Some(byte)) if is_token(*byte) => Seen::Nothing,
            (true, _) => found(prefix.len() + least, None),
        }
    }
}

/// A private key in PEM: its first line is enough.
fn pem(place: Place<'_>) -> Seen<'static> {
    let rest = match behind(place, PEM_BEGIN) {
        Ok(rest) => rest,
        Err(seen) => return seen,
    };
    let is_label = |byte: &&u8| byte.is_ascii_uppercase() || **byte == b' ' || byte.is_ascii_digit();
    let label = rest.iter().take(MAX_PEM_LABEL + PEM_KEY.len()).take_while(is_label).count();
    let line = rest.get(..rest.len().min(label + 5)).unwrap_or_default();
    if line.ends_with(PEM_KEY) {
        return found(PEM_BEGIN.len() + line.len(), Some(Tail::Pem(Pem::default())));
    }
    let dashes = rest.iter().skip(label).take_while(|byte| **byte == b'-').count();
    let may_end = label + dashes == rest.len() && dashes < 5 && label < MAX_PEM_LABEL + PEM_KEY.len();
    if may_end { fits_so_far(place) } else { Seen::Nothing }
}

/// A JSON Web Token: a header and the beginning of its claims, both objects in base64url.
fn jwt(place: Place<'_>) -> Seen<'static> {
    let rest = match behind(place, JWT_BEGIN) {
        Ok(rest) => rest,
        Err(seen) => return seen,
    };
    let header = rest.iter().take(MAX_JWT_HEADER).take_while(|byte| is_token(**byte)).count();
    if header == rest.len() {
        return if header < MAX_JWT_HEADER { fits_so_far(place) } else { Seen::Nothing };
    }
    let wanted: &[u8] = b".eyJ";
    let claims = rest.get(header..).unwrap_or_default();
    let Some(body) = claims.strip_prefix(wanted) else {
        return if wanted.starts_with(claims) { fits_so_far(place) } else { Seen::Nothing };
    };
    let known = body.iter().take(MIN_JWT_CLAIMS).take_while(|byte| is_token(**byte)).count();
    if known == MIN_JWT_CLAIMS && header >= MIN_JWT_CLAIMS {
        return found(JWT_BEGIN.len() + header + wanted.len() + known, Some(Tail::Dotted));
    }
    if known == body.len() && header >= MIN_JWT_CLAIMS { fits_so_far(place) } else { Seen::Nothing }
}

/// The secret of an AWS key, which has no prefix, behind its name: name and secret are found together.
fn aws_secret(place: Place<'_>) -> Seen<'static> {
    let name = place.rest.get(..place.rest.len().min(AWS_SECRET.len())).unwrap_or_default();
    if !AWS_SECRET.iter().zip(name).all(|(known, byte)| byte.eq_ignore_ascii_case(known)) {
        return Seen::Nothing;
    }
    let Some(rest) = place.rest.get(AWS_SECRET.len()..) else { return fits_so_far(place) };
    let is_between = |byte: &&u8| b" \t=:\"'\\".contains(*byte);
    let between = rest.iter().take(MAX_ASSIGNMENT).take_while(is_between).count();
    let value = rest.get(between..).unwrap_or_default();
    let is_value = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'/' || **byte == b'+';
    let known = value.iter().take(AWS_SECRET_LENGTH).take_while(is_value).count();
    if between > 0 && known == AWS_SECRET_LENGTH {
        return found(AWS_SECRET.len() + between + known, None);
    }
    if known == value.len() { fits_so_far(place) } else { Seen::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `¦` is left out, so that no scanner takes a line of this file for a key.
    fn seen(text: &str) -> Option<usize> {
        let text = text.replace('¦', "");
        let place = Place { earlier: b"", rest: text.as_bytes(), is_last: true };
        match at(place) {
            Seen::Found(found) => Some(found.length),
            _ => None,
        }
    }

    #[test]
    fn keys_are_known_by_their_beginning() {
        for text in [
            "sk-proj-4f8Kd02mXq7Lw9Zt1Bv5Nc3R",
            "sk-ant-api03-Aa1Bb2Cc3Dd4Ee5Ff6Gg7",
            "AKIA¦IOSFODNN7EXAMPLE",
            "ghp_¦16C7e42F292c6912E7710c838347Ae178B4a",
            "AIza¦SyD4m3b1c2d3e4f5a6b7c8d9e0f1a2b3c4d",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln",
            "-----BEGIN RSA PRIVATE¦ KEY-----",
            "-----BEGIN PRIVATE¦ KEY-----",
            "aws_secret_access_key = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"",
        ] {
            assert!(seen(text).is_some(), "{text}");
        }
        for text in [
            "sk-learn-compatible-estimators-and-pipelines",
            "AKIAISNOTAKEYBUTAWORD",
            "eyJhbGciOiJIUzI1NiJ9",
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN CERTIFICATE-----",
            "ghp_short",
        ] {
            assert_eq!(seen(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_in_pem_ends_with_its_last_line() {
        let text = "\nMIIE+/=\n-----END PRIVATE¦ KEY-----\nand more".replace('¦', "");
        let mut tail = Tail::Pem(Pem::default());
        let taken = text.bytes().take_while(|byte| tail.takes(*byte)).count();
        assert_eq!(text.get(taken..), Some("\nand more"));
    }
}
