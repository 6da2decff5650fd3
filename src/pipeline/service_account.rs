//! Access tokens of service accounts: a key file is exchanged for a token, which is reused until shortly before it
//! expires.

use std::cell::RefCell;

use nexus_edge_api::system::MapSize;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::dialect::gemini::vertex::{ServiceAccount, read_token, token_request};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::routing::Upstream;
use nexus_edge_core::routing::retry::Failure;
use nexus_edge_core::secrets::Secret;
use nexus_edge_core::secrets::redactor::Place;
use worker::wasm_bindgen::JsValue;

use super::failed::AttemptError;
use super::transport::{self, OutboundRequest};
use crate::exchange::set_header;
use crate::platform::http::Headers;
use crate::platform::{log_error, now_ms, rs256};

/// A token is renewed this long before it expires, in milliseconds.
const MARGIN_MS: u64 = 60_000;
/// Milliseconds that the exchange may take, unless the provider's time-out is shorter.
const LIMIT_MS: u32 = 10_000;
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Most tokens.
const MAX_HELD: usize = 1_000;

struct Held {
    token: Secret,
    until_ms: u64,
}

thread_local! {
    /// By the hash of the key: a changed key does not use an old token, and each key of a pool has its own.
    static TOKENS: RefCell<BoundedMap<String, Held>> = RefCell::new(BoundedMap::new(MAX_HELD));
}

/// The size of this isolate's memory of them.
pub fn size() -> MapSize {
    TOKENS.with_borrow(|tokens| MapSize::of("access_tokens", tokens))
}

/// The access token of a service account with this `key`, of this provider.
pub async fn token(upstream: &Upstream, key: &str) -> Result<Secret, AttemptError> {
    let name = sha256_hex(key);
    let now = now_ms();
    let held = TOKENS.with_borrow(|tokens| {
        tokens.get(&name).filter(|held| now < held.until_ms).map(|held| held.token.clone())
    });
    if let Some(token) = held {
        upstream.guard.note_derived(token.expose());
        return Ok(token);
    }
    let (token, expires_in_s) = exchange(upstream, key, now).await?;
    upstream.guard.note_derived(token.expose());
    let until_ms = (now + expires_in_s * 1000).saturating_sub(MARGIN_MS);
    TOKENS.with_borrow_mut(|tokens| {
        // A token that has expired is not kept a moment longer than it must be.
        tokens.retain(|held| now < held.until_ms);
        let held = Held { token: token.clone(), until_ms };
        tokens.insert(name, held, |held| Worth::until(held.until_ms, now));
    });
    Ok(token)
}

/// A new token and how many seconds it is valid.
async fn exchange(upstream: &Upstream, key: &str, now_ms: u64) -> Result<(Secret, u64), AttemptError> {
    let record = &upstream.record;
    let refused = |reason: String| {
        let reason = upstream.redactor(Place::Report).clean_text(reason);
        log_error("service account", &format_args!("provider {}: {reason}", record.name));
        let message = format!("The provider `{}` did not accept its service account.", record.name);
        let error = ApiError::bad_gateway("upstream_credentials_refused", message);
        AttemptError::new(Failure::Transport, error)
    };
    let account = ServiceAccount::parse(key, upstream.allow_private)
        .map_err(|error| refused(format!("the key {error}")))?;
    let signing_input = account.signing_input(now_ms / 1000);
    let signature = rs256::sign(account.private_key_pkcs8(), signing_input.as_bytes()).await;
    let signature = signature.map_err(|_| refused("the private key cannot be used".to_owned()))?;
    let form = token_request(&signing_input, &signature);
    upstream.guard.note_signature(form.rsplit('.').next().unwrap_or_default());
    let headers = Headers::new();
    set_header(&headers, "content-type", "application/x-www-form-urlencoded");
    let request = OutboundRequest {
        url: account.token_uri.clone(),
        method: "POST",
        headers,
        body: JsValue::from_str(&form),
    };
    let limit_ms = record.first_byte_timeout_ms.unwrap_or(LIMIT_MS).min(LIMIT_MS);
    let answer = transport::whole_with_secrets(upstream, &request, limit_ms, MAX_ANSWER_BYTES).await?;
    read_token(answer.status, &answer.body).map(|token| (token.token, token.expires_in_s)).map_err(refused)
}
