//! The wire languages of providers and callers.
//!
//! `OpenAI` Chat Completions is the first. Where both sides speak the same dialect nothing is translated: requests are
//! looked at and spliced ([`openai::request`]), answers are looked at in passing ([`openai::stream_tap`],
//! [`openai::response`]).

pub mod anthropic;
pub mod cached_answer;
pub mod canonical;
pub mod crossing;
pub mod dashscope;
pub mod dify;
pub mod face;
pub mod gemini;
pub mod inbound;
pub mod listener;
pub mod model_list;
pub mod native;
pub mod openai;
pub mod operation;
pub mod pipe;
pub mod provenance;
pub mod provider_kind;
pub mod registry;
pub mod responses;
pub mod tap;
pub mod transcript;
pub mod translation;
mod upstream;
pub mod workers_ai;
