//! The gateway's own address, and requests that lead back to it.

use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::http::hops;
use worker::Url;

use super::Exchange;

impl Exchange {
    /// The origin under which the request arrived, such as `https://gateway.example`.
    pub fn own_origin(&self) -> String {
        Url::parse(&self.head.url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// The origin of the gateway's pages: that of the settings, or the one under which the request arrived.
    pub fn public_origin(&self) -> String {
        self.settings.public_url.clone().unwrap_or_else(|| self.own_origin())
    }

    /// Refuses a request that has been here before: an upstream of this deployment leads back to it.
    ///
    /// # Errors
    /// `request_loop` (508).
    pub fn refuse_loop(&self) -> Result<(), ApiError> {
        if !hops::has_passed(self.head.headers.get(hops::HEADER), &self.settings.deployment) {
            return Ok(());
        }
        let message =
            "This request has passed this gateway before: the server_url of a provider leads back to it.";
        Err(ApiError::new(508, ErrorKind::Server, "request_loop", message))
    }

    /// Refuses an address that is the one under which this request arrived.
    ///
    /// # Errors
    /// `invalid_value` for this field.
    pub fn refuse_own_address(&self, field: &str, url: Option<&String>) -> Result<(), ApiError> {
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
        match url.and_then(|url| origin(url)) {
            Some(given) if given == self.own_origin() => {
                let message = format!("`{field}` is the address of this gateway.");
                Err(ApiError::invalid("invalid_value", field, message))
            }
            _ => Ok(()),
        }
    }
}
