//! Whether a secret can keep anything: placeholders from examples, and what is guessed within a day, cannot.
//!
//! A secret is judged by its form, so a strong one that was published is not recognised. Nothing of it is repeated in the answer.

/// Shortest token, in characters.
pub const MIN_TOKEN_LENGTH: usize = 16;
/// Fewest bits of a token: the entropy of its characters times their number. A random token of 16 hexadecimal digits has about 50.
const MIN_TOKEN_BITS: f64 = 40.0;
/// Fewest different bytes of a key of 32. A random one has fewer than 24 once in 10^9.
const MIN_DIFFERENT_BYTES: usize = 20;

/// Words that examples and habits put into secrets.
const PLACEHOLDERS: [&str; 20] = [
    "change-me",
    "change_me",
    "changeme",
    "change-this",
    "your-",
    "your_",
    "replace-",
    "replace_",
    "placeholder",
    "example",
    "password",
    "passwort",
    "letmein",
    "insecure",
    "default",
    "dummy",
    "12345678",
    "abcdefgh",
    "qwertyui",
    "xxxxxxxx",
];

/// Why a token is no secret, to continue a sentence that begins with its name; `None` if it may be one.
#[must_use]
pub fn weakness_of_token(token: &str) -> Option<&'static str> {
    if token.chars().count() < MIN_TOKEN_LENGTH {
        return Some("must be set to a secret of at least 16 characters");
    }
    let lower = token.to_ascii_lowercase();
    if PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        return Some("is a placeholder: set it to random characters");
    }
    (bits(token.as_bytes()) < MIN_TOKEN_BITS).then_some("can be guessed: set it to random characters")
}

/// The same of a key of 32 bytes.
#[must_use]
pub fn weakness_of_key(key: &[u8]) -> Option<&'static str> {
    let different = counts(key).iter().filter(|count| **count > 0).count();
    (different < MIN_DIFFERENT_BYTES).then_some("can be guessed: set it to the base64 of 32 random bytes")
}

fn counts(bytes: &[u8]) -> [u32; 256] {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    counts
}

/// The entropy of the bytes' distribution (Shannon) times their number, in bits.
fn bits(bytes: &[u8]) -> f64 {
    let all = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let of = |count: u32| -f64::from(count) * (f64::from(count) / all).log2();
    counts(bytes).into_iter().filter(|count| *count > 0).map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_what_is_guessed_are_weak() {
        for token in [
            "short",
            "change-me-to-a-long-random-secret",
            "CHANGEME-CHANGEME",
            "your-admin-token-here",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "abababababababababababab",
            "1234567890123456",
            "mypassword2026!!!",
        ] {
            assert!(weakness_of_token(token).is_some(), "{token}");
        }
        for token in
            ["sixteen-letters-", "adm-0123a567f9bcd4e1", "correct horse battery staple", "Zx9Yw8Vu7Ts6Rq5P"]
        {
            assert_eq!(weakness_of_token(token), None, "{token}");
        }
    }

    #[test]
    fn a_key_needs_different_bytes() {
        assert!(weakness_of_key(&[0; 32]).is_some());
        assert!(weakness_of_key(&[b'a'; 32]).is_some());
        let random: Vec<u8> = (0_u8..32).map(|n| n.wrapping_mul(37).wrapping_add(11)).collect();
        assert_eq!(weakness_of_key(&random), None);
    }
}
