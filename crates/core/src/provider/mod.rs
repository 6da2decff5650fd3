//! Providers that are ready to be asked: their addresses, their codecs, what they say they offer, and how it is found out
//! whether they answer.

pub mod azure;
pub mod codec;
pub mod discovery;
pub mod endpoint;
pub mod probe;
pub mod upstream;

pub use upstream::{Upstream, UpstreamKey};
