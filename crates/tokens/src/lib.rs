//! Token counts, equal to those of `OpenAI`'s tokenizers and, with a feature for each, of other vendors'.
//!
//! [`Encoding`] counts, encodes and decodes; [`Counter`] counts a text that arrives in parts; [`ModelTokens`] selects
//! the encoding of a model; [`chat`] counts messages, tools, images and audio.
//!
//! - **Exact.** For `OpenAI`'s vocabularies equal to `tiktoken-rs` on any text; the tests compare the two.
//! - **Nothing to load.** The tables are laid out at build time and read in place; the first count costs as much as
//!   every other.
//! - **No bad case.** Time is linear in the text, also for a megabyte of one letter; for adversarial texts it is at
//!   most `n log n`.
//! - No `unsafe`, no panic, no `std`.
//!
//! Without the feature `tables` there are no vocabularies: what remains are the rules ([`ModelTokens`],
//! [`chat::count_with`]), for use with another way of estimating the tokens of a text.

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
