//! The cookies of the console (RFC 6265): read from a request, written to an answer.
//!
//! Tokens are in cookies that scripts cannot read, that travel over TLS only and that no other site causes to be
//! sent. `__Host-` keeps subdomains and other paths from setting the access token's; the refresh token goes to the one
//! path that takes it.
//!
//! Browsers accept neither the prefixes nor `Secure` from a server of development, `http://127.0.0.1:8787`. For such an
//! origin, and no other, the cookies have names without the prefix ([`name_at`]).

/// The access token's cookie.
pub const ACCESS: &str = "__Host-nexus_access";
/// The refresh token's cookie.
pub const REFRESH: &str = "__Secure-nexus_refresh";
/// The cookie of a session that began with the admin token.
pub const CONSOLE: &str = "__Host-nexus_console";
/// The path that takes the refresh token.
pub const REFRESH_PATH: &str = "/auth";

/// What names begin with that browsers take over TLS only.
const PREFIXES: [&str; 2] = ["__Host-", "__Secure-"];
/// The hosts that are this machine.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The value of a cookie in the request header `cookie`; `None` if it is absent or there are several of the name, of which
/// one another site may have chosen.
#[must_use]
pub fn read<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut values =
        header.split(';').filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
    let (_, value) = values.next()?;
    (values.next().is_none() && !value.is_empty()).then_some(value)
}

/// The name of a cookie at an origin such as `http://127.0.0.1:8787`: without its prefix where that is this machine without
/// TLS.
#[must_use]
pub fn name_at(origin: &str, name: &'static str) -> &'static str {
    if is_loopback(origin) {
        PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
    } else {
        name
    }
}

/// Whether an origin is this machine, without TLS.
fn is_loopback(origin: &str) -> bool {
    let Some(host) = origin.strip_prefix("http://") else { return false };
    LOOPBACK.iter().any(|name| {
        let port = host.strip_prefix(name);
        port.is_some_and(|port| port.is_empty() || port.starts_with(':'))
    })
}

/// The header `set-cookie` that gives a cookie for `max_age_s` seconds; 0 removes it. `name` is one of [`name_at`], `value` one of
/// the gateway's tokens.
#[must_use]
pub fn write(name: &str, value: &str, path: &str, max_age_s: u64) -> String {
    let secure = if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) { "; Secure" } else { "" };
    format!("{name}={value}; Path={path}; Max-Age={max_age_s}; HttpOnly{secure}; SameSite=Strict")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_counts_only_if_it_is_the_one_of_its_name() {
        assert_eq!(read("a=1; __Host-nexus_access=x.y.z;b=2", ACCESS), Some("x.y.z"));
        assert_eq!(read("a=b=c", "a"), Some("b=c"));
        for header in ["", "a", "a=", "xa=1", "A=1", "a=1; a=2"] {
            assert_eq!(read(header, "a"), None, "{header}");
        }
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let header = write(REFRESH, "t", REFRESH_PATH, 60);
        let expected = "__Secure-nexus_refresh=t; Path=/auth; Max-Age=60; HttpOnly; Secure; SameSite=Strict";
        assert_eq!(header, expected);
    }

    #[test]
    fn only_this_machine_without_tls_has_cookies_without_a_prefix() {
        for origin in ["http://127.0.0.1:8787", "http://localhost", "http://[::1]:1"] {
            let names = [ACCESS, REFRESH, CONSOLE].map(|name| name_at(origin, name));
            assert_eq!(names, ["nexus_access", "nexus_refresh", "nexus_console"], "{origin}");
        }
        for origin in [
            "https://127.0.0.1:8787",
            "http://gateway.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.10",
            "",
        ] {
            assert_eq!(name_at(origin, CONSOLE), CONSOLE, "{origin}");
        }
        assert_eq!(
            write("nexus_console", "t", "/", 9),
            "nexus_console=t; Path=/; Max-Age=9; HttpOnly; SameSite=Strict"
        );
    }
}
