//! An upstream's body as it is read chunk by chunk, and its other branch if it was parted.

use worker::js_sys::Promise;
use worker::wasm_bindgen::JsCast;
use worker::web_sys;

/// An upstream's body, read chunk by chunk. Dropping it closes the upstream.
pub struct Chunks {
    /// The body that is read.
    pub body: web_sys::ReadableStream,
    /// What reads it.
    pub reader: web_sys::ReadableStreamDefaultReader,
    /// A read that was begun and has not ended.
    pub pending: Option<Promise>,
    /// Of a body that was parted, the branch that nobody has read.
    pub unread: Option<web_sys::ReadableStream>,
    is_handed_on: bool,
}

impl Chunks {
    /// The body; `part` if it may be passed on without being read.
    pub fn of(body: web_sys::ReadableStream, part: bool) -> Self {
        let (body, unread) = if part {
            let branches = body.tee();
            // What piles up for the first branch keeps the 16 KiB that each piece was read into, for the second only its
            // bytes; it is ours where things pile up.
            (branches.get(1).unchecked_into(), Some(branches.get(0).unchecked_into()))
        } else {
            (body, None)
        };
        let reader = body.get_reader().unchecked_into();
        Self { body, reader, pending: None, unread, is_handed_on: false }
    }

    /// The reader with its unfinished read, for whoever reads on.
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
