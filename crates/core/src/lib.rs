//! The domain of Nexus Edge.
//!
//! Everything here is pure: no platform types, no clock, no randomness, no I/O. Time comes in as milliseconds since
//! the Unix epoch, random bytes come in as arrays, and what must be sent or stored goes out as values. So every rule
//! of the gateway is tested natively, and the Worker around it stays thin.

#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(
        clippy::string_slice,
        clippy::cast_precision_loss,
        reason = "a test may panic, and compares shares of small counts"
    )
)]

pub mod access;
pub mod aws;
pub mod billing;
pub mod bounded;
pub mod catalog;
pub mod chat;
pub mod conversation;
pub mod demo;
pub mod dialect;
pub mod eight_bytes;
pub mod error;
pub mod hash;
pub mod http;
pub mod id;
pub mod input;
pub mod json;
pub mod lifecycle;
pub mod limits;
pub mod logging;
pub mod naming;
pub mod outbox;
pub mod provider;
pub mod routing;
pub mod row;
pub mod secrets;
pub mod settings;
pub mod sse;
pub mod stats;
pub mod time;
pub mod tokens;
