//! Names and values of headers: which are valid, and which carry a credential.
//! Which of them pass between caller and upstream is in [`super::passing`].

/// Words that mark a header whose value is a credential.
const CREDENTIAL_WORDS: &[&str] =
    &["auth", "cookie", "credential", "key", "password", "secret", "signature", "token"];

/// Headers that a provider's configuration may not set, because the platform or the gateway sets them.
const RESERVED_PROVIDER_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether the value of a header with this name must be masked when it is shown.
#[must_use]
pub fn carries_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CREDENTIAL_WORDS.iter().any(|word| name.contains(word))
}

/// Whether a body of this `content-type` is text rather than audio, a picture or another file.
#[must_use]
pub fn is_text(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_file = ["audio/", "image/", "video/", "font/"].iter().any(|kind| media_type.starts_with(kind));
    !(is_file
        || matches!(
            media_type.as_str(),
            "application/octet-stream"
                | "application/zip"
                | "application/pdf"
                | "application/vnd.amazon.eventstream"
        ))
        || media_type.ends_with("+xml")
}

/// Whether `name` is a header name (RFC 9110 `token`) that a provider's configuration may set.
#[must_use]
pub fn may_be_configured(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        && !RESERVED_PROVIDER_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether `value` is valid in a header: visible ASCII, spaces and tabs, none at the ends.
#[must_use]
pub fn is_valid_value(value: &str) -> bool {
    value.trim() == value && value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_not_text() {
        for text in ["application/json", "text/event-stream; charset=utf-8", "", "nonsense", "image/svg+xml"]
        {
            assert!(is_text(text), "{text}");
        }
        for file in ["audio/mpeg", "Image/PNG", "application/octet-stream", "video/mp4; codecs=x"] {
            assert!(!is_text(file), "{file}");
        }
    }

    #[test]
    fn header_names_of_a_provider_are_checked() {
        assert!(may_be_configured("X-Custom"));
        for bad in ["", "a b", "a:b", "Host", "é", "content-length"] {
            assert!(!may_be_configured(bad), "{bad:?}");
        }
        assert!(!is_valid_value("a\r\nb"));
        assert!(carries_credential("X-Auth-Token") && !carries_credential("HTTP-Referer"));
    }
}
