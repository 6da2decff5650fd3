//! Failover: asks one candidate of a route after another until one answers, and keeps what is to be kept of the request.
//!
//! Everything that decides is here and knows no platform: the order of attempts, keys, back-off, deadline, hedged requests,
//! what a failure means for the health of an upstream, and what is recorded. The Worker brings its surroundings ([`Platform`]) and
//! the request ([`Question`]) with its connections. Tests bring a virtual clock and upstreams that fail on request, and run in
//! milliseconds.
//!
//! Guarantees: a candidate is asked only while its limits and its circuit admit it, or as the last resort; a request makes at
//! most the attempts of its route within its deadline; every attempt and every skipped candidate is in the [`Trail`]; every
//! permit in the health registry is given back, with an outcome or without one, and exactly one record is left behind
//! ([`Settlement`]), however the request ends; what becomes of that record is decided in [`after_response`].

#![forbid(unsafe_code)]

pub mod after_response;
pub mod failed;
pub mod health;
pub mod platform;
pub mod rounds;
pub mod serve;
pub mod settlement;
pub mod trail;

pub use after_response::{Bound, Ended, Recognised, Stores};
pub use failed::{AttemptError, Failed};
pub use health::{Health, Hold, Targets};
pub use platform::{Platform, Refused, Slot};
pub use rounds::Sum;
pub use serve::{Answer, Question, serve};
pub use settlement::{Record, Settlement};
pub use trail::Trail;
