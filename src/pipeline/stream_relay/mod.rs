//! Step 5, streamed: the upstream's stream to the caller.
//!
//! Until its first word a stream is read here, because until then another upstream may be asked instead. From then on it
//! goes one of two ways:
//! - [`carried`]: chunk by chunk, each as the JavaScript object that it came in unless a byte of it has to be withheld;
//! - [`verbatim`]: the platform passes the bytes on by itself, and they are looked at afterwards. That costs a fraction of it,
//!   and is for streams of which every byte goes on as it came, of which nothing has to be remembered before the caller knows
//!   that all is said, and that come over a network. Its price: no sign of life can be written into a pause after the first
//!   word, and what has come of an event that breaks off has gone on already; it is ended before the error follows.

mod carried;
mod chunks;
mod stream;
mod verbatim;

use worker::web_sys;

use super::settle::Settlement;
pub use stream::StreamRelay;

/// Passes a stream on to the caller, and settles when it is over.
pub fn pass_on(mut relay: StreamRelay, settlement: Settlement) -> web_sys::ReadableStream {
    let (chunks, unread) = relay.begin(settlement);
    match (chunks, unread) {
        (Some(chunks), Some(unread)) if relay.pipe.has_spoken() => verbatim::pass(relay, chunks, &unread),
        (chunks, unread) => {
            // A branch that nobody reads would pile up.
            if let Some(unread) = unread {
                let _ = unread.cancel();
            }
            carried::carry(relay, chunks)
        }
    }
}
