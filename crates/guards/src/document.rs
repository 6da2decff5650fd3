//! A walk through a JSON document that finds its texts, without a tree and without recursion.
//!
//! What is a text is said by exclusion, so that a field which is not known here is searched: left out are names, roles, types, ids,
//! signatures and encoded data, by the name of their field. Within what a model or a caller fills in freely (arguments of a call,
//! metadata) every text is one, and numbers are texts as well.

use std::borrow::Cow;
use std::ops::Range;

use nexus_edge_core::json::lenient;
use serde_json::value::RawValue;

/// Deepest nesting that is walked.
const MAX_DEPTH: usize = 256;
/// Most objects and lists that are remembered together.
const MAX_FRAMES: usize = 20_000;

/// Fields whose texts are part of the structure.
const STRUCTURAL: &[&[u8]] = &[
    b"model",
    b"role",
    b"type",
    b"object",
    b"id",
    b"name",
    b"status",
    b"signature",
    b"thought_signature",
    b"thoughtSignature",
    b"encrypted_content",
    b"data",
    b"file_data",
    b"fileData",
    b"b64_json",
    b"partial_image_b64",
    b"result",
    b"media_type",
    b"mimeType",
    b"mime_type",
    b"format",
    b"finish_reason",
    b"finishReason",
    b"stop_reason",
    b"tool_call_id",
    b"tool_use_id",
    b"call_id",
    b"item_id",
    b"response_id",
    b"previous_response_id",
    b"container",
    b"container_id",
    b"file_id",
    b"file_uri",
    b"fileUri",
    b"prompt_cache_key",
    b"service_tier",
    b"system_fingerprint",
    b"obfuscation",
    b"responseId",
    b"modelVersion",
    b"issued",
    b"$ref",
    b"required",
    b"enum",
    b"native_finish_reason",
    b"provider",
];

/// Fields with objects that are filled in freely.
const FREE: &[&[u8]] = &[b"input", b"args", b"arguments", b"metadata"];

/// Objects in which `response` is filled in freely.
const ANSWERS_OF_TOOLS: &[&[u8]] = &[b"functionResponse", b"function_response"];

/// Fields whose text is JSON.
const JSON_TEXTS: &[&[u8]] = &[b"arguments", b"partial_json"];

/// An object or list on the way.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The frame that it is in.
    pub parent: Option<usize>,
    /// The name of its field, with its quotation marks; of an item that of the list.
    pub name: Range<usize>,
    /// The number by which its dialect calls it: `index` or `output_index`.
    pub index: Option<u64>,
    /// The number of a part of it: `content_index` or `summary_index`.
    pub part: Option<u64>,
    /// The text of its `type`, with quotation marks.
    pub kind: Range<usize>,
    /// Whether its dialect says that it is a thought.
    pub is_thought: bool,
    is_list: bool,
    zone: Zone,
}

/// How what stands in an object or list is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    /// As the fields of a dialect.
    Fields,
    /// As what a model or a caller fills in freely.
    Free,
    /// As what repeats the text in pieces.
    LeftOut,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A text.
    Text,
    /// A number that is a text.
    Number,
    /// A text that is part of the structure.
    Structure,
    /// A number that is part of the structure.
    Count,
    /// Probabilities of tokens, which repeat the text in pieces.
    Logprobs,
}

/// A value.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Where it stands, quotation marks included.
    pub range: Range<usize>,
    /// The name of its field, with quotation marks; of an item that of the list.
    pub name: Range<usize>,
    /// The object or list that it is in.
    pub frame: usize,
    /// What it is.
    pub role: Role,
}

/// The walk.
pub struct Walk<'a> {
    body: &'a [u8],
    at: usize,
    /// Those that are open, or all.
    frames: Vec<Frame>,
    open: Vec<usize>,
    keeps_frames: bool,
}

/// The text between quotation marks, as it is written.
#[must_use]
pub fn unquoted(body: &[u8], range: &Range<usize>) -> Range<usize> {
    let text = body.get(range.clone()).unwrap_or_default();
    if text.len() >= 2 && text.first() == Some(&b'"') {
        range.start + 1..range.end - 1
    } else {
        range.clone()
    }
}

fn word<'a>(body: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    body.get(unquoted(body, range)).unwrap_or_default()
}

/// The text that a JSON string stands for. Halves of characters become U+FFFD.
#[must_use]
pub fn text_of<'a>(body: &'a [u8], range: &Range<usize>) -> Cow<'a, str> {
    read(body, range, lenient::string)
}

/// The text of a JSON string that others go on with. Halves of characters are marked for [`lenient::Joint`].
#[must_use]
pub fn piece_of<'a>(body: &'a [u8], range: &Range<usize>) -> Cow<'a, str> {
    read(body, range, lenient::piece)
}

