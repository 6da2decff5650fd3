//! Which parts of a message count for recognition.
//!
//! SDKs send the same history in many forms: content as a string or as parts, with or without white space at the
//! ends, tool arguments as the model wrote them or serialised again, without thinking blocks, one turn of the model
//! as one message or as several, tool results as separate messages or inside the user's. All of them are the same
//! history. So a history is read as a list of [`Run`]s: all consecutive content of one speaker.
//!
//! Ignored are thinking blocks and their signatures, citations, cache marks, the detail of images, ids of tool calls
//! (several dialects have none, so translation invents them; their order is equivalent), names of participants, and
//! white space at the ends of texts.

use std::borrow::Cow;

use crate::dialect::canonical::{Media, Message, Part, Role};
use crate::eight_bytes::equal;

/// The speaker of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Speaker {
    /// Instructions, under any of their role names.
    System = b's',
    /// The user.
    User = b'u',
    /// The model.
    Assistant = b'a',
    /// The caller's tools.
    Tool = b't',
}

impl Speaker {
    /// The speaker of a message of this role.
    #[must_use]
    pub fn of(role: Role) -> Self {
        match role {
            Role::System | Role::Developer => Self::System,
            Role::User => Self::User,
            Role::Assistant => Self::Assistant,
            Role::Tool => Self::Tool,
        }
    }
}

/// A piece of content: its kind, and what counts of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// `x` text, `m` media by URL, `d` media by content, `f` a file by id, `c` a tool call, `r` a tool result.
    pub kind: u8,
    /// Borrowed where the history contains it in one piece.
    pub text: Cow<'a, str>,
}

/// Consecutive content of one speaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'a> {
    /// Who speaks.
    pub speaker: Speaker,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Run<'a> {
    /// An empty run.
    #[must_use]
    pub fn new(speaker: Speaker) -> Self {
        Self { speaker, pieces: Vec::new() }
    }

    /// The pieces, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece<'a>] {
        &self.pieces
    }

    /// The same, owned.
    #[must_use]
    pub fn into_owned(self) -> Run<'static> {
        let owned = |piece: Piece<'a>| Piece { kind: piece.kind, text: Cow::Owned(piece.text.into_owned()) };
        Run { speaker: self.speaker, pieces: self.pieces.into_iter().map(owned).collect() }
    }

    /// Adds the content of a message.
    pub fn take_in(&mut self, parts: &'a [Part]) {
        for part in parts {
            self.take_in_part(part);
        }
    }

    fn take_in_part(&mut self, part: &'a Part) {
        match part {
            Part::Text { text, .. } | Part::Refusal { text } => self.add_text(text),
            Part::Image { media, .. } | Part::Audio { media } | Part::File { media, .. } => {
                self.pieces.push(media_piece(media));
            }
            Part::ToolCall { name, arguments, .. } => {
                let text = format!("{}\u{0}{}", name.trim(), canonical_arguments(arguments));
                self.pieces.push(Piece { kind: b'c', text: Cow::Owned(text) });
            }
            Part::ToolResult { parts, .. } => {
                let mut result = Run::new(Speaker::Tool);
                result.take_in(parts);
                self.pieces.push(Piece { kind: b'r', text: result.joined() });
            }
            Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::ProviderBlock { .. } => {}
        }
    }

    /// Adjacent texts are one text: clients split them arbitrarily.
    fn add_text(&mut self, text: &'a str) {
        let text = without_returns(trimmed(text));
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece { kind: b'x', text: last }) => last.to_mut().push_str(&text),
            _ => self.pieces.push(Piece { kind: b'x', text }),
        }
    }

    /// All pieces with their kinds as one text.
    fn joined(self) -> Cow<'a, str> {
        let mut pieces = self.pieces;
        if let [Piece { kind: b'x', .. }] = pieces.as_slice()
            && let Some(only) = pieces.pop()
        {
            return only.text;
        }
        let with_kind = |piece: Piece<'a>| format!("\u{0}{}{}", char::from(piece.kind), piece.text);
        Cow::Owned(pieces.into_iter().map(with_kind).collect())
    }
}

