//! Which proxy a connection goes through, by the variables that other programs take: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
//! `NO_PROXY`, in lower case first. Pure.
//!
//! Addresses on this machine are never asked through a proxy. Only proxies with an address `http://` are used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::address::Address;

/// A proxy. Not `Debug`: it may need a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<String>,
}

/// The proxy for an address. `variable` is the environment.
///
/// # Errors
/// The variable names a proxy that cannot be used.
pub fn choose(address: &Address, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Proxy>, String> {
    let first =
        |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    if address.is_loopback() || first(&["no_proxy", "NO_PROXY"]).is_some_and(|list| excepts(&list, address)) {
        return Ok(None);
    }
    let named = if address.is_secure {
        first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
    } else {
        first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
    };
    named.map(|named| parse(&named)).transpose()
}

/// Whether a list of hosts excepts an address: each item is a host, with or without its port, and stands for what is below it.
fn excepts(list: &str, address: &Address) -> bool {
    list.split([',', ' ']).map(str::trim).filter(|item| !item.is_empty()).any(|item| {
        let item = item.to_ascii_lowercase();
        let (host, port) = match item.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => {
                (host.to_owned(), port.parse().ok())
            }
            _ => (item.clone(), None),
        };
        let host = host.trim_start_matches("*.").trim_start_matches('.').trim_matches(['[', ']']);
        let below =
            address.host.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        (item == "*" || (!host.is_empty() && below)) && port.is_none_or(|port: u16| port == address.port)
    })
}

fn parse(named: &str) -> Result<Proxy, String> {
    let rest = match named.split_once("://") {
        None => named,
        Some(("http", rest)) => rest,
        Some((scheme, _)) => {
            return Err(format!("a proxy with an address {scheme}:// is not supported: use http://"));
        }
    };
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let address = Address::parse(&format!("http://{rest}"));
    let address = address.map_err(|_| "the address of the proxy cannot be used".to_owned())?;
    let authorization = user.map(|user| {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let plain = [decoded(name), b":".to_vec(), decoded(password)].concat();
        format!("Basic {}", STANDARD.encode(plain))
    });
    Ok(Proxy { host: address.host, port: address.port, authorization })
}

/// The bytes of a text with `%XX`.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, variables: &[(&str, &str)]) -> Option<(String, u16, Option<String>)> {
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let proxy = choose(&Address::parse(url).unwrap(), &find).unwrap();
        proxy.map(|proxy| (proxy.host, proxy.port, proxy.authorization))
    }

    #[test]
    fn the_scheme_decides_which_variable_counts() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("http_proxy", "p:2")];
        assert_eq!(chosen("https://a.example", &both), Some(("s".into(), 1, None)));
        assert_eq!(chosen("http://a.example", &both), Some(("p".into(), 2, None)));
        assert_eq!(chosen("https://a.example", &[("all_proxy", "x")]), Some(("x".into(), 80, None)));
        assert_eq!(chosen("https://127.0.0.1:8", &both), None);
        let secret = chosen("https://a.example", &[("HTTPS_PROXY", "http://me:p%40ss@s:1")]).unwrap();
        assert_eq!(secret.2.as_deref(), Some("Basic bWU6cEBzcw=="));
    }

    #[test]
    fn exceptions_are_hosts_and_what_is_below_them() {
        for (list, excepted) in [
            ("a.example", true),
            (".example", true),
            ("*.a.example", true),
            ("other, a.example:443", true),
            ("a.example:80", false),
            ("ba.example", false),
            ("xample", false),
            ("*", true),
            ("", false),
        ] {
            let found = chosen("https://a.example", &[("HTTPS_PROXY", "s:1"), ("NO_PROXY", list)]);
            assert_eq!(found.is_none(), excepted, "{list}");
        }
    }

    #[test]
    fn other_kinds_of_proxies_are_refused() {
        let find = |name: &str| (name == "HTTPS_PROXY").then(|| "socks5://s:1".to_owned());
        assert!(choose(&Address::parse("https://a.example").unwrap(), &find).is_err());
    }

    #[test]
    fn codes_are_decoded() {
        assert_eq!(decoded("a%20%zz"), b"a %zz");
        assert_eq!(decoded("ä%41"), "äA".as_bytes());
    }
}
