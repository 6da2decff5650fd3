//! The compact form: `header.payload.signature`, each in base64url.

use serde::Deserialize;
use serde_json::{Value, json};

use super::jwk::Algorithm;
use crate::base64url;

/// Most bytes of a token.
pub const MAX_BYTES: usize = 16 << 10;

/// What a token's header says. Members that carry a key or point to one are not read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// The algorithm that the token claims.
    pub alg: String,
    /// The name of the key.
    #[serde(default)]
    pub kid: Option<String>,
    /// The type.
    #[serde(default)]
    pub typ: Option<String>,
    /// Extensions that a reader must understand: there are none that this one does.
    #[serde(default)]
    crit: Option<Value>,
}

/// A token whose signature has not been looked at. Its claims are out of reach until it has.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// Its header.
    pub header: Header,
    /// What the signature is over.
    pub signing_input: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Reads a token; `None` if it is not one in the compact form, or has critical extensions.
    #[must_use]
    pub fn read(token: &'a str) -> Option<Self> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (signing_input, signature) = token.rsplit_once('.')?;
        let (header, payload) = signing_input.split_once('.')?;
        let header: Header = serde_json::from_slice(&base64url::decode(header)?).ok()?;
        let signature = base64url::decode(signature)?;
        let payload = base64url::decode(payload)?;
        header.crit.is_none().then_some(Self { header, signing_input, signature, payload })
    }
}

/// What a signature of a new token is made over.
#[must_use]
pub fn signing_input(algorithm: Algorithm, kid: &str, typ: &str, claims: &Value) -> String {
    let header = json!({ "alg": algorithm.name(), "kid": kid, "typ": typ });
    format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()))
}

/// The token with its signature.
#[must_use]
pub fn compact(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", base64url::encode(signature))
}
