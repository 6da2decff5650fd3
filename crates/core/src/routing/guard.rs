//! What is secret of a provider, and the redactors that mask it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::aws::credentials::is_credentials;
use crate::http::headers::carries_credential;
use crate::secrets::redactor::{Place, Redactor};

/// Shortest text in a key that is a JSON object that is a secret: longer than access key ids and regions, shorter than
/// secret keys (40).
const MIN_IN_OBJECT: usize = 32;
/// Shortest word of a secret header that is a secret by itself: longer than the names of schemes.
const MIN_HEADER_WORD: usize = 12;
/// Most derived secrets that are remembered; a token lives for an hour, and a provider has few keys.
const MAX_DERIVED: usize = 64;
/// Most signatures that are remembered: requests that may be under way.
const MAX_SIGNATURES: usize = 16;

/// The redactors of one provider's secrets, made when they are first needed. It shows nothing in debug output.
#[derive(Default)]
pub struct Guard {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Secrets that were derived from the keys, the newest last.
    derived: Vec<String>,
    /// Signatures of requests, the newest last. They are valid for one request, so they are masked in reports only.
    signatures: Vec<String>,
    content: Option<Arc<Redactor>>,
    report: Option<Arc<Redactor>>,
}

impl State {
    fn slot(&mut self, place: Place) -> &mut Option<Arc<Redactor>> {
        match place {
            Place::Content => &mut self.content,
            Place::Report => &mut self.report,
        }
    }
}

impl Guard {
    /// The redactor of the derived secrets and of `secrets`, which are always the same for one guard.
    pub fn redactor<'a>(&self, place: Place, secrets: impl FnOnce() -> Vec<Cow<'a, str>>) -> Arc<Redactor> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(redactor) = state.slot(place) {
            return Arc::clone(redactor);
        }
        let secrets = secrets();
        let all = secrets.iter().map(AsRef::as_ref).chain(state.derived.iter().map(String::as_str));
        let signatures = state.signatures.iter().map(String::as_str).filter(|_| place == Place::Report);
        let redactor = Arc::new(Redactor::new(all.chain(signatures), place));
        *state.slot(place) = Some(Arc::clone(&redactor));
        redactor
    }

    /// Notes a secret that was derived from a key, such as an access token. Redactors made from now on mask it.
    pub fn note_derived(&self, secret: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if note(&mut state.derived, secret, MAX_DERIVED) {
            (state.content, state.report) = (None, None);
        }
    }

    /// Notes the signature of a request that is about to be sent.
    pub fn note_signature(&self, signature: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if note(&mut state.signatures, signature, MAX_SIGNATURES) {
            state.report = None;
        }
    }
}

fn note(known: &mut Vec<String>, secret: &str, most: usize) -> bool {
    if known.iter().any(|known| known == secret) {
        return false;
    }
    if known.len() >= most {
        known.remove(0);
    }
    known.push(secret.to_owned());
    true
}

/// The secrets of a key. One that is a JSON object (credentials of AWS, a service account) is never sent as a whole: the
/// service sees the session token, and a private key may be repeated line by line.
pub(super) fn of_key(key: &str) -> Vec<Cow<'_, str>> {
    if !is_credentials(key) {
        return vec![Cow::Borrowed(key)];
    }
    let Ok(fields) = serde_json::from_str::<HashMap<String, Value>>(key) else {
        return vec![Cow::Borrowed(key)];
    };
    let texts = fields.into_values().filter_map(|value| match value {
        Value::String(text) => Some(text),
        _ => None,
    });
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    // Addresses are in every service account, and no secrets.
    let secrets = lines
        .filter(|line| line.len() >= MIN_IN_OBJECT && !line.starts_with("https://") && !line.contains('@'));
    secrets.map(Cow::Owned).collect()
}

/// The secrets in the value of a secret header: `Basic …`, `session=…; other=…`.
pub(super) fn of_header(value: &str) -> Vec<Cow<'_, str>> {
    let mut secrets = vec![Cow::Borrowed(value)];
    let words = value.split([' ', ';', ',']);
    let words = words.flat_map(|word| [word, word.split_once('=').map_or("", |(_, value)| value)]);
    secrets.extend(words.filter(|word| *word != value && word.len() >= MIN_HEADER_WORD).map(Cow::Borrowed));
    let encoded = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = encoded.and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok());
    let decoded = decoded.and_then(|decoded| String::from_utf8(decoded).ok()).unwrap_or_default();
    if let Some((_, password)) = decoded.split_once(':') {
        secrets.push(Cow::Owned(password.to_owned()));
    }
    secrets
}

/// The credentials in the query of an address.
pub(super) fn of_address(address: &str) -> impl Iterator<Item = &str> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| carries_credential(name)).map(|(_, value)| value.trim_end_matches('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_of_a_key() {
        assert_eq!(of_key("sk-1"), ["sk-1"]);
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj";
        let begin = "BEGIN OF THE KEY";
        let account = format!(
            r#"{{"type":"service_account","private_key":"-----{begin}-----\n{line}\n-----END-----\n","client_email":"a-very-long-name-of-an-account@project.iam.example","token_uri":"https://oauth2.googleapis.com/token-of-all"}}"#
        );
        assert_eq!(of_key(&account), [line]);
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let aws = format!(
            r#"{{"access_key_id":"AKIDEXAMPLE","secret_access_key":"{secret}","region":"us-east-1"}}"#
        );
        assert_eq!(of_key(&aws), [secret]);
        assert_eq!(of_key("{not JSON"), ["{not JSON"]);
    }

    #[test]
    fn what_is_secret_of_a_header_and_of_an_address() {
        assert_eq!(of_header("hidden-header-value"), ["hidden-header-value"]);
        assert!(of_header("Bearer abcdefghijkl").contains(&"abcdefghijkl".into()));
        assert!(of_header("session=abcdefghijkl; theme=dark").contains(&"abcdefghijkl".into()));
        let basic = format!("Basic {}", STANDARD.encode("user:the-password"));
        assert!(of_header(&basic).contains(&"the-password".into()));
        let address = "https://a.example/v1/chat?api-key=abc&v=2&sig=x&token=def#";
        assert_eq!(of_address(address).collect::<Vec<_>>(), ["abc", "def"]);
    }

    #[test]
    fn a_derived_secret_is_masked_from_then_on() {
        let guard = Guard::default();
        let secrets = || vec![Cow::Borrowed("sk-12345678")];
        let token = b"sk-12345678 and ya29.a-token-1234";
        assert_eq!(
            guard.redactor(Place::Content, secrets).clean(token).unwrap(),
            "… and ya29.a-token-1234".as_bytes()
        );
        guard.note_derived("ya29.a-token-1234");
        assert_eq!(guard.redactor(Place::Content, secrets).clean(token).unwrap(), "… and …1234".as_bytes());
        for n in 0..200 {
            guard.note_derived(&format!("token-{n:09}"));
        }
        assert_eq!(guard.state.lock().unwrap().derived.len(), MAX_DERIVED);
    }
}
