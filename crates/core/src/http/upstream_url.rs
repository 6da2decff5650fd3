//! The address of an upstream, as entered for a provider.
//!
//! | entered | requested |
//! |---|---|
//! | ends in `/` | `chat/completions` appended |
//! | ends in `#` | taken literally, without the `#` |
//! | ends in `/v1` | `/chat/completions` appended |
//! | anything else | `/v1/chat/completions` appended |

use std::net::Ipv6Addr;

use super::private_address::is_private;

const CHAT_COMPLETIONS: &str = "chat/completions";

/// Why an address is refused. Continues a sentence that begins with "`server_url`".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not `http://` or `https://`.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// No host, or one with invalid characters.
    #[error("must name a host")]
    Host,
    /// The part after the colon is not a port.
    #[error("has an invalid port")]
    Port,
    /// `user:password@host`.
    #[error("must not contain credentials; use server_key or headers")]
    Credentials,
    /// White space, control characters or other characters that must be percent-encoded in a URL.
    #[error("contains characters that are not allowed in a URL")]
    Characters,
    /// A query to which a path cannot be appended.
    #[error("has a query; end it in # to have it taken literally")]
    Query,
    /// An address that only the gateway's own network can reach.
    #[error("points to a private or local address")]
    Private,
}

/// A checked address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl {
    base: String,
    literal: bool,
}

impl UpstreamUrl {
    /// Checks an address. Private and local hosts are refused unless `allow_private`: an address is configuration,
    /// but the gateway should not give its administrator access to a network that they could not reach otherwise.
    pub fn parse(entered: &str, allow_private: bool) -> Result<Self, UrlError> {
        let entered = entered.trim();
        let (base, literal) = match entered.strip_suffix('#') {
            Some(base) => (base, true),
            None => (entered, false),
        };
        if !base.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte)) {
            return Err(UrlError::Characters);
        }
        let host = host_of(base)?;
        if !allow_private && is_private(host) {
            return Err(UrlError::Private);
        }
        if !literal && base.contains('?') {
            return Err(UrlError::Query);
        }
        Ok(Self { base: base.to_owned(), literal })
    }

    /// The URL of chat completions.
    #[must_use]
    pub fn chat_completions(&self) -> String {
        self.endpoint("v1", CHAT_COMPLETIONS, CHAT_COMPLETIONS).unwrap_or_else(|| self.base.clone())
    }

    /// The URL of `wanted`, for a service whose paths begin with `version`. A literal address is the URL of `main`;
    /// other URLs are derived from it if it ends in `main`, and are `None` otherwise.
    #[must_use]
    pub fn endpoint(&self, version: &str, main: &str, wanted: &str) -> Option<String> {
        let base = self.base.as_str();
        if self.literal {
            if wanted == main {
                return Some(base.to_owned());
            }
            let (path, query) =
                base.split_once('?').map_or((base, None), |(path, query)| (path, Some(query)));
            let sibling = format!("{}{wanted}", path.strip_suffix(main)?);
            return Some(query.map_or(sibling.clone(), |query| format!("{sibling}?{query}")));
        }
        Some(if base.ends_with('/') {
            format!("{base}{wanted}")
        } else if base.strip_suffix(version).is_some_and(|rest| rest.ends_with('/')) {
            format!("{base}/{wanted}")
        } else {
            format!("{base}/{version}/{wanted}")
        })
    }

    /// The address without the parts that would be appended, for services with other paths.
    #[must_use]
    pub fn base(&self) -> &str {
        self.base.trim_end_matches('/')
    }
}

/// The host of an address.
///
/// # Errors
/// What is wrong with the address.
pub fn host_of(url: &str) -> Result<&str, UrlError> {
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(UrlError::Scheme);
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UrlError::Credentials);
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, after)) => {
            host.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
            (host, after.strip_prefix(':').or(after.is_empty().then_some("")).ok_or(UrlError::Host)?)
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    if host.is_empty() || host.starts_with('.') || host.contains("..") {
        return Err(UrlError::Host);
    }
    if !port.is_empty() && port.parse::<u16>().is_err() {
        return Err(UrlError::Port);
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_forms() {
        for (entered, asked) in [
            ("https://a.example/api/", "https://a.example/api/chat/completions"),
            ("https://a.example/x/y?z=1#", "https://a.example/x/y?z=1"),
            ("https://a.example/v1", "https://a.example/v1/chat/completions"),
            ("https://a.example", "https://a.example/v1/chat/completions"),
            ("https://a.example:8443/openai", "https://a.example:8443/openai/v1/chat/completions"),
        ] {
            assert_eq!(UpstreamUrl::parse(entered, false).unwrap().chat_completions(), asked);
        }
    }

    #[test]
    fn siblings_of_chat_completions() {
        let embeddings = |entered: &str| {
            UpstreamUrl::parse(entered, false).unwrap().endpoint("v1", "chat/completions", "embeddings")
        };
        for (entered, asked) in [
            ("https://a.example/api/", Some("https://a.example/api/embeddings")),
            ("https://a.example/v1", Some("https://a.example/v1/embeddings")),
            ("https://a.example", Some("https://a.example/v1/embeddings")),
            ("https://a.example/x/chat/completions?v=1#", Some("https://a.example/x/embeddings?v=1")),
            ("https://a.example/odd#", None),
        ] {
            assert_eq!(embeddings(entered).as_deref(), asked, "{entered}");
        }
    }

    #[test]
    fn broken_addresses_say_why() {
        for (entered, error) in [
            ("", UrlError::Scheme),
            ("a.example", UrlError::Scheme),
            ("ftp://a.example", UrlError::Scheme),
            ("https://", UrlError::Host),
            ("https://:80", UrlError::Host),
            ("https://[x]", UrlError::Host),
            ("https://a.example:99999", UrlError::Port),
            ("https://user:pass@a.example", UrlError::Credentials),
            ("https://a b.example", UrlError::Characters),
            ("https://é.example", UrlError::Characters),
            ("https://a.example?x=1", UrlError::Query),
        ] {
            assert_eq!(UpstreamUrl::parse(entered, true), Err(error), "{entered}");
        }
    }

    #[test]
    fn private_addresses_need_permission() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "db.internal",
            "intranet",
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "2130706433",
            "0x7f.1",
            "127.1",
            "[::1]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "224.0.0.1",
        ] {
            let entered = format!("http://{host}:8080/v1");
            assert_eq!(UpstreamUrl::parse(&entered, false), Err(UrlError::Private), "{host}");
            assert!(UpstreamUrl::parse(&entered, true).is_ok(), "{host}");
        }
        for host in ["api.openai.com", "8.8.8.8", "[2606:4700::1111]", "172.32.0.1"] {
            assert!(UpstreamUrl::parse(&format!("https://{host}"), false).is_ok(), "{host}");
        }
    }
}
