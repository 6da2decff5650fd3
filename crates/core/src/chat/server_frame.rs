//! The frames that a session sends besides its [events](super::event), which have numbers: what answers a client's own frame, and
//! what is said of the session as a whole.
//!
//! ```json
//! {"type": "ack", "ref": 3, "turn_id": "01M7…"}
//! ```

use serde::Serialize;

use super::event::Event;
use super::inbox::{MAX_WAITING_BYTES, MAX_WAITING_FRAMES};
use super::message::StoredMessage;
use super::protocol::{FRAME_WINDOW_MS, MAX_FRAME_BYTES, MAX_FRAMES, MAX_QUEUED_TURNS};

/// A frame of the second protocol.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    /// First of all: the session as it is.
    Hello(Hello<'a>),
    /// The latest messages, instead of frames that are not stored any more.
    History {
        /// The number of the last frame that they stand for.
        last_seq: u64,
        /// The messages, the oldest first.
        messages: &'a [StoredMessage],
    },
    /// A turn was accepted.
    Ack {
        /// The client's number of its frame.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
        /// The turn.
        turn_id: &'a str,
        /// Whether the client had sent it before; absent if not.
        #[serde(skip_serializing_if = "is_false")]
        duplicate: bool,
    },
    /// Answers a `ping`.
    Pong {
        /// The client's number of its frame.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
    /// The first event of a turn that is streamed over HTTP.
    Turn {
        /// The number of the last frame before the turn.
        seq: u64,
        /// The turn.
        turn_id: &'a str,
        /// The session.
        session_id: &'a str,
    },
    /// The session was deleted; the connection ends.
    Deleted,
}

/// The session as it is when a connection is opened.
#[derive(Debug, Serialize)]
pub struct Hello<'a> {
    /// The version of the protocol.
    pub protocol: u8,
    /// The session.
    pub session_id: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its model.
    pub model: Option<&'a str>,
    /// The provider that is asked.
    pub provider: Option<&'a str>,
    /// The number of the last frame.
    pub last_seq: u64,
    /// The number of the oldest frame that is stored; 0 if there is none.
    pub oldest_seq: u64,
    /// The turn that is being answered.
    pub active_turn: Option<&'a str>,
    /// The calls of it that wait for agreement, as the frames that ask for it; absent if there are none.
    #[serde(skip_serializing_if = "<[Event]>::is_empty")]
    pub approvals: &'a [Event],
    /// The calls of it that wait for input, as the frames that ask for it; absent if there are none.
    #[serde(skip_serializing_if = "<[Event]>::is_empty")]
    pub inputs: &'a [Event],
    /// What the connection may do.
    pub limits: Limits,
}

/// The limits of a connection.
#[derive(Debug, Serialize)]
pub struct Limits {
    frame_bytes: usize,
    frames: u32,
    frames_window_ms: u64,
    waiting_frames: usize,
    waiting_bytes: usize,
    queued_turns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: MAX_FRAME_BYTES,
            frames: MAX_FRAMES,
            frames_window_ms: FRAME_WINDOW_MS,
            waiting_frames: MAX_WAITING_FRAMES,
            waiting_bytes: MAX_WAITING_BYTES,
            queued_turns: MAX_QUEUED_TURNS,
        }
    }
}

impl ServerFrame<'_> {
    /// The frame as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(frame: &ServerFrame<'_>) -> Value {
        serde_json::from_str(&frame.to_json()).unwrap()
    }

    #[test]
    fn what_a_frame_does_not_say_is_absent() {
        let ack = |reference, duplicate| ServerFrame::Ack { reference, turn_id: "t", duplicate };
        assert_eq!(read(&ack(None, false)), json!({ "type": "ack", "turn_id": "t" }));
        assert_eq!(
            read(&ack(Some(3), true)),
            json!({ "type": "ack", "ref": 3, "turn_id": "t", "duplicate": true })
        );
        assert_eq!(read(&ServerFrame::Pong { reference: None }), json!({ "type": "pong" }));
        assert_eq!(read(&ServerFrame::Deleted), json!({ "type": "deleted" }));
    }

    #[test]
    fn a_session_is_introduced_with_the_limits_of_its_connections() {
        let hello = ServerFrame::Hello(Hello {
            protocol: 2,
            session_id: "s",
            title: "T",
            model: Some("m"),
            provider: None,
            last_seq: 7,
            oldest_seq: 1,
            active_turn: None,
            approvals: &[],
            inputs: &[],
            limits: Limits::default(),
        });
        let read = read(&hello);
        assert_eq!(read["type"], "hello");
        assert_eq!(
            (&read["session_id"], &read["provider"], &read["active_turn"]),
            (&json!("s"), &Value::Null, &Value::Null)
        );
        assert_eq!(read["limits"]["frame_bytes"], MAX_FRAME_BYTES);
        assert_eq!(read["limits"].as_object().unwrap().len(), 6);
    }

    #[test]
    fn a_history_has_whole_messages() {
        let messages = [StoredMessage::new("m".into(), "t", "user", json!("Hi"), 5)];
        let read = read(&ServerFrame::History { last_seq: 9, messages: &messages });
        assert_eq!((&read["type"], &read["last_seq"]), (&json!("history"), &json!(9)));
        assert_eq!(read["messages"][0]["content"], "Hi");
    }
}
