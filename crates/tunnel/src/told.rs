//! How a call ended, read from the beginning of the answer that tells it, while that passes: nothing of the result is kept or looked at.
//!
//! An answer is an object whose last member is `result` or `error`; among the events of a call it is the data of `tool_result`.

use serde::Deserialize;

/// Bytes in which the end is told before the result.
const MAX_HEAD: usize = 8 * 1024;
const EVENT: &[u8] = b"event: tool_result\ndata: ";
const LAST_MEMBERS: [&str; 2] = [",\"result\":", ",\"error\":"];

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// `done`, or the code of an end without a result.
    pub status: String,
    /// Whether there is a result, which may be an error of the tool.
    pub ok: bool,
    /// Bytes of the result.
    #[serde(default)]
    pub bytes: u64,
}

/// Reads an answer as it passes.
#[derive(Debug)]
pub struct Reader {
    seen: Vec<u8>,
    /// The answer is a stream of events, and the one with the end has not begun.
    awaits_event: bool,
    told: Option<Told>,
    is_over: bool,
}

impl Reader {
    /// A reader of an answer that is one object, or a stream of events.
    #[must_use]
    pub const fn new(is_stream: bool) -> Self {
        Self { seen: Vec::new(), awaits_event: is_stream, told: None, is_over: false }
    }

    /// Whether nothing more is to be learnt.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        if self.awaits_event {
            self.seen.extend_from_slice(bytes);
            match self.seen.windows(EVENT.len()).position(|window| window == EVENT) {
                None => {
                    let kept = self.seen.len().saturating_sub(EVENT.len() - 1);
                    self.seen.drain(..kept);
                    return;
                }
                Some(at) => {
                    self.seen.drain(..at + EVENT.len());
                    self.awaits_event = false;
                }
            }
        } else {
            let room = MAX_HEAD.saturating_sub(self.seen.len());
            self.seen.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
        self.told = head(&self.seen);
        self.is_over = self.told.is_some() || self.seen.len() >= MAX_HEAD;
        if self.is_over {
            self.seen = Vec::new();
        }
    }

    /// What was told.
    #[must_use]
    pub fn told(self) -> Option<Told> {
        self.told
    }
}

fn head(seen: &[u8]) -> Option<Told> {
    // A character that is cut off stands behind the head.
    let text = String::from_utf8_lossy(seen.get(..seen.len().min(MAX_HEAD)).unwrap_or_default());
    let end = LAST_MEMBERS.iter().filter_map(|member| text.find(member)).min()?;
    serde_json::from_str(&format!("{}}}", text.get(..end)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DONE: &str = r#"{"bytes":7,"ok":true,"req_id":"é","status":"done","tool_name":"a,\"result\":b","result":{"ok":false}}"#;

    fn told(text: &str, is_stream: bool, piece: usize) -> Option<Told> {
        let mut reader = Reader::new(is_stream);
        for bytes in text.as_bytes().chunks(piece) {
            reader.push(bytes);
        }
        reader.told()
    }

    #[test]
    fn an_end_without_a_result_has_its_code() {
        let lost = r#"{"ok":false,"status":"agent_lost","error":{"code":"agent_lost"}}"#;
        let expected = Told { status: "agent_lost".to_owned(), ok: false, bytes: 0 };
        assert_eq!(told(lost, false, 9), Some(expected));
        assert_eq!(told(r#"{"req_id":"a","status":"queued"}"#, false, 9), None);
        assert_eq!(told(&"x".repeat(20_000), false, 1_000), None);
    }

    proptest! {
        #[test]
        fn it_is_told_in_any_pieces(piece in 1_usize..200, events in 0_usize..4) {
            let expected = Some(Told { status: "done".to_owned(), ok: true, bytes: 7 });
            prop_assert_eq!(told(DONE, false, piece), expected.clone());
            let mut stream = "event: tool_status\ndata: {\"status\":\"sent\"}\n\n".repeat(events);
            stream.push_str("event: tool_result\ndata: ");
            stream.push_str(DONE);
            stream.push_str("\n\n");
            prop_assert_eq!(told(&stream, true, piece), expected);
        }
    }
}
