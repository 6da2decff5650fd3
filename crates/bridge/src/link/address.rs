//! The address of the tunnel, taken apart. Pure.

use crate::http;
use crate::http::address::host_and_port;

/// Where the gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The tunnel, as a connection to it is made.
    pub tunnel: http::address::Address,
    /// The path where tickets are given.
    pub ticket: String,
}

impl Address {
    /// Reads `wss://host[:port][/path]`, or `ws://` for a loopback address, which the configuration has checked.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`server.url`: {why}");
        let (is_secure, rest) = match (url.strip_prefix("wss://"), url.strip_prefix("ws://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(wrong("it must begin with wss://")),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if authority.contains('@') {
            return Err(wrong("a user name or password does not belong there"));
        }
        if path.contains(['?', '#']) || authority.contains(['?', '#']) {
            return Err(wrong("it must have no query"));
        }
        let (host, port) =
            host_and_port(authority, is_secure).ok_or_else(|| wrong("the port is no number"))?;
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        let path = if path.is_empty() || path == "/" { "/bridge/tunnel" } else { path };
        let Some(base) = path.strip_suffix("/tunnel") else {
            return Err(wrong("its path must end with /bridge/tunnel"));
        };
        let tunnel = http::address::Address {
            is_secure,
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
            path: path.to_owned(),
        };
        Ok(Self { tunnel, ticket: format!("{base}/ticket") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let address = Address::parse("wss://gw.example.com/bridge/tunnel").unwrap();
        let Address { tunnel, .. } = &address;
        assert_eq!((tunnel.is_secure, tunnel.host.as_str(), tunnel.port), (true, "gw.example.com", 443));
        assert_eq!((tunnel.path.as_str(), address.ticket.as_str()), ("/bridge/tunnel", "/bridge/ticket"));
        let local = Address::parse("ws://[::1]:8787").unwrap().tunnel;
        assert_eq!((local.host.as_str(), local.port, local.authority.as_str()), ("::1", 8787, "[::1]:8787"));
        assert_eq!(local.path, "/bridge/tunnel");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for url in [
            "https://a",
            "wss://",
            "wss://u:p@a/bridge/tunnel",
            "wss://a:x",
            "wss://a/b",
            "wss://a/t/tunnel?k=1",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
