//! The life of a provider that a user offers to all: it is submitted, checked automatically, reviewed, and public until it is
//! withdrawn or refused. And the scheduled questions by which owners watch providers of their own.
//!
//! No clock, no randomness, no I/O: what upstreams answered and what time it is comes in as values, and what is to be stored goes
//! out as records.

pub mod limits;
pub mod probe_task;
pub mod review;
pub mod submission;
pub mod suite;
