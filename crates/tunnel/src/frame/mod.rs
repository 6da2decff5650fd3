//! Text frames: one JSON object each, whose `t` says what it is.
//!
//! Reading is strict where a wrong value could do harm (lengths of frames, ids, names and lists) and lenient where the other
//! side may be newer: a frame with an unknown `t` is no error but nothing, and unknown members are ignored. What MCP says
//! (parameters, results, catalogues, progress) stays the text that it is.

mod down;
mod up;

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use down::{Answer, Call, Cancel, Check, Credit, Down, Ids, Want, Welcome};
pub use up::{
    Ack, Announce, Ask, AskKind, CancelAck, CatalogFrame, Hello, Note, NoteKind, ResultFrame, Resume, Server,
    Up,
};

use crate::limits::MAX_FRAME_BYTES;

/// Why a frame was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is longer than [`MAX_FRAME_BYTES`].
    #[error("the frame has {0} bytes, at most {MAX_FRAME_BYTES} are allowed")]
    TooLong(usize),
    /// It is not a JSON object with a `t`, or a member has the wrong type.
    #[error("the frame cannot be read: {0}")]
    Unreadable(String),
    /// A value is not allowed.
    #[error("the frame `{0}` is not valid: {1}")]
    Invalid(&'static str, &'static str),
}

/// The end of a connection, with its reason, from either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// The code that the connection is closed with.
    pub code: u16,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Milliseconds after which the agent may connect again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// What a frame must fulfil besides its shape.
trait Checked {
    fn check(&self) -> Result<(), &'static str>;
}

impl Checked for Bye {
    fn check(&self) -> Result<(), &'static str> {
        short(&self.reason)
    }
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
}

fn tag(text: &str) -> Result<Cow<'_, str>, FrameError> {
    if text.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong(text.len()));
    }
    let tag: Tag<'_> = serde_json::from_str(text).map_err(unreadable)?;
    Ok(tag.t)
}

fn body<T: DeserializeOwned + Checked>(text: &str, tag: &'static str) -> Result<T, FrameError> {
    let body: T = serde_json::from_str(text).map_err(unreadable)?;
    body.check().map_err(|why| FrameError::Invalid(tag, why))?;
    Ok(body)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that `map_err` asks for")]
fn unreadable(error: serde_json::Error) -> FrameError {
    FrameError::Unreadable(error.to_string())
}

#[derive(Serialize)]
struct Tagged<'a, T> {
    t: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

fn text<T: Serialize>(tag: &str, body: &T) -> String {
    // A frame is made of texts, numbers and raw JSON: nothing of it can fail to be written.
    serde_json::to_string(&Tagged { t: tag, body }).unwrap_or_default()
}

/// Declares the frames of one direction.
macro_rules! frames {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident($body:ty) = $tag:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub enum $name {
            $($(#[$doc])* $variant($body),)*
        }

        impl $name {
            /// Reads a text frame; `None` if its kind is not known here.
            ///
            /// # Errors
            /// If it is too long, unreadable, or has a value that is not allowed.
            pub fn read(text: &str) -> Result<Option<Self>, $crate::frame::FrameError> {
                match $crate::frame::tag(text)?.as_ref() {
                    $($tag => $crate::frame::body::<$body>(text, $tag).map(Self::$variant).map(Some),)*
                    _ => Ok(None),
                }
            }

            /// The text frame.
            #[must_use]
            pub fn write(&self) -> String {
                match self {
                    $(Self::$variant(body) => $crate::frame::text($tag, body),)*
                }
            }
        }
    };
}
use frames;

/// Whether a text is an id of a call: 1 to 64 letters, digits, `_` and `-`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Whether a text is the id of an agent: a letter or digit, then 2 to 63 letters, digits, `_` and `-`.
#[must_use]
pub fn is_agent_id(text: &str) -> bool {
    is_id(text) && text.len() >= 3 && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// Whether a text is the name of a server: 1 to 64 bytes without control characters.
#[must_use]
pub fn is_server(text: &str) -> bool {
    (1..=64).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn id(text: &str) -> Result<(), &'static str> {
    if is_id(text) { Ok(()) } else { Err("an id has 1 to 64 letters, digits, `_` and `-`") }
}

fn ids(list: &[String]) -> Result<(), &'static str> {
    if list.len() > crate::limits::MAX_IDS {
        return Err("too many ids");
    }
    list.iter().try_for_each(|one| id(one))
}

fn server(name: &str) -> Result<(), &'static str> {
    if is_server(name) { Ok(()) } else { Err("a server's name has 1 to 64 bytes") }
}

fn sha256(text: &str) -> Result<(), &'static str> {
    let is_sum = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_sum { Ok(()) } else { Err("a checksum has 64 hexadecimal digits") }
}

fn short(text: &str) -> Result<(), &'static str> {
    if text.len() <= 1024 { Ok(()) } else { Err("a text is longer than 1,024 bytes") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn raw_json_is_passed_on_byte_for_byte() {
        let text = r#"{"t":"result","id":"a","n":7,"ok":true,"body":{"b": 1.0,  "a":1e2}}"#;
        let Some(Up::Result(frame)) = Up::read(text).unwrap() else { panic!("not a result") };
        assert_eq!(frame.body.unwrap().get(), r#"{"b": 1.0,  "a":1e2}"#);
    }

    #[test]
    fn a_frame_that_is_not_known_is_nothing() {
        assert!(Up::read(r#"{"t":"something_new","x":1}"#).unwrap().is_none());
        assert!(Down::read(r#"{"t":"hello"}"#).unwrap().is_none());
    }

    #[test]
    fn values_that_are_not_allowed_are_refused() {
        let long = "x".repeat(65);
        for text in [
            r#"{"t":"ack","id":"","accepted":true}"#.to_owned(),
            r#"{"t":"ack","id":"a b","accepted":true}"#.to_owned(),
            format!(r#"{{"t":"cancel_ack","id":"{long}","will_cancel":true}}"#),
            r#"{"t":"result","id":"a","n":1,"ok":true}"#.to_owned(),
            r#"{"t":"result","id":"a","n":1,"ok":true,"bytes":4,"parts":1,"sha256":"00"}"#.to_owned(),
            r#"{"t":"hello","agent_id":"..","instance":"i","version":"1","os":"linux"}"#.to_owned(),
            r#"{"t":1}"#.to_owned(),
            "[]".to_owned(),
            format!(r#"{{"t":"ack","id":"a","accepted":true,"reason":"{}"}}"#, "x".repeat(MAX_FRAME_BYTES)),
        ] {
            assert!(Up::read(&text).is_err(), "{}", text.chars().take(80).collect::<String>());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_frame_or_an_error(text in ".{0,200}") {
            let _ = (Up::read(&text), Down::read(&text));
        }

        #[test]
        fn what_was_read_is_read_again(text in r#"\{"t":"(ack|note|ask|bye|cancel|credit)","id":"[a-z]{1,3}","(accepted|n|seq|code)":[0-9]{1,3},"(reason|kind|data|body)":("progress"|1|null)\}"#) {
            if let Ok(Some(frame)) = Up::read(&text) {
                let written = frame.write();
                prop_assert_eq!(Up::read(&written).unwrap().unwrap().write(), written);
            }
            if let Ok(Some(frame)) = Down::read(&text) {
                let written = frame.write();
                prop_assert_eq!(Down::read(&written).unwrap().unwrap().write(), written);
            }
        }
    }
}
