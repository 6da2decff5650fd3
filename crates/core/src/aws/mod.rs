//! What every service of Amazon Web Services has in common on the wire: how requests are signed and how streamed
//! answers are framed.

pub mod credentials;
pub mod event_stream;
pub mod sigv4;
