//! What has come on each connection and is not answered yet.
//!
//! To answer a frame may take asking other objects, and meanwhile the platform delivers the next one: no gate holds it
//! back. So that no frame overtakes another of its connection, whoever brings the first one answers all that come while
//! it does, one after the other. Connections do not wait for each other.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

/// The frames of all connections of a room that wait to be answered.
pub struct Inboxes<Frame> {
    waiting: RefCell<HashMap<String, VecDeque<Frame>>>,
}

impl<Frame> Default for Inboxes<Frame> {
    fn default() -> Self {
        Self { waiting: RefCell::default() }
    }
}

impl<Frame> Inboxes<Frame> {
    /// Puts a frame behind those of its connection. True if nobody works on them: then the caller is to answer what
    /// [`Self::next`] gives, until that is nothing.
    pub fn post(&self, connection: &str, frame: Frame) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(frames) = waiting.get_mut(connection) {
            frames.push_back(frame);
            return false;
        }
        waiting.insert(connection.to_owned(), VecDeque::from([frame]));
        true
    }

    /// The next frame of a connection. `None`: there is no more, and the next to come is answered by who brings it.
    pub fn next(&self, connection: &str) -> Option<Frame> {
        let mut waiting = self.waiting.borrow_mut();
        let frame = waiting.get_mut(connection).and_then(VecDeque::pop_front);
        if frame.is_none() {
            waiting.remove(connection);
        }
        frame
    }
}