/// The runs of a history.
#[must_use]
pub fn runs(messages: &[Message]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for message in messages {
        let is_result = |part: &&Part| matches!(part, Part::ToolResult { .. });
        // One dialect has tool results inside the user's message, another beside it.
        for part in message.parts.iter().filter(is_result) {
            run_of(&mut runs, Speaker::Tool).take_in_part(part);
        }
        let speaker = Speaker::of(message.role);
        for part in message.parts.iter().filter(|part| !is_result(part)) {
            run_of(&mut runs, speaker).take_in_part(part);
        }
        if message.parts.is_empty() && speaker == Speaker::Assistant {
            run_of(&mut runs, speaker);
        }
    }
    runs
}

/// The run that the next content of `speaker` belongs to.
fn run_of<'r, 'a>(runs: &'r mut Vec<Run<'a>>, speaker: Speaker) -> &'r mut Run<'a> {
    let goes_on = runs.last().is_some_and(|run| run.speaker == speaker);
    if !goes_on {
        runs.push(Run::new(speaker));
    }
    let last = runs.len() - 1;
    #[expect(clippy::indexing_slicing, reason = "a run was just pushed if there was none")]
    &mut runs[last]
}

/// The user's last text, trimmed; `None` if there is none.
#[must_use]
pub fn last_user_text(messages: &[Message]) -> Option<String> {
    let last = messages.iter().rev().find(|message| message.role == Role::User)?;
    let text = last.text();
    let text = without_returns(&text);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What clients add and remove at the ends: white space and invisible characters.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{0}'))
}

/// A text without carriage returns, which some clients add to every line.
fn without_returns(text: &str) -> Cow<'_, str> {
    if has_returns(text.as_bytes()) { Cow::Owned(text.replace('\r', "")) } else { Cow::Borrowed(text) }
}

fn has_returns(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<8>();
    chunks.iter().any(|chunk| equal(u64::from_le_bytes(*chunk), b'\r') != 0) || rest.contains(&b'\r')
}

fn media_piece(media: &Media) -> Piece<'_> {
    let (kind, text) = match media {
        Media::Url { url, .. } => (b'm', url.trim()),
        // The media type is ignored: clients name it differently for the same image.
        Media::Base64 { data, .. } => (b'd', data.trim_end_matches('=').trim()),
        Media::FileId { id } => (b'f', id.as_str()),
    };
    Piece { kind, text: Cow::Borrowed(text) }
}

/// Arguments of a tool call as JSON with sorted names and no white space; unchanged if they are not JSON.
fn canonical_arguments(arguments: &str) -> String {
    let text = arguments.trim();
    if text.is_empty() {
        return "{}".to_owned();
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(mut value) => {
            value.sort_all_objects();
            value.to_string()
        }
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(parts: Vec<Part>) -> Message {
        Message::new(Role::User, parts)
    }

    #[test]
    fn returns_are_found_at_every_place() {
        for length in 0..40 {
            let text = "é~\u{8d}\u{c}\u{e}".repeat(length);
            assert!(!has_returns(text.as_bytes()), "{length}");
            for (at, _) in text.char_indices() {
                let mut with = text.clone();
                with.insert(at, '\r');
                assert!(has_returns(with.as_bytes()), "{at} of {length}");
            }
        }
    }

    #[test]
    fn the_forms_of_one_history_are_one() {
        let as_string = vec![user(vec![Part::text("Hello world")])];
        let as_parts = vec![user(vec![Part::text("  Hello world\r\n")])];
        let in_two = vec![user(vec![Part::text("Hello world"), Part::text(" ")])];
        assert_eq!(runs(&as_string), runs(&as_parts));
        assert_eq!(runs(&as_string), runs(&in_two));
    }

    #[test]
    fn arguments_are_compared_by_meaning() {
        assert_eq!(
            canonical_arguments(r#"{"b":1,"a":[1, {"d":1,"c":2}]}"#),
            r#"{"a":[1,{"c":2,"d":1}],"b":1}"#
        );
        assert_eq!(canonical_arguments(" "), "{}");
        assert_eq!(canonical_arguments("{\"a\":"), "{\"a\":");
    }

    #[test]
    fn tool_results_stand_apart_wherever_they_are_sent() {
        let result = Part::ToolResult {
            call_id: "c1".into(),
            name: None,
            parts: vec![Part::text("12 degrees")],
            is_error: false,
            cache: None,
        };
        let inside = vec![user(vec![result.clone(), Part::text("And now?")])];
        let beside = vec![Message::new(Role::Tool, vec![result]), user(vec![Part::text("And now?")])];
        assert_eq!(runs(&inside), runs(&beside));
    }
}
