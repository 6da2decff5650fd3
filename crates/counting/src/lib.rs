//! Token counts of what passes through the gateway.
//!
//! Between `nexus_edge_core`, which knows requests and answers but no vocabulary, and `nexus_edge_tokens`, which knows
//! vocabularies but nothing of the gateway. Kept apart from both, so that the tests of the domain do not wait for the
//! tables to be laid out.
//!
//! - [`Tokenizer`]: one model's way of counting.
//! - [`request`] and [`answer`]: the canonical model in tokens, in time that a cap bounds.
//! - [`usage`]: the usage of an exchange whose upstream reported none.
//! - [`api`]: the bodies of `/v1/tokenize`, `/v1/detokenize` and their like.
//!
//! Without the feature `exact-tokens` there are no vocabularies; the text is then what the estimate of
//! `nexus_edge_core::tokens` makes of it, by the same rules for what stands around it, and every count says so.

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
    /// Whether the model itself would count the same.
    pub exact: bool,
    /// Whether all of the text was looked at, and by a tokenizer. If not, the count is an estimate.
    pub whole: bool,
}
