//! Signature version 4 of requests to Amazon Web Services
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).
//!
//! The rules are those of every service but S3: the path is percent-encoded twice, and the hash of the body is a
//! header. The signature covers the host, `x-amz-date`, `x-amz-content-sha256`, the session token and the headers
//! that the caller names; other headers may be changed on the way.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::hash::hex;
use crate::http::percent::{decode_lossy, encode};
use crate::secrets::Secret;
use crate::time::rfc3339;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// Credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AKIA…`, or `ASIA…` with a session token.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// The scope of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `us-east-1` …
    pub region: &'a str,
    /// The service's name in signatures: `bedrock` for all of Bedrock's hosts.
    pub service: &'a str,
}

/// A request to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The complete URL, percent-encoded as it is sent, without a fragment.
    pub url: &'a str,
    /// Headers that the signature must cover, with names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty if there is none.
    pub body: &'a [u8],
}

/// The headers that sign a request at `now_ms` (milliseconds since the epoch), to be sent in addition to its own.
/// They are valid for five minutes.
#[must_use]
pub fn sign(
    request: Unsigned<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    now_ms: u64,
) -> Vec<(&'static str, String)> {
    let Scope { region, service } = scope;
    let timestamp: String =
        rfc3339(now_ms / 1_000).chars().filter(|character| !matches!(character, '-' | ':')).collect();
    let date = timestamp.split('T').next().unwrap_or_default();
    let body_hash = hex(&Sha256::digest(request.body));
    let (host, path, query) = parts_of(request.url);

    let mut added = vec![("x-amz-date", timestamp.clone()), ("x-amz-content-sha256", body_hash.clone())];
    added.extend(
        credentials.session_token.as_ref().map(|token| ("x-amz-security-token", token.expose().to_owned())),
    );
    let mut covered: Vec<(&str, String)> = vec![("host", host.clone())];
    covered.extend(request.headers.iter().map(|(name, value)| (*name, one_line(value))));
    covered.extend(added.iter().map(|(name, value)| (*name, one_line(value))));
    covered.sort();

    let header_lines: String = covered.iter().flat_map(|(name, value)| [*name, ":", value, "\n"]).collect();
    let names: Vec<&str> = covered.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let canonical = format!(
        "{}\n{}\n{}\n{header_lines}\n{names}\n{body_hash}",
        request.method,
        canonical_path(path),
        canonical_query(query),
    );
    let credential_scope = format!("{date}/{region}/{service}/{TERMINATOR}");
    let to_sign = format!(
        "{ALGORITHM}\n{timestamp}\n{credential_scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let secret = format!("AWS4{}", credentials.secret_access_key.expose());
    let key = [date, region, service, TERMINATOR]
        .iter()
        .fold(secret.into_bytes(), |key, data| hmac(&key, data.as_bytes()).to_vec());
    let signature = hex(&hmac(&key, to_sign.as_bytes()));
    let id = &credentials.access_key_id;
    added.push((
        "authorization",
        format!(
            "{ALGORITHM} Credential={id}/{credential_scope}, SignedHeaders={names}, Signature={signature}"
        ),
    ));
    added
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    // A key may have any length, so this cannot fail.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(data).finalize().into_bytes().into())
        .unwrap_or_default()
}

/// Host (as in the `host` header), path and query of a URL.
fn parts_of(url: &str) -> (String, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path_at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(path_at).unwrap_or((rest, ""));
    let default_port = if scheme.eq_ignore_ascii_case("http") { ":80" } else { ":443" };
    let host = authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    (host, if path.is_empty() { "/" } else { path }, query)
}

/// The path with every segment percent-encoded once more.
fn canonical_path(path: &str) -> String {
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// The parameters sorted by name, then by value, all encoded in the same way.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(&decode_lossy(name)), encode(&decode_lossy(value)))
        })
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A header's value with runs of spaces reduced to one.
fn one_line(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// Signatures as the vendor's own library makes them.
    #[derive(Deserialize)]
    struct Vectors {
        access_key_id: String,
        secret_access_key: String,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        method: String,
        url: String,
        region: String,
        service: String,
        at_ms: u64,
        session_token: Option<String>,
        headers: BTreeMap<String, String>,
        body: String,
        signed: BTreeMap<String, String>,
    }

    #[test]
    fn signatures_are_those_of_the_vendors_library() {
        let vectors: Vectors =
            serde_json::from_str(include_str!("../../tests/fixtures/aws/sigv4.json")).unwrap();
        assert!(vectors.cases.len() >= 8);
        for case in vectors.cases {
            let credentials = Credentials {
                access_key_id: vectors.access_key_id.clone(),
                secret_access_key: Secret::new(&vectors.secret_access_key),
                session_token: case.session_token.map(Secret::new),
            };
            let headers: Vec<(&str, &str)> =
                case.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let request = Unsigned {
                method: &case.method,
                url: &case.url,
                headers: &headers,
                body: case.body.as_bytes(),
            };
            let scope = Scope { region: &case.region, service: &case.service };
            let signed = sign(request, &credentials, scope, case.at_ms);
            let signed: BTreeMap<String, String> =
                signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(signed, case.signed, "{}", case.name);
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new("wJalr"),
            session_token: Some(Secret::new("FQoGZ")),
        };
        let shown = format!("{credentials:?}");
        assert!(shown.contains("AKIDEXAMPLE") && !shown.contains("wJalr") && !shown.contains("FQoGZ"));
    }

    proptest! {
        #[test]
        fn any_request_gets_headers_of_one_line(
            url in any::<String>(),
            method in "[A-Z]{3,6}",
            value in any::<String>(),
            body in proptest::collection::vec(any::<u8>(), 0..64),
            now_ms in 0_u64..253_402_300_800_000,
        ) {
            let credentials = Credentials {
                access_key_id: "AKID".into(),
                secret_access_key: Secret::new(&value),
                session_token: None,
            };
            let request =
                Unsigned { method: &method, url: &url, headers: &[("content-type", &value)], body: &body };
            let scope = Scope { region: "us-east-1", service: "bedrock" };
            let signed = sign(request, &credentials, scope, now_ms);
            prop_assert_eq!(&signed, &sign(request, &credentials, scope, now_ms));
            let (name, authorization) = signed.last().unwrap();
            prop_assert_eq!(*name, "authorization");
            prop_assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
            prop_assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date,"));
            prop_assert!(!authorization.contains('\n'));
        }

        #[test]
        fn whatever_changes_changes_the_signature(at in 0_usize..5) {
            let secrets = ["a", "a", "a", "a", "b"];
            let bodies: [&[u8]; 5] = [b"x", b"y", b"x", b"x", b"x"];
            let urls = ["https://h/p", "https://h/p", "https://h/q", "https://h/p", "https://h/p"];
            let times = [0, 0, 0, 1_000, 0];
            let signature = |at: usize| {
                let credentials = Credentials {
                    access_key_id: "id".into(),
                    secret_access_key: Secret::new(secrets[at]),
                    session_token: None,
                };
                let request = Unsigned { method: "POST", url: urls[at], headers: &[], body: bodies[at] };
                sign(request, &credentials, Scope { region: "r", service: "s" }, times[at]).pop().unwrap().1
            };
            prop_assert_eq!(signature(0) == signature(at), at == 0);
        }
    }
}
