//! Answers of operations that are not chats: JSON, plain text (subtitles included), and the stream of a transcript.
//!
//! A stream is there as a whole when it is judged. Its pieces of text are one text for a rule; where that is changed, it stands in the
//! first of them and the others go.

use std::borrow::Cow;

use nexus_edge_core::dialect::operation::Operation;
use serde_json::Value;

use crate::guard::{Changed, Piece};
use crate::whole::{Edited, Unsearchable, Whole};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// Plain text, or subtitles.
    Text,
    /// Server-Sent Events.
    Events,
}

impl Form {
    /// The form of an answer of this content type; `None` for what is not text.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.to_ascii_lowercase();
        match kind.split(';').next().unwrap_or_default().trim() {
            "text/event-stream" => Some(Self::Events),
            "application/x-subrip" => Some(Self::Text),
            kind if kind.starts_with("text/") => Some(Self::Text),
            kind if kind.ends_with("json") => Some(Self::Json),
            _ => None,
        }
    }
}

/// Whether there are texts in the answers of an operation.
#[must_use]
pub fn has_texts(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Transcriptions
            | Operation::AudioTranslations
            | Operation::ImageGenerations
            | Operation::ImageEdits
            | Operation::Rerank
            | Operation::CompactResponse
    )
}

/// An answer with its texts.
pub enum Answer<'a> {
    /// JSON.
    Json(Whole<'a>),
    /// Plain text.
    Text(Cow<'a, str>),
    /// A stream.
    Events(Events<'a>),
}

/// A stream, event by event.
pub struct Events<'a> {
    blocks: Vec<Block<'a>>,
    /// The pieces of the transcript, joined.
    joined: String,
}

struct Block<'a> {
    written: &'a str,
    event: Option<Value>,
}

impl Block<'_> {
    /// The piece of the transcript that the event adds.
    fn delta(&self) -> Option<&str> {
        self.event.as_ref()?.get("delta")?.as_str()
    }

    /// A text that the event has on its own.
    fn text(&self) -> Option<&str> {
        self.event.as_ref()?.get("text")?.as_str()
    }
}

impl<'a> Answer<'a> {
    /// Finds the texts of an answer.
    ///
    /// # Errors
    /// It cannot be searched.
    pub fn read(form: Form, body: &'a [u8]) -> Result<Self, Unsearchable> {
        match form {
            Form::Json => Whole::read(body).map(Self::Json),
            Form::Text => Ok(Self::Text(String::from_utf8_lossy(body))),
            Form::Events => std::str::from_utf8(body)
                .map(|text| Self::Events(Events::read(text)))
                .map_err(|_| Unsearchable),
        }
    }

    /// Its texts.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let piece = |text: Cow<'a, str>| Piece { text, is_json: false };
        match self {
            Self::Json(whole) => whole.pieces(),
            Self::Text(text) => vec![piece(text.clone())],
            Self::Events(events) => events.pieces(),
        }
    }

    /// The answer with these changes to its texts, in their order; `None` if there are none.
    #[must_use]
    pub fn with(&self, changes: Vec<Option<Changed>>) -> Option<Edited> {
        match self {
            Self::Json(whole) => whole.with(changes),
            Self::Text(_) => changes.into_iter().flatten().next().map(|changed| Edited {
                told: changed.told.into_bytes(),
                kept: changed.kept.map(String::into_bytes),
            }),
            Self::Events(events) => events.with(&changes),
        }
    }
}

