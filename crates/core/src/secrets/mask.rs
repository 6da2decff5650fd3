//! Masking secrets for display.

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
}
