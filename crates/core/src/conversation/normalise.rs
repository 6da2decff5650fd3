//! What of a message makes a difference.
//!
//! SDKs send the same history in many forms: content as a string or as parts, blanks at the ends trimmed or not, tool
//! arguments as the model wrote them or parsed and written anew, thoughts left out, one turn of the model as one
//! message or as several, tool results as messages of their own or inside of the user's. All of them are the same
//! history. So a history is read as a list of [`Run`]s: everything that one speaker says before the next one does.
//!
//! What does not count: thoughts and their signatures, citations, cache marks, the detail asked of pictures, ids of
//! tool calls (several dialects have none, so translations invent them; their order says the same), names of
//! participants, and blanks at the ends of texts.

use std::borrow::Cow;

use crate::dialect::canonical::{Media, Message, Part, Role};

/// Who speaks, as far as recognition cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Speaker {
    /// Instructions, under either of their names.
    System = b's',
    /// The person.
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

/// One thing that is said: its kind, and what of it makes a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// `x` text, `m` media by address, `d` media by content, `f` a file by id, `c` a tool call, `r` a tool's result.
    pub kind: u8,
    /// Borrowed wherever the history says it in one piece.
    pub text: Cow<'a, str>,
}

/// What one speaker says before the next one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'a> {
    /// Who speaks.
    pub speaker: Speaker,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Run<'a> {
    /// A run of nothing yet.
    #[must_use]
    pub fn new(speaker: Speaker) -> Self {
        Self { speaker, pieces: Vec::new() }
    }

    /// The pieces, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece<'a>] {
        &self.pieces
    }

    /// The same, without what it was borrowed from.
    #[must_use]
    pub fn into_owned(self) -> Run<'static> {
        let owned = |piece: Piece<'a>| Piece { kind: piece.kind, text: Cow::Owned(piece.text.into_owned()) };
        Run { speaker: self.speaker, pieces: self.pieces.into_iter().map(owned).collect() }
    }

    /// Adds what a message says.
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

    /// Texts in a row are one text: nobody can tell how many parts a client makes of it.
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
        // One dialect has tool results inside of the user's message, another beside it.
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

/// The run to which something that `speaker` says now belongs.
fn run_of<'r, 'a>(runs: &'r mut Vec<Run<'a>>, speaker: Speaker) -> &'r mut Run<'a> {
    let goes_on = runs.last().is_some_and(|run| run.speaker == speaker);
    if !goes_on {
        runs.push(Run::new(speaker));
    }
    let last = runs.len() - 1;
    #[expect(clippy::indexing_slicing, reason = "a run was just pushed if there was none")]
    &mut runs[last]
}

/// The text of the last thing that the person says, without blanks at its ends; `None` if it says none.
#[must_use]
pub fn last_user_text(messages: &[Message]) -> Option<String> {
    let last = messages.iter().rev().find(|message| message.role == Role::User)?;
    let text = last.text();
    let text = without_returns(&text);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Blanks that clients add and remove at the ends: white space, and what is invisible there.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{0}'))
}

/// A text without carriage returns, which some clients add to every line.
fn without_returns(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace('\r', "")) } else { Cow::Borrowed(text) }
}

fn media_piece(media: &Media) -> Piece<'_> {
    let (kind, text) = match media {
        Media::Url { url, .. } => (b'm', url.trim()),
        // Whoever names the media type differently still means the same picture.
        Media::Base64 { data, .. } => (b'd', data.trim_end_matches('=').trim()),
        Media::FileId { id } => (b'f', id.as_str()),
    };
    Piece { kind, text: Cow::Borrowed(text) }
}

/// Arguments of a tool call as JSON with sorted names and no blanks; what is no JSON as it is.
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
