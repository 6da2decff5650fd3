//! The body of an upstream, read chunk by chunk, and its second branch if it was split (`tee`).

use worker::js_sys::Promise;
use worker::wasm_bindgen::JsCast;
use worker::web_sys;

/// An upstream's body, read chunk by chunk. Dropping it closes the upstream connection.
pub struct Chunks {
    /// The body.
    pub body: web_sys::ReadableStream,
    /// Its reader.
    pub reader: web_sys::ReadableStreamDefaultReader,
    /// A pending read.
    pub pending: Option<Promise>,
    /// The unread branch of a split body.
    pub unread: Option<web_sys::ReadableStream>,
    is_handed_on: bool,
}

impl Chunks {
    /// Reads the body; `part` splits it, because it may be piped without being read.
    pub fn of(body: web_sys::ReadableStream, part: bool) -> Self {
        let (body, unread) = if part {
            let branches = body.tee();
            // In the first branch of a `tee`, queued pieces keep the 16 KiB buffers that they were read into, in the
            // second only their bytes. We read the second, because it is the one that queues.
            (branches.get(1).unchecked_into(), Some(branches.get(0).unchecked_into()))
        } else {
            (body, None)
        };
        let reader = body.get_reader().unchecked_into();
        Self { body, reader, pending: None, unread, is_handed_on: false }
    }

    /// The reader and its pending read, for further reading.
    pub fn hand_on(mut self) -> (web_sys::ReadableStreamDefaultReader, Option<Promise>) {
        self.is_handed_on = true;
        (self.reader.clone(), self.pending.take())
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if !self.is_handed_on {
            let _ = self.reader.cancel();
            if let Some(unread) = &self.unread {
                let _ = unread.cancel();
            }
        }
    }
}
