//! Protection of upstream credentials: sealed at rest, masked when shown, removed from forwarded text. And personal data, replaced
//! in log lines and in the archive.

pub mod keyring;
pub mod mask;
pub mod pii;
pub mod redactor;
pub mod rotation;
pub mod secret;

pub use keyring::{Keyring, SealError};
pub use secret::Secret;
