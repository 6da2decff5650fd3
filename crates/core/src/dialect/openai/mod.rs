//! `OpenAI` Chat Completions (<https://platform.openai.com/docs/api-reference/chat>).

pub mod codec;
mod head;
pub mod legacy;
pub mod models;
pub mod request;
pub mod response;
mod said;
pub mod stream_tap;
pub mod usage;
