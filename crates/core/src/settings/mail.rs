//! How mail to users leaves the gateway: as a signed request to the operator's mail service, or, in development, as lines of the
//! log.

use crate::http::upstream_url::{UpstreamUrl, host_of};
use crate::secrets::Secret;

/// What `MAIL_WEBHOOK` says for development.
const LOG: &str = "log";
/// Fewest characters of the secret.
const MIN_SECRET_LENGTH: usize = 16;

/// Where mail is handed over.
#[derive(Clone, PartialEq, Eq)]
pub enum MailSettings {
    /// It is not sent: the text, with its link, is a line of the log.
    Log,
    /// It is posted to this address.
    Webhook {
        /// The address.
        url: String,
        /// What the requests are signed with.
        secret: Secret,
    },
}

/// Why mail cannot be sent. Continues a sentence that begins with `MAIL_WEBHOOK`.
#[derive(Debug, PartialEq, Eq)]
pub struct MailError(String);

impl std::fmt::Display for MailError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl MailSettings {
    /// Reads `MAIL_WEBHOOK` and `MAIL_WEBHOOK_SECRET`. Without an address it is `None`.
    ///
    /// # Errors
    /// Why the address is refused; private and local ones are unless `allow_private`. Or that the secret is missing.
    pub fn read(
        webhook: Option<&str>,
        secret: Option<String>,
        allow_private: bool,
    ) -> Result<Option<Self>, MailError> {
        let Some(url) = webhook.map(str::trim) else { return Ok(None) };
        if url == LOG {
            return Ok(Some(Self::Log));
        }
        // Taken as it is, query included.
        UpstreamUrl::parse(&format!("{url}#"), allow_private)
            .map_err(|error| MailError(error.to_string()))?;
        let secret = secret.filter(|secret| secret.len() >= MIN_SECRET_LENGTH).ok_or_else(|| {
            MailError(format!("needs MAIL_WEBHOOK_SECRET, of at least {MIN_SECRET_LENGTH} characters"))
        })?;
        Ok(Some(Self::Webhook { url: url.to_owned(), secret: Secret::new(secret) }))
    }
}

/// The origin that an address is; `None` if it has a path, or is none.
#[must_use]
pub fn origin(url: &str) -> Option<String> {
    let url = url.trim().trim_end_matches('/');
    let (_, authority) = url.split_once("://")?;
    (host_of(url).is_ok() && !authority.contains(['/', '?', '#'])).then(|| url.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(webhook: &str, secret: &str) -> Result<Option<MailSettings>, MailError> {
        MailSettings::read(Some(webhook), Some(secret.to_owned()), false)
    }

    #[test]
    fn mail_needs_an_address_and_a_secret() {
        assert!(MailSettings::read(None, None, false).is_ok_and(|none| none.is_none()));
        assert!(MailSettings::read(Some("log"), None, false) == Ok(Some(MailSettings::Log)));
        let url = "https://mail.example/send?from=gateway";
        let expected = MailSettings::Webhook { url: url.to_owned(), secret: Secret::new("sixteen-letters-") };
        assert!(read(url, "sixteen-letters-") == Ok(Some(expected)));
        for (url, secret) in [
            (url, "short"),
            ("http://127.0.0.1:2525", "sixteen-letters-"),
            ("ftp://mail.example", "sixteen-letters-"),
            ("mail.example", "sixteen-letters-"),
        ] {
            assert!(read(url, secret).is_err(), "{url}");
        }
        assert!(MailSettings::read(Some(url), None, false).is_err());
    }

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin(" https://Gateway.example/ ").as_deref(), Some("https://gateway.example"));
        assert_eq!(origin("http://127.0.0.1:8787").as_deref(), Some("http://127.0.0.1:8787"));
        for wrong in
            ["gateway.example", "https://", "https://a.example/b", "https://u:p@a.example", "ftp://a.example"]
        {
            assert_eq!(origin(wrong), None, "{wrong}");
        }
    }
}
