//! From a token to its claims: the one way, which checks everything.

use super::claims::{Claims, Expected};
use super::error::TokenError;
use super::jwk::{KeySet, PublicKey};
use super::jws::Unverified;

/// The platform's cryptography.
pub trait Signatures {
    /// Whether `signature` is the key's signature over `message`. An operation that fails is no.
    fn is_signature(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> impl Future<Output = bool>;
}

/// The claims of a token that one of these keys has signed and that says what is expected at `now_ms`.
///
/// # Errors
/// The first check that it fails. Signature before claims: nothing is said about what an unsigned text claims.
pub async fn verify(
    signatures: &impl Signatures,
    keys: &KeySet,
    token: &str,
    expected: &Expected<'_>,
    now_ms: u64,
) -> Result<Claims, TokenError> {
    let token = Unverified::read(token).ok_or(TokenError::Malformed)?;
    let kid = token.header.kid.as_deref().unwrap_or_default();
    let key = keys.find(kid).ok_or(TokenError::UnknownKey)?;
    if token.header.alg != key.algorithm.name() {
        return Err(TokenError::Algorithm);
    }
    if expected.typ.is_some_and(|typ| !is_type(token.header.typ.as_deref(), typ)) {
        return Err(TokenError::Type);
    }
    if !signatures.is_signature(key, token.signing_input.as_bytes(), &token.signature).await {
        return Err(TokenError::Signature);
    }
    let claims = Claims::of_payload(&token.payload).ok_or(TokenError::Malformed)?;
    claims.check(expected, now_ms)?;
    Ok(claims)
}

/// Whether a header's type is the expected one (RFC 7515, section 4.1.9).
fn is_type(given: Option<&str>, expected: &str) -> bool {
    given.is_some_and(|given| {
        let given = given.to_ascii_lowercase();
        given.strip_prefix("application/").unwrap_or(&given) == expected
    })
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};
    use futures::executor::block_on;
    use serde_json::{Value, json};

    use super::*;
    use crate::base64url;
    use crate::token::native::Native;
    use crate::token::{Algorithm, compact, signing_input};

    const NOW_S: u64 = 1_700_000_000;
    const EXPECTED: Expected<'_> = Expected { typ: Some("at+jwt"), iss: "https://gw", aud: "api" };

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn keys() -> KeySet {
        let x = base64url::encode(key().verifying_key().as_bytes());
        KeySet::new(vec![PublicKey { kid: "k1".into(), algorithm: Algorithm::EdDsa, numbers: vec![x] }])
    }

    fn claims() -> Value {
        json!({ "iss": "https://gw", "aud": "api", "sub": "u", "exp": NOW_S + 10, "iat": NOW_S })
    }

