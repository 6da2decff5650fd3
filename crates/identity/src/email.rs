//! Mail addresses as names of accounts.
//!
//! An account has one form of its address: trimmed and in lower case. What mail systems would accept beyond that (quoted
//! local parts, comments, address literals) is refused, because two spellings of one mailbox must not be two accounts.

/// Most bytes of an address (RFC 5321, section 4.5.3.1).
pub const MAX_BYTES: usize = 254;

/// The one form of an address; `None` if it is not one.
#[must_use]
pub fn normalise(given: &str) -> Option<String> {
    let address = given.trim().to_lowercase();
    let (local, domain) = address.rsplit_once('@')?;
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&byte);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_dotted = |text: &str| !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
    let good = address.len() <= MAX_BYTES
        && (1..=64).contains(&local.len())
        && local.bytes().all(is_local)
        && is_dotted(local)
        && domain.contains('.')
        && domain.split('.').all(is_label);
    good.then_some(address)
}

/// The domain of an address in its one form.
#[must_use]
pub fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_has_one_form() {
        assert_eq!(normalise("  Ada.Lovelace+x@Example.ORG "), Some("ada.lovelace+x@example.org".into()));
        assert_eq!(domain("ada@sub.example.org"), "sub.example.org");
        for wrong in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@example",
            "a b@example.org",
            "ada@exa_mple.org",
            "ada@-example.org",
            "ada@example..org",
            "ada@example.org.",
            ".ada@example.org",
            "ada..l@example.org",
            "\"ada\"@example.org",
            "ada@[127.0.0.1]",
            "ada@example.org\r\nbcc: eve@example.org",
            "ada@evil.org@",
            "<ada@example.org>",
            "ádá@example.org",
        ] {
            assert_eq!(normalise(wrong), None, "{wrong:?}");
        }
        assert_eq!(normalise(&format!("{}@example.org", "a".repeat(65))), None);
        assert_eq!(normalise(&format!("a@{}org", "a.".repeat(130))), None);
    }
}
