//! A client's side: how the era of a server is found out.

mod peer;
mod probe;

pub use peer::Peer;
pub use probe::{Ask, Heard, Preference, Probe, ProbeFailure, Step, Transport};
