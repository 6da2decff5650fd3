//! `OpenAI` Chat Completions (<https://platform.openai.com/docs/api-reference/chat>).
//!
//! Two parts: pass-through for upstreams with the same dialect ([`request`], [`response`], [`stream_tap`]), and
//! translation ([`codec`]; [`legacy`] for the old completions of callers).

pub mod codec;
mod head;
pub mod legacy;
pub mod models;
pub(in crate::dialect) mod references;
pub mod request;
pub mod response;
mod said;
pub mod stream_tap;
pub mod usage;
