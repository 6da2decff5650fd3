//! Access tokens of service accounts: a key file is exchanged for a token, which is reused until shortly before it
//! expires.

use std::cell::RefCell;
use std::collections::HashMap;

use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::dialect::gemini::vertex::{ServiceAccount, read_token, token_request};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use worker::wasm_bindgen::JsValue;

use crate::exchange::set_header;
use crate::platform::http::{self, Headers};
use crate::platform::{log_error, now_ms, rs256};

/// A token is renewed this long before it expires, in milliseconds.
const MARGIN_MS: u64 = 60_000;

struct Held {
    token: String,
    until_ms: u64,
}

thread_local! {
    /// By the hash of the key: a changed key does not use an old token, and each key of a pool has its own.
    static TOKENS: RefCell<HashMap<String, Held>> = RefCell::default();
}

/// The access token of a service account with this `key`, of this provider.
pub async fn token(record: &ProviderRecord, key: &str) -> Result<String, ApiError> {
    let name = sha256_hex(key);
    let now = now_ms();
    let held = TOKENS.with_borrow(|tokens| {
        tokens.get(&name).filter(|held| now < held.until_ms).map(|held| held.token.clone())
    });
    if let Some(token) = held {
        return Ok(token);
    }
    let (token, expires_in_s) = request(key, now).await.map_err(|reason| {
        log_error("service account", &format_args!("provider {}: {reason}", record.name));
        let message = format!("The provider `{}` did not accept its service account.", record.name);
        ApiError::bad_gateway("upstream_credentials_refused", message)
    })?;
    let until_ms = (now + expires_in_s * 1000).saturating_sub(MARGIN_MS);
    TOKENS.with_borrow_mut(|tokens| {
        tokens.retain(|_, held| now < held.until_ms);
        tokens.insert(name, Held { token: token.clone(), until_ms });
    });
    Ok(token)
}

async fn request(key: &str, now_ms: u64) -> Result<(String, u64), String> {
    let account = ServiceAccount::parse(key).map_err(|error| format!("the key {error}"))?;
    let signing_input = account.signing_input(now_ms / 1000);
    let signature = rs256::sign(account.private_key_pkcs8(), signing_input.as_bytes());
    let signature = signature.await.map_err(|_| "the private key cannot be used".to_owned())?;
    let headers = Headers::new();
    set_header(&headers, "content-type", "application/x-www-form-urlencoded");
    let sent = http::Sent {
        url: &account.token_uri,
        method: "POST",
        headers: &headers,
        body: &JsValue::from_str(&token_request(&signing_input, &signature)),
        signal: None,
        other_signal: None,
    };
    let readable = |error: JsValue| worker::Error::from(error).to_string();
    let answer = http::fetch(sent).await.map_err(readable)?;
    let status = answer.status;
    let body = answer.read().await.map_err(readable)?;
    read_token(status, &body).map(|token| (token.token, token.expires_in_s))
}
