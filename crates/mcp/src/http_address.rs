//! Addresses of HTTP servers, taken apart and joined. Pure.

/// An address that begins with `http://` or `https://`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether the connection is encrypted.
    pub is_secure: bool,
    /// The host in lower case, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Host and port as the address has them.
    pub authority: String,
    /// Path and query, which begin with `/`.
    pub path: String,
}

/// Without the path and the query, which may hold secrets.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("authority", &self.authority).finish_non_exhaustive()
    }
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(url: &str) -> Result<Self, String> {
        let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
        let (is_secure, rest) = if lower.starts_with("https://") {
            (true, url.get(8..).unwrap_or_default())
        } else if lower.starts_with("http://") {
            (false, url.get(7..).unwrap_or_default())
        } else {
            return Err("the address must begin with https:// or http://".to_owned());
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
        if authority.contains('@') {
            return Err("a user name or password does not belong in the address: use `headers`".to_owned());
        }
        if path.chars().any(|c| c.is_control() || c == ' ' || !c.is_ascii()) {
            return Err("the address has characters that must be written as %XX".to_owned());
        }
        let (host, port) = host_and_port(authority, is_secure)
            .ok_or_else(|| "the port of the address is no number".to_owned())?;
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the address has no host".to_owned());
        }
        Ok(Self {
            is_secure,
            host: host.to_ascii_lowercase(),
            port,
            authority: authority.to_owned(),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
        })
    }

    /// The address that a reference means which was found at this one.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn join(&self, reference: &str) -> Result<Self, String> {
        let scheme = if self.is_secure { "https" } else { "http" };
        if reference.contains("://") && !reference.starts_with(['/', '?']) {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{scheme}:{reference}"));
        }
        let path = self.path.split('?').next().unwrap_or("/");
        let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
        let base = match reference.chars().next() {
            Some('/') => "",
            Some('?') => path,
            _ => folder,
        };
        Self::parse(&format!("{scheme}://{}{base}{reference}", self.authority))
    }

    /// As it is written in a request: without what follows `#`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }

    /// Whether both are the same server: scheme, host and port.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        (self.is_secure, self.port, &self.host) == (other.is_secure, other.port, &other.host)
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }
}

/// The host without brackets, and the port, which is that of the scheme where none is said; `None` where it is no number.
#[must_use]
pub fn host_and_port(authority: &str, is_secure: bool) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None if is_secure => 443,
        None => 80,
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let address = Address::parse("HTTPS://Example.com:8443/mcp?k=1#part").unwrap();
        assert_eq!((address.is_secure, address.host.as_str(), address.port), (true, "example.com", 8443));
        assert_eq!((address.authority.as_str(), address.path.as_str()), ("Example.com:8443", "/mcp?k=1"));
        let local = Address::parse("http://[::1]").unwrap();
        assert_eq!((local.host.as_str(), local.port, local.path.as_str()), ("::1", 80, "/"));
        assert!(local.is_loopback() && !address.is_loopback());
        assert!(!format!("{address:?}").contains("k=1"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for url in ["ftp://a", "https://", "http://u:p@a/", "http://a:x/", "http://a/ b", "a/mcp"] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn references_are_joined() {
        let at = Address::parse("https://a.example/x/sse?k=1").unwrap();
        for (reference, authority, path) in [
            ("/messages?session=http://1", "a.example", "/messages?session=http://1"),
            ("messages", "a.example", "/x/messages"),
            ("?session=1", "a.example", "/x/sse?session=1"),
            ("https://b.example/m", "b.example", "/m"),
            ("//c.example/m", "c.example", "/m"),
        ] {
            let joined = at.join(reference).unwrap();
            assert_eq!((joined.authority.as_str(), joined.path.as_str()), (authority, path), "{reference}");
            assert_eq!(joined.is_same_server(&at), authority == "a.example");
        }
    }
}
