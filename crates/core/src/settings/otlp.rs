//! Where traces and metrics are sent to: a collector of OpenTelemetry.

use crate::http::headers::{is_valid_value, may_be_configured};
use crate::http::percent::decode;
use crate::http::upstream_url::{UpstreamUrl, UrlError};
use crate::secrets::Secret;

/// A collector.
#[derive(Clone, PartialEq)]
pub struct OtlpSettings {
    /// Its address, to which `/v1/traces` and `/v1/metrics` are appended.
    pub endpoint: String,
    /// Headers of every request to it, names in lower case.
    pub headers: Vec<(String, Secret)>,
    /// The part of requests whose trace is recorded, from 0 to 1, where the caller does not say.
    pub sample: f64,
}

impl OtlpSettings {
    /// Reads `OTLP_ENDPOINT`, `OTLP_HEADERS` (`name=value,name=value`, values percent-encoded as in OpenTelemetry's
    /// `OTEL_EXPORTER_OTLP_HEADERS`) and `OTLP_SAMPLE`. A header that is not valid is left out. Without an address it is `None`.
    ///
    /// # Errors
    /// Why the address is refused; private and local ones are unless `allow_private`.
    pub fn read(
        endpoint: Option<&str>,
        headers: Option<&str>,
        sample: Option<&str>,
        allow_private: bool,
    ) -> Result<Option<Self>, UrlError> {
        let Some(endpoint) = endpoint else { return Ok(None) };
        let endpoint = UpstreamUrl::parse(endpoint, allow_private)?.base().to_owned();
        let header = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (name.trim().to_ascii_lowercase(), decode(value.trim())?.into_owned());
            (may_be_configured(&name) && is_valid_value(&value)).then(|| (name, Secret::new(value)))
        };
        let sample =
            sample.and_then(|sample| sample.trim().parse::<f64>().ok()).filter(|sample| sample.is_finite());
        Ok(Some(Self {
            endpoint,
            headers: headers.unwrap_or_default().split(',').filter_map(header).collect(),
            sample: sample.unwrap_or(1.0).clamp(0.0, 1.0),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(endpoint: &str, headers: &str, sample: &str) -> Result<Option<OtlpSettings>, UrlError> {
        OtlpSettings::read(Some(endpoint), Some(headers), Some(sample), false)
    }

    #[test]
    fn a_collector_has_an_address_headers_and_a_sample() {
        let headers = "Authorization=Basic%20YTpi, x-scope = a , broken, host=evil, bad=%0d%0a";
        let collector = read("https://otel.example/otlp/", headers, "0.25").unwrap().unwrap();
        assert_eq!(collector.endpoint, "https://otel.example/otlp");
        let header = |name: &str, value: &str| (name.to_owned(), Secret::new(value));
        assert_eq!(collector.headers, [header("authorization", "Basic YTpi"), header("x-scope", "a")]);
        assert!((collector.sample - 0.25).abs() < 1e-9);
        for (sample, expected) in [("", 1.0), ("7", 1.0), ("-1", 0.0), ("NaN", 1.0)] {
            let read = read("https://otel.example", "", sample).unwrap().unwrap();
            assert!((read.sample - expected).abs() < 1e-9, "{sample}");
        }
        assert!(OtlpSettings::read(None, None, None, false).is_ok_and(|none| none.is_none()));
    }

    #[test]
    fn a_private_address_is_refused() {
        for endpoint in
            ["http://127.0.0.1:4318", "http://localhost:4318", "http://169.254.169.254", "http://[::1]"]
        {
            assert_eq!(read(endpoint, "", "").err(), Some(UrlError::Private), "{endpoint}");
            assert!(OtlpSettings::read(Some(endpoint), None, None, true).is_ok_and(|some| some.is_some()));
        }
        assert_eq!(read("otel.example", "", "").err(), Some(UrlError::Scheme));
        assert_eq!(read("https://a:b@otel.example", "", "").err(), Some(UrlError::Credentials));
    }
}
