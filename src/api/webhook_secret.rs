//! The secrets with which requests to webhooks are signed: those that operators give, and those that the gateway makes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::Patch;
use nexus_edge_core::secrets::Secret;

use super::random;

/// Random bytes of a secret that the gateway makes.
const SECRET_BYTES: usize = 32;

/// The secret that an input gives, or asks for by `null`; `None` if it does neither.
pub(super) fn given(field: &Patch<Secret>) -> Result<Option<Secret>, ApiError> {
    match field {
        Patch::Keep => Ok(None),
        Patch::Clear => made().map(Some),
        Patch::Set(secret) => Ok(Some(secret.clone())),
    }
}

/// A new secret.
pub(super) fn made() -> Result<Secret, ApiError> {
    Ok(Secret::new(format!("whsec_{}", URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?))))
}
