//! Searches a stream for secrets, chunk by chunk.

use std::sync::Arc;

use super::Redactor;

/// The search of one stream.
///
/// Bytes pass unchanged and at once, unless they contain a secret or end in the middle of what may become one; that
/// end is held until the next chunk.
#[derive(Debug)]
pub struct Scrubber {
    redactor: Arc<Redactor>,
    held: Vec<u8>,
}

impl Scrubber {
    /// A scrubber of a stream of which nothing has been read.
    #[must_use]
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor, held: Vec::new() }
    }

    /// Replaces the next chunk with what may be forwarded. Answers `false` only where that is the chunk itself; `true` where it can
    /// differ, also if the bytes held before the chunk happen to be those held back of it.
    pub fn push(&mut self, chunk: &mut Vec<u8>) -> bool {
        if self.redactor.is_empty() {
            return false;
        }
        let mut is_changed = !self.held.is_empty();
        if is_changed {
            self.held.append(chunk);
            std::mem::swap(&mut self.held, chunk);
        }
        if let Some(cleaned) = self.redactor.clean(chunk) {
            *chunk = cleaned;
            is_changed = true;
        }
        if let Some(begun) = self.redactor.begun_at(chunk) {
            self.held = chunk.split_off(begun);
            is_changed = true;
        }
        is_changed
    }

    /// The stream has ended: the bytes that were held.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}
