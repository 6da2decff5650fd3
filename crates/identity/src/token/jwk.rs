//! Public keys (RFC 7517) of the three algorithms that are accepted.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::base64url;

/// Most keys that are read from a set.
const MAX_KEYS: usize = 100;
/// Smallest modulus of RSA: 2048 bits.
const MIN_MODULUS_BYTES: usize = 256;
const MAX_MODULUS_BYTES: usize = 1_024;

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256 (RFC 7518, section 3.4).
    Es256,
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3): of others only, the gateway does not sign with it.
    Rs256,
}

impl Algorithm {
    /// Its name in `alg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

/// A public key with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its name.
    pub kid: String,
    /// What it verifies. A token says the same or is refused.
    pub algorithm: Algorithm,
    /// Its numbers in base64url: `x` and `y`, `x`, or `n` and `e`.
    pub numbers: Vec<String>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl PublicKey {
    /// The key of a JSON Web Key; `None` if it is not one that may verify signatures here. A symmetric key never is.
    #[must_use]
    pub fn of_jwk(jwk: &Value) -> Option<Self> {
        let jwk = Jwk::deserialize(jwk).ok()?;
        let is_for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
            && jwk.key_ops.as_ref().is_none_or(|uses| uses.iter().any(|usage| usage == "verify"));
        let (algorithm, numbers) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => (Algorithm::Es256, vec![jwk.x?, jwk.y?]),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDsa, vec![jwk.x?]),
            ("RSA", None) => (Algorithm::Rs256, vec![jwk.n?, jwk.e?]),
            _ => return None,
        };
        let sizes: Vec<usize> = numbers
            .iter()
            .map(|number| base64url::decode(number).map(|bytes| bytes.len()))
            .collect::<Option<_>>()?;
        let is_sized = match (algorithm, sizes.as_slice()) {
            (Algorithm::Es256, [32, 32]) | (Algorithm::EdDsa, [32]) => true,
            (Algorithm::Rs256, [modulus, exponent]) => {
                (MIN_MODULUS_BYTES..=MAX_MODULUS_BYTES).contains(modulus) && (1..=8).contains(exponent)
            }
            _ => false,
        };
        let is_alg = jwk.alg.is_none_or(|alg| alg == algorithm.name());
        (is_for_signatures && is_sized && is_alg).then(|| Self {
            kid: jwk.kid.unwrap_or_default(),
            algorithm,
            numbers,
        })
    }

    /// The key as a JSON Web Key.
    #[must_use]
    pub fn to_jwk(&self) -> Value {
        let mut jwk = self.required();
        if let Value::Object(members) = &mut jwk {
            members.insert("kid".to_owned(), json!(self.kid));
            members.insert("alg".to_owned(), json!(self.algorithm.name()));
            members.insert("use".to_owned(), json!("sig"));
        }
        jwk
    }

    /// The key's thumbprint (RFC 7638), which names it.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // `serde_json` writes the members in alphabetical order and without spaces, as the RFC wants them.
        base64url::encode(Sha256::digest(self.required().to_string()))
    }

    fn required(&self) -> Value {
        let number = |place: usize| self.numbers.get(place);
        match self.algorithm {
            Algorithm::Es256 => json!({ "crv": "P-256", "kty": "EC", "x": number(0), "y": number(1) }),
            Algorithm::EdDsa => json!({ "crv": "Ed25519", "kty": "OKP", "x": number(0) }),
            Algorithm::Rs256 => json!({ "e": number(1), "kty": "RSA", "n": number(0) }),
        }
    }
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<PublicKey>);

impl KeySet {
    /// These keys.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self(keys)
    }

    /// The keys of a document `{"keys": […]}`; those that cannot be used here are left out. `None` if it is no such document.
    #[must_use]
    pub fn parse(document: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(document).ok()?;
        let keys = document.get("keys")?.as_array()?;
        Some(Self(keys.iter().take(MAX_KEYS).filter_map(PublicKey::of_jwk).collect()))
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }

    /// The document `{"keys": […]}`.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({ "keys": self.0.iter().map(PublicKey::to_jwk).collect::<Vec<_>>() })
    }

    /// The key of this name; `None` if there is none, if the name is empty, or if several have it.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        let mut named = self.0.iter().filter(|key| key.kid == kid && !kid.is_empty());
        named.next().filter(|_| named.next().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        // RFC 8037, appendix A.3.
        let jwk =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        let key = PublicKey::of_jwk(&jwk).unwrap();
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        // RFC 7638, section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::of_jwk(&json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256" })).unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn keys_that_may_not_verify_here_are_left_out() {
        let x = base64url::encode([1; 32]);
        let good = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": x, "kid": "k" });
        let with = |name: &str, value: Value| {
            let mut jwk = good.clone();
            jwk[name] = value;
            jwk
        };
        assert!(PublicKey::of_jwk(&good).is_some());
        for bad in [
            with("kty", json!("oct")),
            with("crv", json!("P-384")),
            with("alg", json!("HS256")),
            with("alg", json!("none")),
            with("alg", json!("ES384")),
            with("use", json!("enc")),
            with("key_ops", json!(["sign"])),
            with("x", json!(base64url::encode([1; 31]))),
            with("x", json!(7)),
            with("y", json!("+/")),
            json!({ "kty": "oct", "k": x, "kid": "k" }),
            json!({ "kty": "RSA", "n": base64url::encode([255; 128]), "e": "AQAB" }),
            json!("key"),
        ] {
            assert_eq!(PublicKey::of_jwk(&bad), None, "{bad}");
        }
        let set = json!({ "keys": [with("kty", json!("oct")), good] }).to_string();
        let set = KeySet::parse(set.as_bytes()).unwrap();
        assert!(set.find("k").is_some() && set.find("").is_none() && set.find("K").is_none());
        assert_eq!(KeySet::parse(set.document().to_string().as_bytes()), Some(set));
        assert_eq!(KeySet::parse(b"[]"), None);
        let twice = json!({ "keys": [good, good] }).to_string();
        assert_eq!(KeySet::parse(twice.as_bytes()).unwrap().find("k"), None);
    }
}
