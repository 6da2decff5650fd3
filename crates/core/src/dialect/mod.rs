//! The wire languages of providers and callers.
//!
//! `OpenAI` Chat Completions is the first. Where both sides speak the same dialect nothing is translated: requests are
//! looked at and spliced ([`openai::request`]), answers are looked at in passing ([`openai::stream_tap`],
//! [`openai::response`]).

pub mod canonical;
pub mod json_object;
pub mod openai;
