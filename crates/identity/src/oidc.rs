//! Sign-in through another service by `OpenID` Connect, as far as it is rules: where to send the user, what may come back, and
//! who it says they are.
//!
//! The flow is bound to the browser that began it: state, nonce, the verifier of PKCE and the issuer stand in a
//! [`Pending`], which its caller keeps sealed in a cookie. An answer counts only for the issuer that was asked (RFC 9207), so
//! that no other service can have its code redeemed there. A user is an issuer and a subject; a mail address links nothing.
//!
//! A service of OAuth 2.0 alone has the same flow without an ID token: [`crate::user_info`] reads who the user is.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::base64url;
use crate::token::{Expected, KeySet, Signatures, TokenError, verify};
use crate::user_info::{Fields, Identity};

/// Milliseconds that a user may take at the other service.
pub const PENDING_MS: u64 = 10 * 60_000;
/// Bytes of a state, a nonce and a verifier.
pub const RANDOM_BYTES: usize = 32;

/// What a service says about itself (`OpenID` Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    /// Its name, as in its tokens.
    pub issuer: String,
    /// Where users are sent.
    pub authorization_endpoint: String,
    /// Where a code becomes tokens.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Whether its answers say `iss`.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// How the gateway may show its secret to the token endpoint. Without it: as [`ClientAuth::Basic`].
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
}

/// How the gateway shows its secret to a token endpoint (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the header `authorization`.
    Basic,
    /// In the form.
    Post,
}

impl Discovery {
    /// Where the document of an issuer is.
    #[must_use]
    pub fn address(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    /// Reads the document that was found for `issuer`; `None` if it is another's or names addresses that must not be asked.
    #[must_use]
    pub fn parse(issuer: &str, document: &[u8], may_ask: impl Fn(&str) -> bool) -> Option<Self> {
        let read: Self = serde_json::from_slice(document).ok()?;
        let addresses = [&read.authorization_endpoint, &read.token_endpoint, &read.jwks_uri];
        let is_own = read.issuer == issuer && addresses.iter().all(|address| may_ask(address));
        is_own.then_some(read)
    }

    /// How the gateway shows its secret.
    #[must_use]
    pub fn client_auth(&self) -> ClientAuth {
        let methods = &self.token_endpoint_auth_methods_supported;
        let has = |name: &str| methods.iter().any(|method| method == name);
        if has("client_secret_post") && !has("client_secret_basic") {
            ClientAuth::Post
        } else {
            ClientAuth::Basic
        }
    }
}

/// A flow that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The gateway's own name of the service, so that an answer at the address of another is not taken.
    pub service: String,
    /// The issuer that was asked.
    pub issuer: String,
    /// Comes back with the answer.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Of PKCE (RFC 7636).
    pub verifier: String,
    /// When it began, in milliseconds since the epoch.
    pub began_at: u64,
    /// The user who is signed in and wants to sign in with the service from now on; `None` for a sign-in.
    pub links: Option<String>,
    /// The path of the gateway's page that the user comes back to.
    pub return_to: String,
}

/// The path of a page to come back to: `given` if it is a path of this origin, or else the console's.
#[must_use]
pub fn return_path(given: Option<&str>) -> String {
    let is_path = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() <= 500
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    given.filter(is_path).unwrap_or("/console/").to_owned()
}

impl Pending {
    /// A flow that begins, from three random values.
    #[must_use]
    pub fn new(service: &str, issuer: &str, random: [[u8; RANDOM_BYTES]; 3], now_ms: u64) -> Self {
        let [state, nonce, verifier] = random.map(base64url::encode);
        Self {
            service: service.to_owned(),
            issuer: issuer.to_owned(),
            state,
            nonce,
            verifier,
            began_at: now_ms,
            links: None,
            return_to: return_path(None),
        }
    }

    /// The challenge of the verifier by `S256`.
    #[must_use]
    pub fn challenge(&self) -> String {
        base64url::encode(Sha256::digest(&self.verifier))
    }

