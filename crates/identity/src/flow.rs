//! The cookie that a sign-in with another service keeps in the browser that began it.
//!
//! Unlike those of the console it is sent with the navigation that brings the user back from the service (`SameSite=Lax`). An origin
//! without TLS, which only development has, gets a name without the prefix that browsers take over TLS only.

use crate::cookie;

const SECURE: &str = "__Host-nexus_flow";
const PLAIN: &str = "nexus_flow";

fn is_secure(origin: &str) -> bool {
    origin.starts_with("https://")
}

/// The header `set-cookie` of an origin such as `https://gateway.example`, for `max_age_s` seconds; 0 removes the cookie.
#[must_use]
pub fn cookie(origin: &str, value: &str, max_age_s: u64) -> String {
    let (name, secure) = if is_secure(origin) { (SECURE, "; Secure") } else { (PLAIN, "") };
    format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly{secure}; SameSite=Lax")
}

/// Its value in the request header `cookie`.
#[must_use]
pub fn read<'a>(header: &'a str, origin: &str) -> Option<&'a str> {
    cookie::read(header, if is_secure(origin) { SECURE } else { PLAIN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_comes_back_with_the_user_and_is_out_of_reach_of_scripts() {
        let (tls, plain) = ("https://gw.example", "http://127.0.0.1:8787");
        let expected = "__Host-nexus_flow=v; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax";
        assert_eq!(cookie(tls, "v", 600), expected);
        assert_eq!(cookie(plain, "", 0), "nexus_flow=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        let header = "nexus_flow=p; __Host-nexus_flow=s";
        assert_eq!((read(header, tls), read(header, plain)), (Some("s"), Some("p")));
        assert_eq!(read("nexus_flow=p", tls), None, "a page without TLS does not set that of one with it");
    }
}
