//! Distinguishes the tool calls of a stream.
//!
//! The API numbers calls, and names each one once, in its first delta. Services deviate: no indexes at all, index 0
//! for every call, id and name in every delta, no ids, a new id in every delta. [`Calls`] finds the call of a delta
//! in all these cases.

use super::answer::CallPiece;

/// Most calls in one choice.
pub(super) const MAX_CALLS: usize = 256;

/// The calls of one choice.
#[derive(Default)]
pub(super) struct Calls {
    pub list: Vec<Call>,
}

/// The state of one call.
#[derive(Default)]
pub(super) struct Call {
    index: Option<u64>,
    id: Option<String>,
    pub name: Option<String>,
    /// Its index among the parts of the choice; set as soon as its name is known.
    pub part: Option<usize>,
    /// Arguments and signature that arrived before the name.
    pub held: String,
    pub held_signature: Option<String>,
    pub progress: Progress,
    pub closed: bool,
}

impl Calls {
    /// The index of the call that a delta belongs to, which is created if necessary; `None` if there are too many.
    pub fn place(&mut self, piece: &CallPiece) -> Option<usize> {
        let position = match self.find(piece) {
            Some(position) => position,
            None if self.list.len() < MAX_CALLS => {
                self.list.push(Call { index: piece.index, ..Call::default() });
                self.list.len() - 1
            }
            None => return None,
        };
        let call = self.list.get_mut(position)?;
        if call.id.is_none() {
            call.id.clone_from(&piece.id);
        }
        if call.name.is_none() {
            call.name.clone_from(&piece.name);
        }
        Some(position)
    }

    /// Whether a call that has started is not complete.
    pub fn any_open(&self) -> bool {
        self.list.iter().any(|call| !call.closed)
    }

    /// Whether every incomplete call could be complete, judging by its arguments.
    pub fn all_complete(&self) -> bool {
        self.list.iter().all(|call| call.closed || (call.part.is_some() && call.progress.is_complete()))
    }

    fn find(&self, piece: &CallPiece) -> Option<usize> {
        if let Some(id) = &piece.id {
            let same = |call: &Call| {
                call.id.as_ref() == Some(id)
                    && (piece.index.is_none() || call.index.is_none() || piece.index == call.index)
            };
            if let Some(position) = self.list.iter().rposition(same) {
                return Some(position);
            }
        }
        let position = match piece.index {
            Some(_) => self.list.iter().rposition(|call| call.index == piece.index)?,
            None => self.list.len().checked_sub(1)?,
        };
        let candidate = self.list.get(position)?;
        (!candidate.is_followed_by(piece)).then_some(position)
    }
}

impl Call {
    /// The upstream's id of it, if it has arrived.
    pub fn id(&self) -> Option<String> {
        self.id.clone()
    }

    /// Whether a delta that would belong here by its index, or without one, starts another call.
    fn is_followed_by(&self, piece: &CallPiece) -> bool {
        let Some(name) = &piece.name else { return false };
        match (&self.id, &piece.id, &self.name) {
            // A new id in every delta comes without a name.
            (Some(_), Some(_), _) => true,
            (_, _, Some(own)) => {
                own != name || (self.progress.is_complete() && !piece.arguments.trim().is_empty())
            }
            _ => false,
        }
    }
}

/// Tracks whether the JSON text of an object is complete, without holding it.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact about the text so far")]
pub(super) struct Progress {
    depth: usize,
    in_string: bool,
    escaped: bool,
    begun: bool,
    complete: bool,
}

impl Progress {
    /// Adds text.
    pub fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                // Something follows the object, so it was not one.
                _ if self.complete => (self.complete, self.depth) = (false, usize::MAX / 2),
                b'{' | b'[' => (self.begun, self.depth) = (true, self.depth + 1),
                // Text that does not begin like an object never becomes one.
                _ if !self.begun => (self.begun, self.depth) = (true, usize::MAX / 2),
                b'"' => self.in_string = true,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.complete = self.depth == 0;
                }
                _ => {}
            }
        }
    }

    /// Whether the text is a complete object, or not an object at all.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_whole_objects() {
        let complete = |text: &str| {
            let mut progress = Progress::default();
            // Byte by byte, as far as character boundaries allow.
            text.split_inclusive(|_| true).for_each(|piece| progress.feed(piece));
            progress.is_complete()
        };
        for text in ["{}", " {\"a\":\"}\\\"\"} ", "{\"a\":[{}]}"] {
            assert!(complete(text), "{text}");
        }
        for text in ["", "{", "{\"a\":\"}", "{}{", "{}x", "null", "ls -l {}", "\"{}\""] {
            assert!(!complete(text), "{text}");
        }
    }

    /// Index, id, name and arguments of a delta.
    type Delta<'a> = (Option<u64>, Option<&'a str>, Option<&'a str>, &'a str);

    fn places(pieces: &[Delta<'_>]) -> Vec<usize> {
        let mut calls = Calls::default();
        pieces
            .iter()
            .map(|(index, id, name, arguments)| {
                let piece = CallPiece {
                    index: *index,
                    id: id.map(Into::into),
                    name: name.map(Into::into),
                    arguments: (*arguments).into(),
                    signature: None,
                };
                let position = calls.place(&piece).unwrap();
                calls.list[position].progress.feed(arguments);
                position
            })
            .collect()
    }

    #[test]
    fn calls_are_told_apart_however_they_are_numbered() {
        let (a, b, f, g) = (Some("a"), Some("b"), Some("f"), Some("g"));
        let zero = Some(0);
        // As documented.
        assert_eq!(
            places(&[
                (zero, a, f, ""),
                (zero, None, None, "{"),
                (Some(1), b, f, ""),
                (zero, None, None, "}")
            ]),
            [0, 0, 1, 0]
        );
        // Index 0 for every call.
        assert_eq!(places(&[(zero, a, f, "{"), (zero, None, None, "}"), (zero, b, f, "{}")]), [0, 0, 1]);
        // No indexes.
        assert_eq!(places(&[(None, a, f, "{"), (None, None, None, "}"), (None, b, g, "{}")]), [0, 0, 1]);
        // Neither indexes nor ids: complete calls with the same name.
        assert_eq!(places(&[(None, None, f, "{}"), (None, None, f, "{}"), (None, None, g, "{")]), [0, 1, 2]);
        // Id and name in every delta.
        assert_eq!(places(&[(zero, a, f, "{"), (zero, a, f, "}"), (None, a, f, "")]), [0, 0, 0]);
        // The name in every delta, no id.
        assert_eq!(places(&[(zero, None, f, "{"), (zero, None, f, "}"), (zero, None, f, "")]), [0, 0, 0]);
        // A new id in every delta.
        assert_eq!(places(&[(zero, a, f, "{"), (zero, b, None, "}")]), [0, 0]);
    }
}
