//! Step 5, streamed: relays the upstream's stream to the caller.
//!
//! Until its first token a stream is read here, because failover is possible until then. After that there are two
//! ways:
//! - [`carried`]: chunk by chunk, each forwarded as the JavaScript object in which it arrived unless bytes must be
//!   withheld;
//! - [`verbatim`]: the platform pipes the bytes by itself, and they are inspected afterwards. That costs a fraction,
//!   and is for streams whose bytes need no change, of which nothing must be stored before the caller sees the end,
//!   and that come over a network. In return no keep-alive can be sent in a pause after the first token, and the
//!   beginning of a truncated event has been forwarded already; it is ended before the error follows.

mod carried;
mod chunks;
mod stream;
mod verbatim;

use worker::web_sys;

use super::settle::Settlement;
pub use stream::StreamRelay;

/// Relays a stream to the caller, and settles at its end.
pub fn pass_on(mut relay: StreamRelay, settlement: Settlement) -> web_sys::ReadableStream {
    let (chunks, unread) = relay.begin(settlement);
    match (chunks, unread) {
        (Some(chunks), Some(unread)) if relay.pipe.has_content() => verbatim::pass(relay, chunks, &unread),
        (chunks, unread) => {
            // An unread branch would queue without limit.
            if let Some(unread) = unread {
                let _ = unread.cancel();
            }
            carried::carry(relay, chunks)
        }
    }
}
