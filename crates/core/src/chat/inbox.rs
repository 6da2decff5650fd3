//! Frames that have arrived on the connections of a room and are not answered yet.
//!
//! Answering a frame may take I/O, and meanwhile the next one arrives. So that no frame overtakes another of its
//! connection, the task that handles the first frame also answers all that arrive in the meantime, one after the
//! other. Connections do not wait for each other.
//!
//! The queue is bounded, for each connection and for all of them together, because a room lives in the memory of one
//! object.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

/// Most queued frames of a connection.
pub const MAX_WAITING_FRAMES: usize = 60;
/// Most bytes of a connection's queued frames.
pub const MAX_WAITING_BYTES: usize = 1024 * 1024;
/// Most bytes of all queued frames of a room.
pub const MAX_ROOM_BYTES: usize = 16 * 1024 * 1024;

/// The result of adding a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// No task handles the connection's frames: the caller must answer what [`Inboxes::next`] returns until it
    /// returns `None`.
    Begin,
    /// Another task will answer it.
    Waits,
    /// Refused: the queue is full.
    Full,
}

/// The queued frames of all connections of a room.
pub struct Inboxes<Frame> {
    room: RefCell<Room<Frame>>,
}

struct Room<Frame> {
    connections: HashMap<String, Inbox<Frame>>,
    bytes: usize,
}

struct Inbox<Frame> {
    frames: VecDeque<(Frame, usize)>,
    bytes: usize,
}

impl<Frame> Default for Inboxes<Frame> {
    fn default() -> Self {
        Self { room: RefCell::new(Room { connections: HashMap::new(), bytes: 0 }) }
    }
}

impl<Frame> Inboxes<Frame> {
    /// Adds a frame of so many bytes to its connection's queue. A frame that finds the queue empty is always
    /// accepted.
    pub fn post(&self, connection: &str, frame: Frame, bytes: usize) -> Posted {
        let room = &mut *self.room.borrow_mut();
        let Some(inbox) = room.connections.get_mut(connection) else {
            let inbox = Inbox { frames: VecDeque::from([(frame, bytes)]), bytes };
            room.connections.insert(connection.to_owned(), inbox);
            room.bytes = room.bytes.saturating_add(bytes);
            return Posted::Begin;
        };
        if inbox.frames.len() >= MAX_WAITING_FRAMES
            || inbox.bytes.saturating_add(bytes) > MAX_WAITING_BYTES
            || room.bytes.saturating_add(bytes) > MAX_ROOM_BYTES
        {
            return Posted::Full;
        }
        inbox.frames.push_back((frame, bytes));
        inbox.bytes += bytes;
        room.bytes += bytes;
        Posted::Waits
    }

    /// The next frame of a connection. `None`: the queue is empty, and the next frame to arrive is answered by its
    /// own task.
    pub fn next(&self, connection: &str) -> Option<Frame> {
        let room = &mut *self.room.borrow_mut();
        let inbox = room.connections.get_mut(connection)?;
        let Some((frame, bytes)) = inbox.frames.pop_front() else {
            room.connections.remove(connection);
            return None;
        };
        inbox.bytes -= bytes;
        room.bytes -= bytes;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_wait_for_those_before_them_on_the_same_connection() {
        let inboxes = Inboxes::default();
        assert_eq!(inboxes.post("a", 1, 10), Posted::Begin);
        assert_eq!(inboxes.next("a"), Some(1));
        assert_eq!(inboxes.post("a", 2, 10), Posted::Waits, "the first one is being answered");
        assert_eq!(inboxes.post("b", 3, 10), Posted::Begin, "another connection");
        assert_eq!((inboxes.next("a"), inboxes.next("a")), (Some(2), None));
        assert_eq!(inboxes.post("a", 4, 10), Posted::Begin);
        assert_eq!((inboxes.next("b"), inboxes.next("b")), (Some(3), None));
    }

    #[test]
    fn as_many_frames_wait_as_may_and_places_come_free() {
        let inboxes = Inboxes::default();
        inboxes.post("a", 0, 1);
        inboxes.next("a");
        for number in 0..MAX_WAITING_FRAMES {
            assert_eq!(inboxes.post("a", number, 1), Posted::Waits);
        }
        assert_eq!(inboxes.post("a", 0, 1), Posted::Full);
        assert_eq!(inboxes.post("b", 0, 1), Posted::Begin, "that is one connection's own affair");
        assert_eq!(inboxes.next("a"), Some(0));
        assert_eq!(inboxes.post("a", 99, 1), Posted::Waits);
        assert_eq!(inboxes.post("a", 99, 1), Posted::Full);
    }

    #[test]
    fn as_many_bytes_wait_as_may_on_a_connection_and_in_a_room() {
        let inboxes = Inboxes::default();
        let quarter = MAX_WAITING_BYTES / 4;
        let connections = MAX_ROOM_BYTES / MAX_WAITING_BYTES;
        let begin = |name: &str| {
            assert_eq!(inboxes.post(name, 0, quarter), Posted::Begin);
            inboxes.next(name);
        };
        for number in 0..connections {
            let name = number.to_string();
            begin(&name);
            for _ in 0..4 {
                assert_eq!(inboxes.post(&name, 1, quarter), Posted::Waits);
            }
            assert_eq!(inboxes.post(&name, 1, 1), Posted::Full);
        }
        begin("late");
        assert_eq!(inboxes.post("late", 1, 1), Posted::Full, "the room is full");
        inboxes.next("0");
        assert_eq!(inboxes.post("late", 1, quarter), Posted::Waits);
        // Once all are answered, earlier frames no longer count.
        let names: Vec<String> = (0..connections).map(|number| number.to_string()).collect();
        for name in names.iter().map(String::as_str).chain(["late"]) {
            while inboxes.next(name).is_some() {}
        }
        assert_eq!(inboxes.room.borrow().bytes, 0);
        assert!(inboxes.room.borrow().connections.is_empty());
    }
}
