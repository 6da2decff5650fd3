//! Token counts of requests and answers.
//!
//! It joins `nexus_edge_core`, which knows requests and answers but no vocabulary, with `nexus_edge_tokens`, which
//! knows vocabularies but nothing of the gateway. It is a crate of its own so that tests of the domain need not wait
//! until the tables are laid out.
//!
//! - [`Tokenizer`]: counts text for one model.
//! - [`request`] and [`answer`]: the tokens of the canonical model, in bounded time.
//! - [`usage`]: the usage of an exchange whose upstream reported none.
//! - [`api`]: the bodies of `/v1/tokenize`, `/v1/detokenize` and the like.
//!
//! Without the feature `exact-tokens` there are no vocabularies; texts are then counted by the estimate of
//! `nexus_edge_core::tokens`, with the same rules for framing, and every count is marked as an estimate.

#![forbid(unsafe_code)]

pub mod answer;
pub mod api;
mod image_size;
mod media;
pub mod request;
mod tokenizer;
pub mod usage;

pub use tokenizer::{Tokenizer, VocabularyError};

/// A count of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The tokens.
    pub tokens: u64,
    /// Whether it equals the count of the model itself.
    pub exact: bool,
    /// Whether all of the text was counted by a tokenizer. If not, the count is an estimate.
    pub whole: bool,
}