    /// The parameters with which the user is sent to the authorization endpoint.
    #[must_use]
    pub fn parameters(
        &self,
        client_id: &str,
        redirect_uri: &str,
        scope: &str,
    ) -> Vec<(&'static str, String)> {
        vec![
            ("response_type", "code".to_owned()),
            ("client_id", client_id.to_owned()),
            ("redirect_uri", redirect_uri.to_owned()),
            ("scope", scope.to_owned()),
            ("state", self.state.clone()),
            ("nonce", self.nonce.clone()),
            ("code_challenge", self.challenge()),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    /// The form that redeems a code.
    #[must_use]
    pub fn redemption(&self, code: &str, redirect_uri: &str) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", redirect_uri.to_owned()),
            ("code_verifier", self.verifier.clone()),
        ]
    }

    /// The code of an answer of the service with this issuer, to be redeemed with [`Pending::verifier`]. `says_issuer`: its
    /// answers have an `iss`.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn code<'a>(
        &self,
        issuer: &str,
        says_issuer: bool,
        answer: &Answer<'a>,
        now_ms: u64,
    ) -> Result<&'a str, FlowError> {
        let is_own =
            answer.state.is_some_and(|state| bool::from(state.as_bytes().ct_eq(self.state.as_bytes())));
        if !is_own || self.state.is_empty() || now_ms >= self.began_at.saturating_add(PENDING_MS) {
            return Err(FlowError::State);
        }
        let names_issuer = answer.iss.is_some() || says_issuer;
        if issuer != self.issuer || (names_issuer && answer.iss != Some(&self.issuer)) {
            return Err(FlowError::Issuer);
        }
        if answer.error.is_some() {
            return Err(FlowError::Refused);
        }
        answer.code.filter(|code| !code.is_empty()).ok_or(FlowError::Refused)
    }

    /// Who the ID token says that the user is.
    ///
    /// # Errors
    /// [`FlowError::Token`], or [`FlowError::Nonce`] for the token of another flow.
    pub async fn identity(
        &self,
        signatures: &impl Signatures,
        keys: &KeySet,
        id_token: &str,
        (client_id, fields): (&str, &Fields),
        now_ms: u64,
    ) -> Result<Identity, FlowError> {
        let expected = Expected { typ: None, iss: &self.issuer, aud: client_id };
        let claims = verify(signatures, keys, id_token, &expected, now_ms).await.map_err(FlowError::Token)?;
        let nonce = claims.text("nonce").unwrap_or_default();
        if !bool::from(nonce.as_bytes().ct_eq(self.nonce.as_bytes())) {
            return Err(FlowError::Nonce);
        }
        // A token for several, or of another client's, says who asked for it (OpenID Connect Core 1.0, section 3.1.3.7).
        if claims.get("azp").is_some_and(|client| client.as_str() != Some(client_id)) {
            return Err(FlowError::Token(TokenError::Audience));
        }
        Identity::read(&self.issuer, claims.all(), fields).ok_or(FlowError::Token(TokenError::Malformed))
    }
}

/// Who an assertion of Cloudflare Access says that the user is: a token that Access adds to each request of the application
/// that is expected as the audience. It has no nonce: it is bound to the user's session there and not to a flow.
///
/// # Errors
/// [`FlowError::Token`].
pub async fn assertion(
    signatures: &impl Signatures,
    keys: &KeySet,
    token: &str,
    expected: &Expected<'_>,
    fields: &Fields,
    now_ms: u64,
) -> Result<Identity, FlowError> {
    let claims = verify(signatures, keys, token, expected, now_ms).await.map_err(FlowError::Token)?;
    Identity::read(expected.iss, claims.all(), fields).ok_or(FlowError::Token(TokenError::Malformed))
}

/// What came back with the user's browser.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer<'a> {
    /// The parameter `state`.
    pub state: Option<&'a str>,
    /// The parameter `code`.
    pub code: Option<&'a str>,
    /// The parameter `iss`.
    pub iss: Option<&'a str>,
    /// The parameter `error`.
    pub error: Option<&'a str>,
}

