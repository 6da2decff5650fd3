//! Keeping upstream credentials secret: sealed at rest, masked when shown, removed from what passes by.

pub mod keyring;
pub mod mask;
pub mod rotation;

pub use keyring::{Keyring, SealError};
