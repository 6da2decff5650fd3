//! Protection of upstream credentials: sealed at rest, masked when shown, removed from forwarded text.

pub mod keyring;
pub mod mask;
pub mod redactor;
pub mod rotation;

pub use keyring::{Keyring, SealError};
