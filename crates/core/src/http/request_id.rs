//! The `x-request-id` that every answer carries.

/// Longest id of a caller that is echoed.
const MAX_LENGTH: usize = 128;

/// The caller's id if it is safe to echo into a header and a log line: 1–128 characters of `[A-Za-z0-9._-]`.
#[must_use]
pub fn accept(candidate: &str) -> Option<&str> {
    let sane = (1..=MAX_LENGTH).contains(&candidate.len())
        && candidate.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    sane.then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_ids_are_echoed() {
        assert_eq!(accept("trace-1.a_B"), Some("trace-1.a_B"));
        for bad in ["", "a b", "a\r\nx-evil: 1", "é", &"x".repeat(129)] {
            assert_eq!(accept(bad), None, "{bad:?}");
        }
    }
}
