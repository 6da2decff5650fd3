//! JSON Web Tokens (RFC 7519) in the compact form of RFC 7515: the gateway's own, and those of others that it accepts.
//!
//! What decides is never in the token: the algorithm is that of the key, the key is one of those that the issuer is
//! known to have, and type, issuer and audience are what the caller of [`verify`](verify()) expects. Headers that carry or
//! point to a key are not looked at, and a token with critical extensions is refused.

mod claims;
mod error;
mod jwk;
mod jws;
#[cfg(test)]
pub(crate) mod native;
mod ring;
mod verify;

pub use claims::{Claims, Expected, SKEW_S};
pub use error::TokenError;
pub use jwk::{Algorithm, KeySet, PublicKey};
pub use jws::{Header, MAX_BYTES, Unverified, compact, signing_input};
pub use ring::{KeyAge, OVERLAP_MS, PUBLISH_MS, ROTATE_MS, needs_successor, signing_key, verifying_keys};
pub use verify::{Signatures, verify};
