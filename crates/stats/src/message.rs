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
}
