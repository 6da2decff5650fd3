//! What a model is told of the result of a tool.
//!
//! A result is untrusted: characters that a reader does not see, and control codes of terminals, are left out of it. Of a long one the
//! beginning is told, and the rest is kept for the request, so that the model can read on.

use std::collections::BTreeMap;
use std::fmt::Write;

use nexus_edge_core::json::lenient::Object;
use serde_json::value::RawValue;

use crate::json::value;

/// Most bytes that are kept of all results of a request.
const MAX_KEPT: usize = 16 << 20;

/// The text of a result of `tools/call`, and whether it is an error.
///
/// Structured content is told where the texts only repeat it. What is no text is named with its type and size.
#[must_use]
pub fn text_of(result: &[u8]) -> (String, bool) {
    let Some(fields) = value(result).and_then(Object::of) else {
        return ("The tool returned something that cannot be read.".to_owned(), true);
    };
    let is_error = fields.boolean("isError").unwrap_or(false);
    let structured = fields.get_set("structuredContent");
    let mut told: Vec<String> = Vec::new();
    for raw in fields.items("content") {
        let Some(text) = part(raw) else { continue };
        let repeats = |structured: &&RawValue| is_same_json(structured.get(), &text);
        if structured.as_ref().is_none_or(|structured| !repeats(structured)) {
            told.push(text);
        }
    }
    if let Some(structured) = structured {
        told.push(structured.get().to_owned());
    }
    (clean(&told.join("\n")), is_error)
}

fn is_same_json(one: &str, other: &str) -> bool {
    let tree = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    tree(one).is_some_and(|one| Some(one) == tree(other))
}

fn part(raw: &RawValue) -> Option<String> {
    let part = Object::of(raw)?;
    let kind = part.text("type")?;
    let media = part.text("mimeType").unwrap_or_default();
    Some(match kind.as_ref() {
        "text" => part.text("text").unwrap_or_default().into_owned(),
        "image" | "audio" => {
            let bytes = part.text("data").map_or(0, |data| data.len() / 4 * 3);
            format!("[{kind} {media}, {bytes} bytes]")
        }
        "resource_link" => format!("[resource {}]", part.text("uri").unwrap_or_default()),
        "resource" => {
            let resource = part.object("resource")?;
            let uri = resource.text("uri").unwrap_or_default();
            match resource.text("text") {
                Some(text) => text.into_owned(),
                None => format!("[resource {uri}]"),
            }
        }
        other => format!("[{other}]"),
    })
}

/// A text without what a reader does not see: control codes but tabs and line ends, codes of terminals, marks of writing direction, and
/// letters without width.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // CSI: parameters up to a final byte. Of other sequences only the mark goes.
            if letters.next_if_eq(&'[').is_some() {
                while letters.next_if(|letter| matches!(letter, '\u{20}'..='\u{3f}')).is_some() {}
                letters.next_if(|letter| matches!(letter, '\u{40}'..='\u{7e}'));
            }
        } else if !is_invisible(letter) {
            cleaned.push(letter);
        }
    }
    cleaned
}

fn is_invisible(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\n' | '\t' | '\r'))
        || matches!(letter,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Results that were too long to be told at once.
#[derive(Debug, Default)]
pub struct Kept {
    texts: BTreeMap<String, String>,
    bytes: usize,
}

impl Kept {
    /// What is told of a text of which at most `limit` bytes may be: all of it, or its beginning and how to read on. True if it was cut.
    #[must_use]
    pub fn told(&mut self, call_id: &str, text: String, limit: usize) -> (String, bool) {
        if text.len() <= limit {
            return (text, false);
        }
        let total = text.len();
        let mut told = text.get(..floor(&text, limit)).unwrap_or_default().to_owned();
        let shown = told.len();
        if self.bytes + total <= MAX_KEPT {
            self.bytes += total;
            self.texts.insert(call_id.to_owned(), text);
            let _ = write!(
                told,
                "\n[{shown} of {total} bytes. Read on with nexus__read_result, id {call_id}, offset {shown}.]"
            );
        } else {
            let _ = write!(told, "\n[{shown} of {total} bytes. The rest is not kept.]");
        }
        (told, true)
    }

    /// A part of a text that was cut; `None` if there is no such text.
    #[must_use]
    pub fn read(&self, id: &str, offset: usize, limit: usize) -> Option<String> {
        let text = self.texts.get(id)?;
        let from = floor(text, offset.min(text.len()));
        let to = floor(text, from.saturating_add(limit).min(text.len()));
        let mut told = text.get(from..to).unwrap_or_default().to_owned();
        if to < text.len() {
            let _ = write!(told, "\n[{to} of {} bytes. Read on with offset {to}.]", text.len());
        }
        Some(told)
    }
}

/// The last place up to `at` where a character begins.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_result_becomes_a_text() {
        for (result, text, is_error) in [
            (r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#, "a\nb", false),
            (r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#, "no", true),
            (
                r#"{"content":[{"type":"text","text":"{\"x\": 1}"}],"structuredContent":{"x":1}}"#,
                r#"{"x":1}"#,
                false,
            ),
            (
                r#"{"content":[{"type":"text","text":"see"}],"structuredContent":{"x":1}}"#,
                "see\n{\"x\":1}",
                false,
            ),
            (
                r#"{"content":[{"type":"image","mimeType":"image/png","data":"AAAABBBB"}]}"#,
                "[image image/png, 6 bytes]",
                false,
            ),
            (r#"{"content":[{"type":"resource","resource":{"uri":"u","text":"t"}}]}"#, "t", false),
            ("[]", "The tool returned something that cannot be read.", true),
            ("{}", "", false),
        ] {
            assert_eq!(text_of(result.as_bytes()), (text.to_owned(), is_error), "{result}");
        }
    }

    #[test]
    fn what_is_not_seen_is_left_out() {
        assert_eq!(
            clean("a\u{1b}[1;31mred\u{1b}[0m\u{200b}\u{202e}b\u{0}\tc\n\u{e0041}é"),
            "ared".to_owned() + "b\tc\né"
        );
    }

    proptest! {
        #[test]
        fn a_cut_text_is_read_in_whole(text in "[a-zé€😀]{0,200}", limit in 4_usize..50) {
            let mut kept = Kept::default();
            let (told, is_cut) = kept.told("c", text.clone(), limit);
            prop_assert_eq!(is_cut, text.len() > limit);
            if is_cut {
                let mut read = told.split("\n[").next().unwrap().to_owned();
                while read.len() < text.len() {
                    let next = kept.read("c", read.len(), limit).unwrap();
                    let next = next.split("\n[").next().unwrap();
                    prop_assert!(!next.is_empty());
                    read.push_str(next);
                }
                prop_assert_eq!(read, text);
            } else {
                prop_assert_eq!(told, text);
            }
        }
    }
}