/// Why a flow fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// The answer is not of this flow, or came too late.
    #[error("the answer is not of this sign-in, or came too late")]
    State,
    /// The answer is of another service than the one that was asked.
    #[error("the answer is of another service")]
    Issuer,
    /// The service, or the user there, refused.
    #[error("the service refused")]
    Refused,
    /// The ID token is of another flow.
    #[error("the token is of another sign-in")]
    Nonce,
    /// The ID token is not good.
    #[error("{0}")]
    Token(TokenError),
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};
    use futures::executor::block_on;
    use serde_json::{Value, json};

    use super::*;
    use crate::token::native::Native;
    use crate::token::{Algorithm, PublicKey, compact, signing_input};

    const ISSUER: &str = "https://id.example";
    const NOW_S: u64 = 1_700_000_000;

    fn service() -> Discovery {
        let document = json!({ "issuer": ISSUER, "authorization_endpoint": "https://id.example/a",
            "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k",
            "authorization_response_iss_parameter_supported": true });
        Discovery::parse(ISSUER, document.to_string().as_bytes(), tls).unwrap()
    }

    fn tls(address: &str) -> bool {
        address.starts_with("https://")
    }

    fn pending() -> Pending {
        Pending::new("example", ISSUER, [[1; 32], [2; 32], [3; 32]], NOW_S * 1_000)
    }

    #[test]
    fn discovery_is_of_the_issuer_that_was_asked_and_over_tls() {
        assert_eq!(
            Discovery::address("https://id.example/"),
            "https://id.example/.well-known/openid-configuration"
        );
        let document = json!({ "issuer": ISSUER, "authorization_endpoint": "https://id.example/a",
            "token_endpoint": "http://id.example/t", "jwks_uri": "https://id.example/k" });
        assert_eq!(Discovery::parse(ISSUER, document.to_string().as_bytes(), tls), None);
        assert_eq!(Discovery::parse("https://other.example", b"{}", tls), None);
        let own = service();
        let document = json!({ "issuer": ISSUER, "authorization_endpoint": own.authorization_endpoint,
            "token_endpoint": own.token_endpoint, "jwks_uri": own.jwks_uri });
        assert!(Discovery::parse(ISSUER, document.to_string().as_bytes(), tls).is_some());
        assert_eq!(Discovery::parse("https://id.example/", document.to_string().as_bytes(), tls), None);
        for (methods, auth) in [
            (&[] as &[&str], ClientAuth::Basic),
            (&["client_secret_post"], ClientAuth::Post),
            (&["client_secret_post", "client_secret_basic"], ClientAuth::Basic),
        ] {
            let methods = methods.iter().map(|method| (*method).to_owned()).collect();
            let service = Discovery { token_endpoint_auth_methods_supported: methods, ..service() };
            assert_eq!(service.client_auth(), auth);
        }
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let flow = Pending { verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(), ..pending() };
        assert_eq!(flow.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let parameters = flow.parameters("client", "https://gw/callback", "openid");
        assert!(parameters.contains(&("code_challenge_method", "S256".to_owned())));
        assert!(!parameters.iter().any(|(_, value)| *value == flow.verifier));
        let redemption = flow.redemption("c", "https://gw/callback");
        assert!(redemption.contains(&("code_verifier", flow.verifier.clone())));
    }

    #[test]
    fn an_answer_counts_for_its_flow_and_its_issuer_only() {
        let (flow, now) = (pending(), NOW_S * 1_000);
        let good = Answer { state: Some(&flow.state), code: Some("c"), iss: Some(ISSUER), error: None };
        assert_eq!(flow.code(ISSUER, true, &good, now), Ok("c"));
        for (answer, error) in [
            (Answer { state: None, ..good }, FlowError::State),
            (Answer { state: Some(""), ..good }, FlowError::State),
            (Answer { state: Some(&flow.nonce), ..good }, FlowError::State),
            // Mix-up: a code of another service, or one that hides where it is from.
            (Answer { iss: Some("https://evil.example"), ..good }, FlowError::Issuer),
            (Answer { iss: None, ..good }, FlowError::Issuer),
            (Answer { error: Some("access_denied"), ..good }, FlowError::Refused),
            (Answer { code: None, ..good }, FlowError::Refused),
            (Answer { code: Some(""), ..good }, FlowError::Refused),
        ] {
            assert_eq!(flow.code(ISSUER, true, &answer, now), Err(error), "{answer:?}");
        }
        assert_eq!(flow.code(ISSUER, true, &good, now + PENDING_MS), Err(FlowError::State));
        assert_eq!(flow.code("https://evil.example", true, &good, now), Err(FlowError::Issuer));
        assert_eq!(flow.code(ISSUER, false, &Answer { iss: None, ..good }, now), Ok("c"));
    }

    #[test]
    fn the_way_back_leads_to_no_other_origin() {
        assert_eq!(return_path(Some("/console/keys?a=b#c")), "/console/keys?a=b#c");
        for given in [
            "",
            "console",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a b",
            "/a\r\nb",
            "\\/evil",
        ] {
            assert_eq!(return_path(Some(given)), "/console/", "{given:?}");
        }
        assert_eq!(return_path(None), "/console/");
    }

    fn identity(name: &str, value: &Value) -> Result<Identity, FlowError> {
        let flow = pending();
        let key = SigningKey::from_bytes(&[7; 32]);
        let x = base64url::encode(key.verifying_key().as_bytes());
        let public = PublicKey { kid: "k".into(), algorithm: Algorithm::EdDsa, numbers: vec![x] };
        let mut claims = json!({ "iss": ISSUER, "aud": "client", "sub": "s1", "nonce": flow.nonce, "exp": NOW_S + 60,
            "email": "Ada@Example.org", "email_verified": true, "name": "Ada" });
        claims[name] = value.clone();
        let input = signing_input(Algorithm::EdDsa, "k", "JWT", &claims);
        let token = compact(&input, &key.sign(input.as_bytes()).to_bytes());
        block_on(flow.identity(
            &Native,
            &KeySet::new(vec![public]),
            &token,
            ("client", &Fields::default()),
            NOW_S * 1_000,
        ))
    }

    #[test]
    fn an_assertion_is_for_its_application() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let x = base64url::encode(key.verifying_key().as_bytes());
        let public = PublicKey { kid: "k".into(), algorithm: Algorithm::EdDsa, numbers: vec![x] };
        let read = |aud: &str| {
            let claims = json!({ "iss": ISSUER, "aud": [aud], "sub": "s1", "exp": NOW_S + 60, "email": "ada@example.org" });
            let input = signing_input(Algorithm::EdDsa, "k", "JWT", &claims);
            let token = compact(&input, &key.sign(input.as_bytes()).to_bytes());
            let expected = Expected { typ: None, iss: ISSUER, aud: "app" };
            let fields = Fields { email_verified: None, ..Fields::default() };
            let keys = KeySet::new(vec![public.clone()]);
            block_on(assertion(&Native, &keys, &token, &expected, &fields, NOW_S * 1_000))
        };
        assert_eq!(read("app").unwrap().verified_email.as_deref(), Some("ada@example.org"));
        assert_eq!(read("another"), Err(FlowError::Token(TokenError::Audience)));
    }

    #[test]
    fn the_token_is_of_this_flow_and_names_its_user() {
        let ada = identity("x", &Value::Null).unwrap();
        assert_eq!((ada.issuer.as_str(), ada.subject.as_str()), (ISSUER, "s1"));
        assert_eq!(ada.verified_email.as_deref(), Some("ada@example.org"));
        for unverified in [json!(false), json!("true"), Value::Null] {
            assert_eq!(identity("email_verified", &unverified).unwrap().verified_email, None);
        }
        for (name, value, error) in [
            ("nonce", json!("another"), FlowError::Nonce),
            ("nonce", Value::Null, FlowError::Nonce),
            ("azp", json!("another"), FlowError::Token(TokenError::Audience)),
            ("aud", json!("another"), FlowError::Token(TokenError::Audience)),
            ("iss", json!("https://evil.example"), FlowError::Token(TokenError::Issuer)),
            ("sub", json!(""), FlowError::Token(TokenError::Malformed)),
            ("sub", json!(7), FlowError::Token(TokenError::Malformed)),
            ("exp", json!(NOW_S - 61), FlowError::Token(TokenError::Expired)),
        ] {
            assert_eq!(identity(name, &value), Err(error), "{name} {value}");
        }
        assert!(identity("aud", &json!(["client", "another"])).is_ok());
    }
}
