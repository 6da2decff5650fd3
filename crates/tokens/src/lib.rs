//! Token counts, exactly as `OpenAI`'s tokenizers have them and, with a feature for each, those of other makers.
//!
//! [`Encoding`] counts, encodes and decodes; [`Counter`] counts a text that arrives in parts; [`ModelTokens`] says what
//! counts for a model; [`chat`] counts messages, tools, images and audio.
//!
//! - **Exact.** For `OpenAI`'s vocabularies equal to `tiktoken-rs` on any text; the tests compare the two.
//! - **Nothing to load.** The tables are laid out at build time and read where they lie; the first count costs what
//!   every other costs.
//! - **No bad case.** Time is linear in the text, a megabyte of one letter included; for a text that was contrived
//!   against it, should there be one, it is `n log n`.
//! - No `unsafe`, no panic, no `std`.
//!
//! Without the feature `tables` there are no vocabularies: what is left is the rules ([`ModelTokens`],
//! [`chat::count_with`]), for those who estimate the tokens of a text by other means.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    feature = "tables",
    expect(
        clippy::inline_always,
        reason = "a call costs as much as what these functions do; the benchmark decides"
    )
)]

extern crate alloc;

#[cfg(feature = "tables")]
mod bpe;
pub mod chat;
mod encoding;
mod model;

#[cfg(feature = "tables")]
pub use bpe::{Counter, DecodeError, OverLimit};
pub use encoding::Encoding;
pub use model::ModelTokens;
