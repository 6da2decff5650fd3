//! Passkeys: the ceremonies of Web Authentication (Level 3) for credentials of ES256 and `EdDSA`.
//!
//! Attestation is not asked for: which model of authenticator a user has is of no concern, so an attestation statement is
//! not looked at. What is checked is all that the relying party's steps require besides: type, challenge and origin of the
//! client data, the hash of the relying party's id, presence and verification of the user, the signature, and a counter
//! that does not go back.

mod authenticator;
mod cbor;
mod ceremony;
mod challenge;
mod der;

pub use authenticator::{AuthenticatorData, Credential};
pub use cbor::Cbor;
pub use ceremony::{PasskeyError, RelyingParty, SignedIn, register, sign_in};
pub use challenge::{Ceremony, RANDOM_BYTES, UsedOnce, VALID_MS, challenge, challenge_in, valid_until};
