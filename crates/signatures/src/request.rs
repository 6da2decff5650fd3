//! The parts of a request that a signature can cover.

use std::borrow::Cow;

/// A request to be signed or checked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method as it is sent: `POST`.
    pub method: &'a str,
    /// The address it is sent to.
    pub target: Target<'a>,
    /// The headers in their order. A name may occur several times.
    pub headers: &'a [(&'a str, &'a str)],
}

/// The parts of an absolute `http` or `https` URL, percent-encoded as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Host and port as they stand there.
    authority: &'a str,
    /// `443` for `https`.
    default_port: &'static str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// The parts of a URL; `None` if it is no absolute one with a host, or contains credentials.
    #[must_use]
    pub fn of_url(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "http" => "80",
            "https" => "443",
            _ => return None,
        };
        let rest = rest.split('#').next()?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at_checked(end)?;
        if authority.is_empty() || authority.contains('@') {
            return None;
        }
        let (path, query) = match after.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (after, None),
        };
        Some(Self { authority, default_port, path, query })
    }

    /// The host in lower case, with the port unless it is that of the scheme (RFC 9421, 2.2.3).
    #[must_use]
    pub fn authority(&self) -> String {
        let authority = self.authority.to_ascii_lowercase();
        let bare = authority.strip_suffix(self.default_port).and_then(|host| host.strip_suffix(':'));
        bare.map_or_else(|| authority.clone(), str::to_owned)
    }

    /// The path, `/` if there is none (RFC 9421, 2.2.6).
    #[must_use]
    pub fn path(&self) -> &'a str {
        if self.path.is_empty() { "/" } else { self.path }
    }

    /// The query with its question mark, which is all of it if there is none (RFC 9421, 2.2.7).
    #[must_use]
    pub fn query(&self) -> String {
        format!("?{}", self.query.unwrap_or_default())
    }
}

impl Request<'_> {
    /// The value of a header as a signature covers it: all values of that name without the white space around them, joined
    /// by commas (RFC 9421, 2.1). `None` if there is no such header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let first = values.next()?.1.trim_matches([' ', '\t']);
        Some(values.fold(Cow::Borrowed(first), |joined, (_, value)| {
            Cow::Owned(format!("{joined}, {}", value.trim_matches([' ', '\t'])))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url_have_their_canonical_forms() {
        for (url, authority, path, query) in [
            ("https://Example.com:443/a%2Fb?x=1&y", "example.com", "/a%2Fb", "?x=1&y"),
            ("http://example.com:80", "example.com", "/", "?"),
            ("http://example.com:443?", "example.com:443", "/", "?"),
            ("https://[::1]:8443/x#part", "[::1]:8443", "/x", "?"),
            ("HTTPS://h/?a?b", "h", "/", "?a?b"),
        ] {
            let target = Target::of_url(url).unwrap();
            assert_eq!((&*target.authority(), target.path(), &*target.query()), (authority, path, query));
        }
        for url in ["/path", "ftp://h/", "https:///x", "https://user:pass@h/", "example.com"] {
            assert_eq!(Target::of_url(url), None, "{url}");
        }
    }

    #[test]
    fn values_of_one_name_are_joined() {
        let headers = [("X-A", " 1 "), ("b", "2"), ("x-a", "\t3, 4")];
        let target = Target::of_url("https://h/").unwrap();
        let request = Request { method: "GET", target, headers: &headers };
        assert_eq!(request.header("x-a").as_deref(), Some("1, 3, 4"));
        assert_eq!(request.header("c"), None);
    }
}
