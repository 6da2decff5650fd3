//! Notes that wait to be sent: a bounded queue that gives up the oldest and says how much that was.

use std::collections::VecDeque;

use crate::frame::Note;

/// Most bytes of waiting notes.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most waiting notes.
const MAX_NOTES: usize = 512;

/// The queue.
#[derive(Debug, Default)]
pub struct Notes {
    waiting: VecDeque<Note>,
    bytes: usize,
    dropped_bytes: u64,
    dropped_lines: u64,
    seq: u64,
}

impl Notes {
    /// Adds a note. Its `seq` and counters are set here.
    pub fn push(&mut self, mut note: Note) {
        self.seq += 1;
        note.seq = self.seq;
        self.bytes += note.data.get().len();
        self.waiting.push_back(note);
        while self.waiting.len() > MAX_NOTES || self.bytes > MAX_BYTES {
            let Some(old) = self.waiting.pop_front() else { break };
            let bytes = old.data.get().len();
            self.bytes -= bytes;
            self.dropped_bytes += bytes as u64;
            self.dropped_lines += 1;
        }
    }

    /// The next note to be sent.
    pub fn pop(&mut self) -> Option<Note> {
        let mut note = self.waiting.pop_front()?;
        self.bytes -= note.data.get().len();
        note.dropped_bytes = std::mem::take(&mut self.dropped_bytes);
        note.dropped_lines = std::mem::take(&mut self.dropped_lines);
        Some(note)
    }

    /// Forgets the notes of a call: after its end they are of no interest.
    pub fn forget(&mut self, id: &str) {
        self.waiting.retain(|note| note.id != id);
        self.bytes = self.waiting.iter().map(|note| note.data.get().len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::frame::NoteKind;

    fn note(id: &str, length: usize) -> Note {
        let data = RawValue::from_string(format!("\"{}\"", "x".repeat(length))).unwrap();
        Note { id: id.into(), seq: 0, kind: NoteKind::Log, data, dropped_bytes: 0, dropped_lines: 0 }
    }

    #[test]
    fn what_does_not_fit_is_counted_on_the_next_note() {
        let mut notes = Notes::default();
        (0..MAX_NOTES + 3).for_each(|_| notes.push(note("a", 8)));
        let first = notes.pop().unwrap();
        assert_eq!((first.seq, first.dropped_lines, first.dropped_bytes), (4, 3, 30));
        assert_eq!(notes.pop().unwrap().dropped_lines, 0);
    }

    #[test]
    fn long_notes_are_bounded_by_bytes_and_the_newest_counts() {
        let mut notes = Notes::default();
        (0..5).for_each(|_| notes.push(note("a", 1024 * 1024)));
        let first = notes.pop().unwrap();
        assert_eq!((first.seq, first.dropped_lines), (3, 2));
        notes.push(note("b", 1));
        notes.forget("a");
        assert_eq!(notes.pop().unwrap().id, "b");
        assert!(notes.pop().is_none());
    }
}
