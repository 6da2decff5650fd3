//! The cookies of the console (RFC 6265): read from a request, written to an answer.
//!
//! Both tokens are in cookies that scripts cannot read, that travel over TLS only and that no other site causes to be
//! sent. `__Host-` keeps subdomains and other paths from setting the access token's; the refresh token goes to the one
//! path that takes it.

/// The access token's cookie.
pub const ACCESS: &str = "__Host-nexus_access";
/// The refresh token's cookie.
pub const REFRESH: &str = "__Secure-nexus_refresh";
/// The path that takes the refresh token.
pub const REFRESH_PATH: &str = "/auth";

/// The value of a cookie in the request header `cookie`; `None` if it is absent or there are several of the name, of which
/// one another site may have chosen.
#[must_use]
pub fn read<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut values =
        header.split(';').filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
    let (_, value) = values.next()?;
    (values.next().is_none() && !value.is_empty()).then_some(value)
}

/// The header `set-cookie` that gives a cookie for `max_age_s` seconds; 0 removes it. `value` is one of the gateway's tokens.
#[must_use]
pub fn write(name: &str, value: &str, path: &str, max_age_s: u64) -> String {
    format!("{name}={value}; Path={path}; Max-Age={max_age_s}; HttpOnly; Secure; SameSite=Strict")
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
}
