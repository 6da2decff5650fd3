//! A request to a provider without its body: URL, authentication, further headers.

use crate::aws::credentials::is_credentials;
use crate::http::percent::encode_name;
use crate::http::upstream_url::UpstreamUrl;
use crate::provider::quirk::Quirks;

/// The configuration of a provider, as far as its kind needs it for URLs.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The address as entered.
    pub server_url: &'a str,
    /// The same, parsed; `None` for kinds without a network address.
    pub url: Option<&'a UpstreamUrl>,
    /// Deviations from the dialect.
    pub quirks: Quirks,
}

impl Site<'_> {
    /// A URL below the version; see [`UpstreamUrl::endpoint`].
    pub(super) fn endpoint(&self, version: &str, main: &str, path: &str) -> Option<String> {
        self.url?.endpoint(version, main, path)
    }
}

/// How a request is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer <key>`
    Bearer,
    /// The key alone in this header.
    Header(&'static str),
    /// The same, but a JSON Web Token as [`Auth::Bearer`].
    HeaderOrBearer(&'static str),
    /// `authorization: Bearer <token>` with a token that is obtained with the key, a service account.
    ServiceAccount,
    /// A signature of the whole request ([`super::bedrock::signed_headers`]) with a key that is credentials of AWS; a key
    /// of any other form as [`Auth::Bearer`].
    AwsSignature,
}

impl Auth {
    /// The header with this key; `None` if the key itself is not sent.
    #[must_use]
    pub fn header(self, key: &str) -> Option<(&'static str, String)> {
        let is_token = key.starts_with("eyJ") && key.split('.').count() == 3;
        match self {
            Self::Header(name) => Some((name, key.to_owned())),
            Self::HeaderOrBearer(name) if !is_token => Some((name, key.to_owned())),
            Self::Bearer | Self::HeaderOrBearer(_) => Some(("authorization", format!("Bearer {key}"))),
            Self::AwsSignature if !is_credentials(key) => Some(("authorization", format!("Bearer {key}"))),
            Self::ServiceAccount | Self::AwsSignature => None,
        }
    }
}

/// A request to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: &'static str,
    /// The URL.
    pub url: String,
    /// Its authentication.
    pub auth: Auth,
    /// Whether the answer is to be streamed.
    pub is_stream: bool,
    /// Further headers that the service requires.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Call {
    /// A POST.
    #[must_use]
    pub fn post(url: String, auth: Auth) -> Self {
        Self { method: "POST", url, auth, is_stream: false, headers: Vec::new() }
    }

    /// A GET.
    #[must_use]
    pub fn get(url: String, auth: Auth) -> Self {
        Self { method: "GET", ..Self::post(url, auth) }
    }

    /// The same request for a streamed or an unstreamed answer.
    #[must_use]
    pub fn streamed(self, is_stream: bool) -> Self {
        Self { is_stream, ..self }
    }

    /// The same request with a further header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// An operation on a response that its provider stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ResponseAction {
    Get,
    Delete,
    Cancel,
    InputItems,
}

impl ResponseAction {
    /// The request about the response `id`, derived from the one that creates a response; `query` is the caller's.
    #[must_use]
    pub(super) fn on(self, mut create: Call, id: &str, query: Option<&str>) -> Call {
        let (method, suffix) = match self {
            Self::Get => ("GET", ""),
            Self::Delete => ("DELETE", ""),
            Self::Cancel => ("POST", "/cancel"),
            Self::InputItems => ("GET", "/input_items"),
        };
        create.method = method;
        let (path, own_query) = create.url.split_once('?').unwrap_or((&create.url, ""));
        let url = format!("{path}/{}{suffix}", encode_name(id));
        create.url = with_query(with_query(url, own_query), query.unwrap_or_default());
        create
    }
}

/// The URL with a further query parameter.
#[must_use]
pub fn with_query(mut url: String, query: &str) -> String {
    if !query.is_empty() {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(query);
    }
    url
}

/// Scheme and host of a URL.
pub(super) fn origin(base: &str) -> Option<&str> {
    let host = base.find("://")? + "://".len();
    let end = base.get(host..)?.find('/').map_or(base.len(), |slash| host + slash);
    base.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_where_it_belongs() {
        let bearer = |key: &str| Some(("authorization", format!("Bearer {key}")));
        for (auth, key, header) in [
            (Auth::Bearer, "k", bearer("k")),
            (Auth::Header("x-api-key"), "eyJa.b.c", Some(("x-api-key", "eyJa.b.c".to_owned()))),
            (Auth::HeaderOrBearer("api-key"), "abc", Some(("api-key", "abc".to_owned()))),
            (Auth::HeaderOrBearer("api-key"), "eyJa.b.c", bearer("eyJa.b.c")),
            (Auth::ServiceAccount, "{}", None),
            (Auth::AwsSignature, "ABSK", bearer("ABSK")),
            (Auth::AwsSignature, "{}", None),
        ] {
            assert_eq!(auth.header(key), header);
        }
    }

    #[test]
    fn the_origin_of_an_address() {
        for (address, found) in [
            ("https://a.example/x/y", Some("https://a.example")),
            ("https://a.example", Some("https://a.example")),
            ("a.example", None),
        ] {
            assert_eq!(origin(address), found);
        }
    }
}
