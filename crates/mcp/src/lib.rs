//! The Model Context Protocol, pure: no platform, no clock, no randomness, no I/O. Time comes in as milliseconds, what must
//! be sent goes out as values. The Worker and the agent on a user's machine are built on it.
//!
//! Two eras are spoken: the legacy one with the handshake `initialize` (2024-11-05 to 2025-11-25) and the modern one, in which
//! each request stands for itself (2026-07-28). What a peer sent is kept byte for byte wherever it is passed on: parameters,
//! results, tools, prompts, resources.

#![forbid(unsafe_code)]

pub mod address;
pub mod catalogue;
pub mod client;
pub mod elicitation;
pub mod envelope;
pub mod glob;
pub mod headers;
pub mod http_address;
pub mod json;
pub mod kept;
pub mod listen;
pub mod method;
pub mod mrtr;
pub mod naming;
pub mod notes;
pub mod progress;
pub mod reference;
pub mod rpc;
pub mod schema;
pub mod server;
pub mod text;
pub mod toolset;
pub mod trust;
pub mod version;
