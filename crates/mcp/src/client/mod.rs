//! A client's side: how the era and the transport of a server are found out, and what is read of its streams.

mod incoming;
mod peer;
mod probe;
mod transport;
mod unasked;

pub use incoming::{Incoming, Said, TooLong};
pub use peer::Peer;
pub use probe::{Ask, Heard, Preference, Probe, ProbeFailure, Step};
pub use transport::{HttpPreference, Transport, posted_to};
pub use unasked::answer_to;
