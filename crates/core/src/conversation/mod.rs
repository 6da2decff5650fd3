//! Conversations, recognised by what they say.
//!
//! Clients resend the whole history with every request, so a conversation needs no name: its key is a hash chain over
//! its messages. After an answer the chain up to and including the answer is stored; the next request is looked up by
//! its chain up to its last assistant message. The chain is built from the canonical model, so that it is the same in
//! whatever dialect the client speaks and whoever answers.
//!
//! Guarantees:
//! - two callers (API keys) never share a conversation: the caller is the beginning of every chain;
//! - what clients change in a history without meaning it does not change the chain (see [`normalise`]);
//! - what they do mean to change, does.

pub mod archive;
pub mod archive_row;
mod chain;
mod memory;
pub mod normalise;

#[cfg(test)]
mod corpus_test;

pub use chain::{ChainKey, Fingerprint};
pub use memory::{Recognition, Remembered, Remembrance, WINDOW_MS, recognise};
