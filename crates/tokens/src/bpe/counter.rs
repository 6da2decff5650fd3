//! Counts a text that arrives in parts.

use alloc::string::String;

use crate::encoding::Encoding;

/// Bytes that are collected before they are counted.
const BATCH: usize = 1024;

/// Counts the tokens of a text that arrives in any number of parts: the result equals [`Encoding::count`] of the
/// whole.
///
/// The end of a part need not be the end of a token, so the last pieces are held until it is clear what follows:
/// about a kilobyte, more only within a run without any boundary (a megabyte of one letter is held as a whole). The
/// time is linear in the text however it is split.
#[derive(Debug, Clone)]
pub struct Counter {
    encoding: Encoding,
    counted: usize,
    pending: String,
    /// Length of `pending` at which the next attempt to count is made.
    threshold: usize,
}

impl Counter {
    /// A counter that has seen nothing.
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Self { encoding, counted: 0, pending: String::new(), threshold: BATCH }
    }

    /// Takes the next part of the text.
    pub fn push(&mut self, text: &str) {
        self.pending.push_str(text);
        if self.pending.len() < self.threshold {
            return;
        }
        if let Some(cut) = self.encoding.last_cut(&self.pending) {
            self.counted += self.encoding.count(self.pending.get(..cut).unwrap_or_default());
            self.pending.drain(..cut);
        }
        // Twice the remaining length, so that a run without a boundary is not scanned again for every part.
        self.threshold = BATCH.max(2 * self.pending.len());
    }

    /// Number of tokens so far, as if the text ended here.
    #[must_use]
    pub fn count(&self) -> usize {
        self.counted + self.encoding.count(&self.pending)
    }

    /// Number of tokens of the text.
    #[must_use]
    pub fn finish(self) -> usize {
        self.count()
    }
}
