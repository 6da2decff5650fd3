//! What a message of the usage queue carries: usage events as a JSON list, or calls of tools as the member `tool_calls` of an object.

use serde::{Deserialize, Serialize};

use crate::recorded::Recorded;
use crate::tool_calls::ToolCall;

/// Calls of tools as a message.
#[derive(Debug, Serialize, Deserialize)]
pub struct Calls<T> {
    /// The calls.
    pub tool_calls: T,
}

/// What a message carries.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// Usage events.
    Events(Vec<Recorded>),
    /// Calls of tools.
    Calls(Vec<ToolCall>),
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// Those of the JSON reader.
    pub fn read(text: &[u8]) -> serde_json::Result<Self> {
        let is_object = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        if is_object {
            return Ok(Self::Calls(serde_json::from_slice::<Calls<_>>(text)?.tool_calls));
        }
        Ok(Self::Events(serde_json::from_slice(text)?))
    }

    /// Reads a parked object: a message, or a single event as earlier releases parked it.
    ///
    /// # Errors
    /// Those of the JSON reader.
    pub fn read_parked(json: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Parked {
            Calls(Calls<Vec<ToolCall>>),
            Chunk(Vec<Recorded>),
            One(Box<Recorded>),
        }
        Ok(match serde_json::from_slice(json)? {
            Parked::Calls(Calls { tool_calls }) => Self::Calls(tool_calls),
            Parked::Chunk(chunk) => Self::Events(chunk),
            Parked::One(one) => Self::Events(vec![*one]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_told_apart() {
        let calls = [ToolCall { id: "a".into(), tool: "t".into(), ..ToolCall::default() }];
        let text = serde_json::to_vec(&Calls { tool_calls: &calls[..] }).unwrap();
        assert_eq!(Message::read(&text).unwrap(), Message::Calls(calls.to_vec()));
        let events = vec![Recorded::default()];
        let text = serde_json::to_vec(&events).unwrap();
        assert_eq!(Message::read(&text).unwrap(), Message::Events(events));
        assert!(Message::read(b"{\"x\":1}").is_err() && Message::read(b"nothing").is_err());
    }

    #[test]
    fn a_parked_object_is_a_message_or_one_event() {
        let calls = [ToolCall { id: "a".into(), tool: "t".into(), ..ToolCall::default() }];
        let text = serde_json::to_vec(&Calls { tool_calls: &calls[..] }).unwrap();
        assert_eq!(Message::read_parked(&text).unwrap(), Message::Calls(calls.to_vec()));
        let events = vec![Recorded::default(), Recorded::default()];
        let parked = |json: Vec<u8>| Message::read_parked(&json).unwrap();
        assert_eq!(parked(serde_json::to_vec(&events[0]).unwrap()), Message::Events(events[..1].to_vec()));
        assert_eq!(parked(serde_json::to_vec(&events).unwrap()), Message::Events(events));
        for other in ["[1]", "\"text\"", ""] {
            assert!(Message::read_parked(other.as_bytes()).is_err(), "{other}");
        }
    }
}
