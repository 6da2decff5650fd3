//! Signed requests (RFC 9421): which key signed one, if any did.
//!
//! A signature with the tag `nexus` covers method, authority, path, query and, where there is a body, its digest; it is at most five
//! minutes old, and its nonce is taken once. It is compared before the body is read, so that only those who have a key make the
//! gateway read one, and its nonce is taken last, so that a request that is refused has used none.

use std::rc::Rc;

use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::access::key_signer::Signer;
use nexus_edge_core::access::signing::SignatureUse;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::limits::Rules;
use nexus_edge_identity::token::{Algorithm, PublicKey, Signatures};
use nexus_edge_signatures::component::Component;
use nexus_edge_signatures::digest;
use nexus_edge_signatures::key::{HmacSha256, VerifyingKey};
use nexus_edge_signatures::request::{Request, Target};
use nexus_edge_signatures::verify::{Claim, Policy, VerifyError, claim, named_key};

use super::admit;
use crate::exchange::Exchange;
use crate::objects::nonces;
use crate::platform::subtle::Subtle;
use crate::platform::{log_error, rarely};
use crate::store::{keys, snapshot};

/// The tag of signatures that are meant for the gateway.
const TAG: &str = "nexus";
/// How old a signature may be, in seconds, by clocks that agree.
const MAX_AGE_S: u64 = 240;
/// How much the clocks may differ, in seconds: a signature is accepted for five minutes.
const MAX_SKEW_S: u64 = 60;
/// Wrong signatures per minute and address, above which it gets 429.
const FAILURES_PER_MINUTE: u64 = 60;
/// Bytes of a nonce.
const NONCE_BYTES: std::ops::RangeInclusive<usize> = 8..=128;
/// What a signature covers of every request.
const COVERED: [Component; 4] = [Component::Method, Component::Authority, Component::Path, Component::Query];

/// Checks the signature of a request that has one, and notes the key that signed it. Without a signature for the gateway, or with
/// one of a key that does not use them, nothing happens: other credentials decide.
///
/// # Errors
/// `invalid_signature`, `nonce_used` (401); `too_many_attempts` (429) for an address with too many wrong ones;
/// `signature_unavailable` (503) where the nonce cannot be taken; those of the body.
pub async fn check(exchange: &Exchange) -> Result<(), ApiError> {
    match exchange.headers().get("signature-input") {
        Some(_) => rarely(check_signature(exchange)).await,
        None => Ok(()),
    }
}

async fn check_signature(exchange: &Exchange) -> Result<(), ApiError> {
    admit::check_address(exchange, "signature")?;
    match verify(exchange).await {
        Ok(None) => Ok(()),
        Ok(Some(key)) => {
            exchange.sign(key);
            Ok(())
        }
        Err(Unverified::Wrong(error)) => {
            let rules = Rules::requests_per_minute(FAILURES_PER_MINUTE);
            admit::attempt_from_address(exchange, "signature", &rules).await?;
            Err(error)
        }
        Err(Unverified::Other(error)) => Err(error),
    }
}

/// Why a signature was not verified.
enum Unverified {
    /// It is wrong. That counts against the address.
    Wrong(ApiError),
    /// Anything else.
    Other(ApiError),
}

impl From<ApiError> for Unverified {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

async fn verify(exchange: &Exchange) -> Result<Option<Rc<ApiKeyRecord>>, Unverified> {
    let headers: Vec<(&str, &str)> = exchange.headers().iter().collect();
    let target = Target::of_url(exchange.url()).ok_or_else(ApiError::internal)?;
    let request = Request { method: exchange.method(), target, headers: &headers };
    let Some(key_id) = named_key(&request, TAG).map_err(|error| invalid(&error))? else { return Ok(None) };
    let version = snapshot::current(exchange).await.map_err(ApiError::from)?.keys_version;
    let Some(key) = keys::by_id(exchange, &key_id, version).await.map_err(ApiError::from)? else {
        return Err(invalid(&VerifyError::NoneFits));
    };
    let Some(signer) = key.signer().filter(|_| key.signature != SignatureUse::Off) else { return Ok(None) };

    let has_body = exchange.has_body();
    let digest = Component::header(digest::HEADER);
    let components: Vec<Component> = COVERED.into_iter().chain(has_body.then_some(digest)).collect();
    let policy =
        Policy { components: &components, tag: Some(TAG), max_age_s: MAX_AGE_S, max_skew_s: MAX_SKEW_S };
    let now_s = exchange.started_ms / 1_000;
    let claim = claim(&request, &policy, now_s, |id| (id == key_id).then(|| signer.algorithm()));
    let claim = claim.map_err(|error| invalid(&error))?;
    let nonce = claim.input.nonce.as_deref().filter(|nonce| NONCE_BYTES.contains(&nonce.len()));
    let nonce = nonce.ok_or_else(|| invalid(&"the signature needs a `nonce` of 8 to 128 characters"))?;
    if !is_signed(exchange, &key, signer, &claim).await {
        return Err(invalid(&VerifyError::Forged));
    }
    if has_body {
        let body = exchange.hold_body().await?;
        let header = request.header(digest::HEADER).unwrap_or_default();
        digest::check(&header, &body.bytes).map_err(|error| invalid(&error))?;
    }
    let created_s = claim.input.created_s.unwrap_or(now_s);
    let until_ms = (created_s + MAX_AGE_S + MAX_SKEW_S + 1) * 1_000;
    match nonces::take(&exchange.env, &key.id, nonce, until_ms).await {
        Ok(true) => Ok(Some(key)),
        Ok(false) => {
            let message = "The nonce of the signature was used before.";
            Err(ApiError::unauthorized("nonce_used", message).into())
        }
        Err(error) => {
            log_error("nonces", &error);
            let message = "The nonce of the signature cannot be checked at the moment. Try again.";
            Err(ApiError::unavailable("signature_unavailable", message).with_retry_after(1).into())
        }
    }
}

/// Whether the signature is that of the key.
async fn is_signed(exchange: &Exchange, key: &ApiKeyRecord, signer: Signer<'_>, claim: &Claim) -> bool {
    match signer {
        Signer::Secret(sealed) => {
            let secret = exchange.settings.keyring.open(sealed, &ApiKeyRecord::signing_context(&key.id));
            let secret = secret.inspect_err(|error| log_error("signing secret", error)).ok();
            let hmac = secret.and_then(|secret| HmacSha256::new(secret.expose().as_bytes()));
            hmac.is_some_and(|hmac| hmac.verifies(claim.base.as_bytes(), &claim.signature))
        }
        Signer::PublicKey(number) => {
            let public = PublicKey {
                kid: String::new(),
                algorithm: Algorithm::EdDsa,
                numbers: vec![number.to_owned()],
            };
            Subtle.is_signature(&public, claim.base.as_bytes(), &claim.signature).await
        }
    }
}

fn invalid(reason: &dyn std::fmt::Display) -> Unverified {
    let message = format!("The signature is not accepted: {reason}.");
    Unverified::Wrong(ApiError::unauthorized("invalid_signature", message))
}