    fn signed(header: &Value, payload: &str) -> String {
        let input = format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(payload));
        compact(&input, &key().sign(input.as_bytes()).to_bytes())
    }

    fn with(name: &str, value: Value) -> String {
        let mut claims = claims();
        claims[name] = value;
        signed(&json!({ "alg": "EdDSA", "kid": "k1", "typ": "at+jwt" }), &claims.to_string())
    }

    fn check(token: &str) -> Result<Claims, TokenError> {
        block_on(verify(&Native, &keys(), token, &EXPECTED, NOW_S * 1_000))
    }

    #[test]
    fn what_the_gateway_writes_it_reads() {
        let input = signing_input(Algorithm::EdDsa, "k1", "at+jwt", &claims());
        let claims = check(&compact(&input, &key().sign(input.as_bytes()).to_bytes())).unwrap();
        assert_eq!((claims.text("sub"), claims.text("exp")), (Some("u"), None));
    }

    #[test]
    fn vectors_of_the_rfcs_are_verified() {
        // RFC 8037, appendix A.4, and RFC 7515, appendix A.3: without a key name, so the signature alone is checked.
        let ed =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        let okp_token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let ec = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
        let p256_token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        for (jwk, token) in [(ed, okp_token), (ec, p256_token)] {
            let key = PublicKey::of_jwk(&jwk).unwrap();
            let token = Unverified::read(token).unwrap();
            let is_right = |message: &[u8]| block_on(Native.is_signature(&key, message, &token.signature));
            assert!(is_right(token.signing_input.as_bytes()));
            assert!(!is_right(b"another"));
        }
    }

    #[test]
    fn no_header_makes_a_wrong_signature_right() {
        let payload = claims().to_string();
        let good = json!({ "alg": "EdDSA", "kid": "k1", "typ": "at+jwt" });
        assert!(check(&signed(&good, &payload)).is_ok());
        let header = |name: &str, value: Value| {
            let mut header = good.clone();
            header[name] = value;
            signed(&header, &payload)
        };
        for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "ES256", "eddsa", "EdDSA "] {
            assert_eq!(check(&header("alg", json!(alg))), Err(TokenError::Algorithm), "{alg}");
        }
        for kid in ["", "k2", "K1", "../../../dev/null", "k1' OR '1'='1", "https://evil.example/key", "k1\0"]
        {
            assert_eq!(check(&header("kid", json!(kid))), Err(TokenError::UnknownKey), "{kid}");
        }
        for typ in [json!("JWT"), json!("refresh+jwt"), json!(""), Value::Null] {
            assert_eq!(check(&header("typ", typ.clone())), Err(TokenError::Type), "{typ}");
        }
        assert!(check(&header("typ", json!("application/AT+JWT"))).is_ok());
        for (name, value) in
            [("alg", json!(7)), ("kid", json!(["k1"])), ("crit", json!(["exp"])), ("crit", json!([]))]
        {
            assert_eq!(check(&header(name, value)), Err(TokenError::Malformed), "{name}");
        }
        // Keys of the attacker in the header are not looked at: the signature is checked with the known key.
        let attacker = SigningKey::from_bytes(&[9; 32]);
        let own_key = base64url::encode(attacker.verifying_key().as_bytes());
        let embedded = json!({ "alg": "EdDSA", "kid": "k1", "typ": "at+jwt", "jku": "https://evil.example/jwks",
            "jwk": { "kty": "OKP", "crv": "Ed25519", "x": own_key }, "x5u": "https://evil.example", "x5c": ["AA"] });
        let input = format!("{}.{}", base64url::encode(embedded.to_string()), base64url::encode(&payload));
        let forged = compact(&input, &attacker.sign(input.as_bytes()).to_bytes());
        assert_eq!(check(&forged), Err(TokenError::Signature));
    }

    #[test]
    fn a_public_key_as_the_secret_of_a_mac_makes_no_signature() {
        // Key confusion: the token claims HS256 and is signed with the bytes of the public key.
        let secret = key().verifying_key();
        let header = json!({ "alg": "HS256", "kid": "k1", "typ": "at+jwt" });
        let input =
            format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims().to_string()));
        let code = crate::mac::MacKey::new(*secret.as_bytes()).code("", input.as_bytes());
        assert_eq!(check(&compact(&input, &code)), Err(TokenError::Algorithm));
        let renamed = input.replacen(
            &base64url::encode(header.to_string()),
            "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIiwidHlwIjoiYXQrand0In0",
            1,
        );
        assert_eq!(check(&compact(&renamed, &code)), Err(TokenError::Signature));
    }

    #[test]
    fn a_changed_cut_or_unsigned_token_is_refused() {
        let token = with("sub", json!("u"));
        assert!(check(&token).is_ok());
        let (input, signature) = token.rsplit_once('.').unwrap();
        let other = with("sub", json!("root"));
        let (other_input, _) = other.rsplit_once('.').unwrap();
        for (forged, error) in [
            (format!("{other_input}.{signature}"), TokenError::Signature),
            (format!("{input}."), TokenError::Signature),
            (format!("{input}.{}", base64url::encode([0; 64])), TokenError::Signature),
            (format!("{input}.{}", base64url::encode([])), TokenError::Signature),
            (input.to_owned(), TokenError::Malformed),
            (format!("{token}="), TokenError::Malformed),
            (format!("{token}.x"), TokenError::Malformed),
            (format!(" {token}"), TokenError::Malformed),
            ("..".to_owned(), TokenError::Malformed),
            (String::new(), TokenError::Malformed),
            ("a".repeat(MAX + 1), TokenError::Malformed),
        ] {
            assert_eq!(check(&forged), Err(error), "{forged:.80}");
        }
    }

    const MAX: usize = super::super::MAX_BYTES;

    #[test]
    fn issuer_audience_and_times_are_checked() {
        for (name, value, error) in [
            ("iss", json!("https://gw/"), TokenError::Issuer),
            ("iss", json!(["https://gw"]), TokenError::Issuer),
            ("iss", Value::Null, TokenError::Issuer),
            ("aud", json!("API"), TokenError::Audience),
            ("aud", json!([]), TokenError::Audience),
            ("aud", json!({ "api": true }), TokenError::Audience),
            ("exp", json!(NOW_S - SKEW), TokenError::Expired),
            ("exp", json!(0), TokenError::Expired),
            ("exp", json!("1800000000"), TokenError::Malformed),
            ("exp", json!(-1), TokenError::Malformed),
            ("exp", Value::Null, TokenError::Malformed),
            ("nbf", json!(NOW_S + SKEW + 1), TokenError::NotYet),
            ("iat", json!(NOW_S + SKEW + 1), TokenError::NotYet),
            ("nbf", json!("now"), TokenError::Malformed),
        ] {
            assert_eq!(check(&with(name, value.clone())), Err(error), "{name} {value}");
        }
        for (name, value) in [
            ("aud", json!(["other", "api"])),
            ("exp", json!(NOW_S - SKEW + 1)),
            ("exp", json!(1.8e9)),
            ("exp", json!(u64::MAX)),
            ("nbf", json!(NOW_S + SKEW)),
        ] {
            assert!(check(&with(name, value.clone())).is_ok(), "{name} {value}");
        }
        let header = json!({ "alg": "EdDSA", "kid": "k1", "typ": "at+jwt" });
        for payload in ["[]", "\"text\"", "", "{", "null"] {
            assert_eq!(check(&signed(&header, payload)), Err(TokenError::Malformed), "{payload}");
        }
    }

    const SKEW: u64 = super::super::SKEW_S;
}
