//! Users and sign-in as rules: passwords, tokens, sessions, single-use links, registration and the check that a request
//! with a cookie comes from the gateway's own pages.
//!
//! No clock, no randomness, no I/O and no signature operation: time comes in as milliseconds since the epoch, random
//! bytes as arrays, and [`token::Signatures`] is what the platform's cryptography is asked through. Nothing here knows
//! of the gateway's other domain.

#![forbid(unsafe_code)]

pub mod base64url;
pub mod console;
pub mod cookie;
pub mod csrf;
pub mod email;
pub mod flow;
pub mod image;
pub mod link;
pub mod mac;
pub mod mail;
pub mod oidc;
pub mod passkey;
pub mod password;
pub mod policy;
pub mod registration;
pub mod service;
pub mod session;
pub mod throttle;
pub mod token;
pub mod user_info;
