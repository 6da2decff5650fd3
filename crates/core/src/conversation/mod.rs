//! Conversations, recognised by their history.
//!
//! Clients resend the whole history with every request, so a conversation needs no id: its key is a hash chain over
//! its messages. After an answer the chain up to and including the answer is stored; the next request is looked up by
//! its chain up to its last assistant message. The chain is built from the canonical model, so that it does not
//! depend on the dialect or on the upstream.
//!
//! Guarantees:
//! - two callers (API keys) never share a conversation: the caller is the beginning of every chain;
//! - unintentional changes that clients make to a history do not change the chain (see [`normalise`]);
//! - intentional changes do.

pub mod archive;
pub mod archive_item;
mod chain;
pub mod kept;
mod lookup;
mod memory;
pub mod normalise;
pub mod old_row;
mod tag;
pub mod turns;

#[cfg(test)]
mod tests;

pub use chain::{ChainKey, Fingerprint};
pub use lookup::Lookup;
pub use memory::{Recognition, Remembered, Remembrance, WINDOW_MS, recognise};
