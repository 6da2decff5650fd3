//! Masking secrets for display, and removing them from outgoing bytes.

use memchr::memmem;

/// Characters at the end of a secret that are shown.
const SHOWN_END: usize = 4;
/// A shorter secret is not shown at all, because four characters would reveal too much of it.
const MIN_SHOWN_LENGTH: usize = 12;
/// A conventional prefix such as `sk-` is shown if it is no longer than this.
const MAX_SHOWN_PREFIX: usize = 4;
/// Replaces the hidden part.
const HIDDEN: &str = "…";

/// The masked form of a secret: `sk-…abcd`.
#[must_use]
pub fn mask(secret: &str) -> String {
    if secret.chars().count() < MIN_SHOWN_LENGTH {
        return HIDDEN.to_owned();
    }
    let prefix = secret
        .find('-')
        .map(|dash| dash + 1)
        .filter(|length| *length <= MAX_SHOWN_PREFIX)
        .and_then(|length| secret.get(..length))
        .unwrap_or_default();
    let end_start = secret.char_indices().rev().nth(SHOWN_END - 1).map_or(0, |(index, _)| index);
    format!("{prefix}{HIDDEN}{}", secret.get(end_start..).unwrap_or_default())
}

/// `bytes` with every occurrence of any of the secrets replaced by its mask; `None` if there is none.
#[must_use]
pub fn redact<'a>(bytes: &[u8], secrets: impl IntoIterator<Item = &'a str>) -> Option<Vec<u8>> {
    let mut redacted: Option<Vec<u8>> = None;
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        let current = redacted.as_deref().unwrap_or(bytes);
        if memmem::find(current, secret.as_bytes()).is_some() {
            redacted = Some(replace(current, secret.as_bytes(), mask(secret).as_bytes()));
        }
    }
    redacted
}

/// Whether `text` contains any of the secrets.
#[must_use]
pub fn reveals<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> bool {
    secrets.into_iter().any(|secret| !secret.is_empty() && text.contains(secret))
}

fn replace(bytes: &[u8], needle: &[u8], replacement: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut copied = 0;
    for at in memmem::find_iter(bytes, needle) {
        replaced.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        replaced.extend_from_slice(replacement);
        copied = at + needle.len();
    }
    replaced.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_little_of_long_secrets_and_nothing_of_short_ones() {
        assert_eq!(mask("sk-1234567890abcd"), "sk-…abcd");
        assert_eq!(mask("0123456789abcdef"), "…cdef");
        assert_eq!(mask("very-long-words-here"), "…here");
        assert_eq!(mask("short"), "…");
        assert_eq!(mask("密钥密钥密钥密钥密钥密钥"), "…密钥密钥");
    }

    #[test]
    fn every_occurrence_goes() {
        let body = b"key sk-1234567890abcd and Bearer sk-1234567890abcd!";
        let redacted = redact(body, ["sk-1234567890abcd", "", "absent"]).unwrap();
        assert_eq!(redacted, "key sk-…abcd and Bearer sk-…abcd!".as_bytes());
        assert_eq!(redact(b"nothing here", ["sk-1234567890abcd"]), None);
    }
}