impl<'a> Events<'a> {
    fn read(text: &'a str) -> Self {
        let separator = if text.contains("\r\n\r\n") { "\r\n\r\n" } else { "\n\n" };
        let event = |block: &str| {
            let data: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("data:")).collect();
            serde_json::from_str(&data.join("\n")).ok()
        };
        let blocks: Vec<Block<'a>> =
            text.split_inclusive(separator).map(|written| Block { written, event: event(written) }).collect();
        let joined = blocks.iter().filter_map(Block::delta).collect();
        Self { blocks, joined }
    }

    fn pieces(&self) -> Vec<Piece<'_>> {
        let own = self.blocks.iter().filter_map(Block::text);
        let texts = std::iter::once(self.joined.as_str()).chain(own);
        texts.map(|text| Piece { text: Cow::Borrowed(text), is_json: false }).collect()
    }

    fn with(&self, changes: &[Option<Changed>]) -> Option<Edited> {
        let mut changes = changes.iter();
        let joined = changes.next().and_then(Option::as_ref);
        let mut told = String::new();
        let (mut is_first, mut is_changed) = (true, joined.is_some());
        for block in &self.blocks {
            let own = if block.text().is_some() { changes.next().and_then(Option::as_ref) } else { None };
            is_changed |= own.is_some();
            let new = match (joined, own) {
                (_, Some(own)) => Some(("text", own)),
                (Some(joined), None) if block.delta().is_some() => {
                    if !std::mem::take(&mut is_first) {
                        continue;
                    }
                    Some(("delta", joined))
                }
                _ => None,
            };
            match (new, &block.event) {
                (Some((name, text)), Some(event)) => told.push_str(&rewritten(event, name, &text.told)),
                _ => told.push_str(block.written),
            }
        }
        // Nothing is kept of such answers.
        is_changed.then(|| Edited { told: told.into_bytes(), kept: None })
    }
}

/// An event with another text, and without the probabilities of the tokens that it had.
fn rewritten(event: &Value, name: &str, text: &str) -> String {
    let mut event = event.clone();
    if let Some(members) = event.as_object_mut() {
        members.insert(name.to_owned(), text.into());
        members.remove("logprobs");
    }
    format!("data: {event}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"call ada@ex\",\"logprobs\":[1]}\n\n\
        data: {\"type\":\"transcript.text.delta\",\"delta\":\"ample.org now\"}\n\n\
        data: {\"type\":\"transcript.text.done\",\"text\":\"call ada@example.org now\",\"usage\":{\"type\":\"tokens\"}}\n\n\
        data: [DONE]\n\n";

    fn changed(text: &str) -> Changed {
        Changed { told: text.to_owned(), kept: None }
    }

    #[test]
    fn the_content_type_tells_the_form() {
        for (content_type, form) in [
            ("application/json; charset=utf-8", Some(Form::Json)),
            ("text/plain", Some(Form::Text)),
            ("text/vtt", Some(Form::Text)),
            ("Application/X-SubRip", Some(Form::Text)),
            ("text/event-stream", Some(Form::Events)),
            ("audio/mpeg", None),
            ("", None),
        ] {
            assert_eq!(Form::of(content_type), form, "{content_type}");
        }
    }

    #[test]
    fn the_pieces_of_a_stream_are_one_text() {
        let answer = Answer::read(Form::Events, STREAM.as_bytes()).unwrap();
        let texts: Vec<String> = answer.pieces().into_iter().map(|piece| piece.text.into_owned()).collect();
        assert_eq!(texts, ["call ada@example.org now", "call ada@example.org now"]);
        assert_eq!(answer.with(vec![None, None]), None);
        let masked =
            answer.with(vec![Some(changed("call [email] now")), Some(changed("call [email] now"))]).unwrap();
        let told = String::from_utf8(masked.told).unwrap();
        assert!(!told.contains("ada@") && !told.contains("logprobs"));
        assert_eq!(
            (told.matches("delta\":\"call [email] now").count(), told.matches("data: ").count()),
            (1, 3)
        );
        assert!(told.contains("\"usage\"") && told.ends_with("data: [DONE]\n\n"));
    }

    #[test]
    fn plain_text_is_one_text() {
        let answer = Answer::read(Form::Text, b"call ada@example.org").unwrap();
        assert_eq!(answer.pieces().len(), 1);
        assert_eq!(answer.with(vec![Some(changed("call [email]"))]).unwrap().told, b"call [email]");
        assert_eq!(answer.with(vec![None]), None);
        assert!(Answer::read(Form::Json, b"{").is_err());
    }
}
