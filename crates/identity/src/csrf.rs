//! Whether a request that is authenticated by a cookie comes from the gateway's own pages.
//!
//! Three independent signs must agree for anything that changes something: a header that a form cannot set and that
//! makes a browser ask first, the browser's own `Sec-Fetch-Site`, and `Origin`. Old browsers lack the second; the others
//! are always there. Requests with a bearer token need none of this: no browser adds one by itself.

/// The header that must be there; its value is free.
pub const HEADER: &str = "x-nexus-csrf";

/// What a request says about where it comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// The origin under which the request arrived, such as `https://gateway.example`.
    pub own: &'a str,
    /// The header `origin`.
    pub origin: Option<&'a str>,
    /// The header `sec-fetch-site`.
    pub fetch_site: Option<&'a str>,
    /// Whether the header [`HEADER`] is there.
    pub has_header: bool,
}

impl Origin<'_> {
    /// Whether a request that reads may use the cookie: a page of another site must not even look.
    #[must_use]
    pub fn may_read(&self) -> bool {
        self.fetch_site.is_none_or(|site| matches!(site, "same-origin" | "none"))
            && self.origin.is_none_or(|origin| origin == self.own)
    }

    /// Whether a request that reads may use the cookie where an answer could be read by, or cost something on behalf of, pages of
    /// any origin: the header makes a browser ask first, and it is not allowed to send cookies then.
    #[must_use]
    pub fn may_read_as_another(&self) -> bool {
        self.has_header && self.may_read()
    }

    /// Whether a request that changes something may use the cookie.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.has_header
            && self.origin == Some(self.own)
            && self.fetch_site.is_none_or(|site| site == "same-origin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_pages_write_and_others_do_not_even_read() {
        let own = Origin {
            own: "https://gw.example",
            origin: Some("https://gw.example"),
            fetch_site: Some("same-origin"),
            has_header: true,
        };
        assert!(own.may_write() && own.may_read());
        assert!(Origin { fetch_site: None, ..own }.may_write());
        for forged in [
            Origin { has_header: false, ..own },
            Origin { origin: None, ..own },
            Origin { origin: Some("null"), ..own },
            Origin { origin: Some("https://gw.example.evil.org"), ..own },
            Origin { origin: Some("http://gw.example"), ..own },
            Origin { fetch_site: Some("same-site"), ..own },
            Origin { fetch_site: Some("cross-site"), ..own },
            Origin { fetch_site: Some("none"), ..own },
        ] {
            assert!(!forged.may_write(), "{forged:?}");
        }
        let typed = Origin { own: own.own, fetch_site: Some("none"), ..Origin::default() };
        assert!(typed.may_read());
        assert!(!Origin { fetch_site: Some("cross-site"), ..typed }.may_read());
        assert!(!typed.may_read_as_another() && Origin { has_header: true, ..typed }.may_read_as_another());
        assert!(!Origin { origin: Some("https://evil.org"), ..typed }.may_read());
    }
}
