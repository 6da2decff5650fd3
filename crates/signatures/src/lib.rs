//! Signatures of HTTP requests by RFC 9421, and digests of their content by RFC 9530: to make those of requests that are
//! sent, and to check those of requests that are received.
//!
//! No clock, no randomness, no I/O: times are seconds since the epoch, nonces are given. The algorithm belongs to the key;
//! what a message says about it is only compared with the key's. Whatever cannot be read, or says more than is understood
//! here, is refused with an error that names it.

#![forbid(unsafe_code)]

pub mod base;
pub mod component;
pub mod digest;
pub mod key;
pub mod parameters;
pub mod request;
pub mod sign;
pub mod structured;
pub mod verify;
