//! Keeping upstream credentials secret: sealed at rest, masked when shown, removed from what passes by.

pub mod keyring;
pub mod mask;

pub use keyring::{Keyring, SealError};