fn read<'a>(
    body: &'a [u8],
    range: &Range<usize>,
    reader: fn(&'a RawValue) -> Option<Cow<'a, str>>,
) -> Cow<'a, str> {
    let inner = word(body, range);
    if let Ok(text) = std::str::from_utf8(inner)
        && !inner.contains(&b'\\')
    {
        return Cow::Borrowed(text);
    }
    let raw = body.get(range.clone()).unwrap_or_default();
    let value: Option<&RawValue> = serde_json::from_slice(raw).ok();
    value.and_then(reader).unwrap_or_else(|| String::from_utf8_lossy(inner))
}

impl<'a> Walk<'a> {
    /// A walk through a document. `keeps_frames`: all objects and lists are remembered, not only those that are open.
    #[must_use]
    pub fn new(body: &'a [u8], keeps_frames: bool) -> Self {
        Self { body, at: 0, frames: Vec::new(), open: Vec::new(), keeps_frames }
    }

    /// Visits every value that is no object or list. False if the document cannot be walked to its end.
    pub fn run(&mut self, mut visit: impl FnMut(Leaf)) -> bool {
        let mut name = 0..0;
        while let Some(byte) = self.peek() {
            match byte {
                b'{' | b'[' => {
                    if !self.enter(name.clone(), byte == b'[') {
                        return false;
                    }
                    self.at += 1;
                    name = self.list_name();
                }
                b'}' | b']' => {
                    self.at += 1;
                    if !self.leave() {
                        return false;
                    }
                    name = self.list_name();
                }
                b',' => {
                    self.at += 1;
                    name = self.list_name();
                }
                b':' => self.at += 1,
                b'"' => {
                    let Some(range) = self.string() else { return false };
                    if self.peek() == Some(b':') {
                        name = range;
                    } else {
                        self.value(range, &name, &mut visit);
                    }
                }
                _ => {
                    let range = self.literal();
                    self.value(range, &name, &mut visit);
                }
            }
        }
        self.open.is_empty()
    }

    /// The frames that are remembered.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    fn peek(&mut self) -> Option<u8> {
        let rest = self.body.get(self.at..)?;
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.body.get(self.at).copied()
    }

    /// A string, from its quotation mark on.
    fn string(&mut self) -> Option<Range<usize>> {
        let begin = self.at;
        let mut at = begin + 1;
        loop {
            match self.body.get(at)? {
                b'\\' => at += 2,
                b'"' => break,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(begin..self.at)
    }

    fn literal(&mut self) -> Range<usize> {
        let begin = self.at;
        let rest = self.body.get(begin..).unwrap_or_default();
        let is_part = |byte: &&u8| !byte.is_ascii_whitespace() && !b",:{}[]\"".contains(*byte);
        self.at += rest.iter().take_while(is_part).count().max(1);
        begin..self.at
    }

    fn top(&self) -> Option<&Frame> {
        self.frames.get(*self.open.last()?)
    }

    /// The name under which the next value stands, if it is an item of a list.
    fn list_name(&self) -> Range<usize> {
        self.top().filter(|frame| frame.is_list).map_or(0..0, |frame| frame.name.clone())
    }

    fn enter(&mut self, name: Range<usize>, is_list: bool) -> bool {
        if self.open.len() >= MAX_DEPTH || self.frames.len() >= MAX_FRAMES {
            return false;
        }
        let field = word(self.body, &name);
        let top = self.top();
        let is_of_tool = top.is_some_and(|frame| ANSWERS_OF_TOOLS.contains(&word(self.body, &frame.name)));
        // An item has the name of its list.
        let is_item = top.is_some_and(|frame| frame.is_list);
        let begins_free = FREE.contains(&field) || (field == b"response" && is_of_tool);
        let zone = match top.map_or(Zone::Fields, |frame| frame.zone) {
            Zone::Fields if begins_free && !is_list && !is_item => Zone::Free,
            Zone::Fields if is_logprobs(field) => Zone::LeftOut,
            zone => zone,
        };
        self.frames.push(Frame {
            parent: self.open.last().copied(),
            name,
            index: None,
            part: None,
            kind: 0..0,
            is_thought: false,
            is_list,
            zone,
        });
        self.open.push(self.frames.len() - 1);
        true
    }

    fn leave(&mut self) -> bool {
        let Some(top) = self.open.pop() else { return false };
        if !self.keeps_frames {
            self.frames.truncate(top);
        }
        true
    }

    fn value(&mut self, range: Range<usize>, name: &Range<usize>, visit: &mut impl FnMut(Leaf)) {
        let field = word(self.body, name);
        let raw = self.body.get(range.clone()).unwrap_or_default();
        let is_text = raw.first() == Some(&b'"');
        let is_number = raw.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
        let Some(frame) = self.open.last().copied() else { return };
        let Some(top) = self.frames.get_mut(frame) else { return };
        if is_number && top.zone != Zone::Free {
            let number = std::str::from_utf8(raw).ok().and_then(|text| text.parse().ok());
            match field {
                b"index" | b"output_index" => top.index = number,
                b"content_index" | b"summary_index" => top.part = number,
                _ => {}
            }
        }
        top.is_thought |= field == b"thought" && raw == b"true";
        if is_text && field == b"type" && !top.is_list {
            top.kind = range.clone();
        }
        let role = match (is_text, is_number) {
            _ if top.zone == Zone::LeftOut => return,
            (true, _) if top.zone == Zone::Free || !STRUCTURAL.contains(&field) => Role::Text,
            (true, _) => Role::Structure,
            (_, true) if top.zone == Zone::Free => Role::Number,
            (_, true) => Role::Count,
            _ => return,
        };
        visit(Leaf { range, name: name.clone(), frame, role });
    }
}

/// Whether a field repeats the text in pieces.
fn is_logprobs(field: &[u8]) -> bool {
    matches!(field, b"logprobs" | b"logprobsResult" | b"logprobs_result")
}

/// The values of all fields that repeat the text in pieces.
#[must_use]
pub fn logprobs(body: &[u8]) -> Vec<Range<usize>> {
    let mut walk = Walk::new(body, true);
    if !walk.run(|_| ()) {
        return Vec::new();
    }
    let is_left_out = |frame: &Frame| frame.zone == Zone::LeftOut;
    let is_outermost = |frame: &&Frame| {
        let outer = frame.parent.and_then(|parent| walk.frames.get(parent));
        is_left_out(frame) && !outer.is_some_and(is_left_out)
    };
    let values = walk.frames.iter().filter(is_outermost).filter_map(|frame| {
        // The value begins behind the colon.
        let after = body.get(frame.name.end..)?;
        let begin = frame.name.end + after.iter().position(|byte| *byte == b'{' || *byte == b'[')?;
        let end = end_of(body.get(begin..)?)?;
        Some(begin..begin + end)
    });
    values.collect()
}

/// The length of the object or list with which a text begins.
fn end_of(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether the text of a leaf is itself JSON.
#[must_use]
pub fn is_json(body: &[u8], leaf: &Leaf) -> bool {
    JSON_TEXTS.contains(&word(body, &leaf.name))
}

/// The name of a field as it is written.
#[must_use]
pub fn field<'a>(body: &'a [u8], name: &Range<usize>) -> &'a [u8] {
    word(body, name)
}

