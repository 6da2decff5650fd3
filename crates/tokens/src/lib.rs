//! Token counts, exactly as `OpenAI`'s tokenizers have them.
//!
//! [`Encoding`] counts, encodes and decodes; [`Counter`] counts a text that arrives in parts; [`ModelTokens`] says what
//! counts for a model; [`chat`] counts messages, tools, images and audio.
//!
//! - **Exact.** Equal to `tiktoken-rs` on any text; the tests compare the two.
//! - **Nothing to load.** The tables are laid out at build time and read where they lie; the first count costs what
//!   every other costs.
//! - **No bad case.** Time is linear in the text, a megabyte of one letter included; for a text that was contrived
//!   against it, should there be one, it is `n log n`.
//! - No `unsafe`, no panic.

#![forbid(unsafe_code)]
#![expect(
    clippy::inline_always,
    reason = "a call costs as much as what these functions do; the benchmark decides"
)]

extern crate alloc;

mod boundary;
mod bytes;
pub mod chat;
mod counter;
mod encoding;
mod hash;
mod large;
mod lexicon;
mod long;
mod memo;
mod merge;
mod model;
mod region;
mod scan;
mod short;
mod special;
mod tables;
mod text;
mod vocabulary;

pub use counter::Counter;
pub use encoding::{DecodeError, Encoding, OverLimit};
pub use model::ModelTokens;
