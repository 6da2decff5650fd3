//! The wire formats of callers and providers.
//!
//! A folder is a dialect. All are translated through the canonical model ([`canonical`]). Where caller and upstream
//! have the same dialect nothing is translated: requests are inspected and spliced ([`openai::request`]), answers are
//! inspected as they pass ([`native`], [`tap`]).

pub mod anthropic;
pub mod bedrock;
pub mod cache_name;
pub mod cached_answer;
pub mod caller;
pub mod canonical;
pub mod cohere;
pub mod dashscope;
pub mod dify;
pub mod gemini;
pub mod inbound;
pub mod listener;
pub mod model_list;
pub mod named_models;
pub mod native;
pub mod openai;
pub mod operation;
pub mod pipe;
pub mod references;
pub mod registry;
pub mod responses;
pub mod signature_origin;
pub mod stream_translation;
pub mod tap;
pub mod transcript;
pub mod translation;
pub(crate) mod upstream;
pub mod veil;
pub mod workers_ai;

pub use upstream::verdict::Judged;