/// Whether a text is data in an address, not words.
#[must_use]
pub fn is_data_url(text: &[u8]) -> bool {
    let head = text.get(..text.len().min(200)).unwrap_or_default();
    head.starts_with(b"data:") && head.windows(7).any(|window| window == b";base64")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<String> {
        let mut found = Vec::new();
        let is_whole = Walk::new(body.as_bytes(), false).run(|leaf| {
            if matches!(leaf.role, Role::Text | Role::Number) {
                found.push(text_of(body.as_bytes(), &leaf.range).into_owned());
            }
        });
        assert!(is_whole, "{body}");
        found
    }

    #[test]
    fn texts_are_found_in_any_dialect() {
        let chat = r#"{"model":"m","messages":[{"role":"user","content":"a\"b"},{"role":"assistant","tool_calls":[
            {"id":"c1","function":{"name":"f","arguments":"{\"x\":1}"}}]}],"temperature":1}"#;
        assert_eq!(texts(chat), ["a\"b", "{\"x\":1}"]);
        let anthropic = r#"{"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"t"},
            {"type":"tool_use","id":"i","name":"f","input":{"name":"n","card":4111111111111111}},
            {"type":"image","source":{"type":"base64","data":"AAAA"}}]}]}"#;
        assert_eq!(texts(anthropic), ["s", "t", "n", "4111111111111111"]);
        assert_eq!(texts(r#"{"contents":[{"parts":[{"text":"t"},{"inlineData":{"data":"x"}}]}]}"#), ["t"]);
        assert_eq!(texts(r#"{"prompt":["a",{"b":["c"]}]}"#), ["a", "c"]);
        let responses =
            r#"{"input":[{"type":"message","id":"i","content":"t"}],"response":{"id":"r","output":"o"}}"#;
        assert_eq!(texts(responses), ["t", "o"]);
        let tool = r#"{"functionResponse":{"name":"f","response":{"name":"n"}}}"#;
        assert_eq!(texts(tool), ["n"]);
    }

    #[test]
    fn probabilities_of_tokens_are_left_out_and_found() {
        let body = r#"{"choices":[{"message":{"content":"t"},"logprobs":{"content":[{"token":"t"}]}}]}"#;
        assert_eq!(texts(body), ["t"]);
        let ranges = logprobs(body.as_bytes());
        assert_eq!(ranges.len(), 1);
        assert_eq!(body.get(ranges[0].clone()), Some(r#"{"content":[{"token":"t"}]}"#));
    }

    #[test]
    fn what_is_no_document_has_no_end() {
        for body in ["{\"a\":\"", "{", "[1", "]", "{\"a\\"] {
            assert!(!Walk::new(body.as_bytes(), true).run(|_| ()), "{body}");
        }
    }
}
