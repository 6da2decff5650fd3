//! Rewrites JSON as providers write it into JSON that every parser reads in the same way.
//!
//! It is used only where a text could not be read as it is, or where a value of an answer is given to callers. What is
//! corrected: a byte order mark; bytes that are not UTF-8 (U+FFFD); repeated fields (the last stays); halves of UTF-16
//! pairs (U+FFFD); control characters in strings; `NaN`, `Infinity` and Python's `None`, `True` and `False`; numbers
//! such as `.5` and `+1`; a comma too many; words after the end. A text that is cut off, or in which another JSON text
//! follows, is not corrected: it would be taken for a whole answer.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::text::{Escaped, escaped};

/// Most fields of an object whose names are compared one by one.
const FEW_FIELDS: usize = 32;

/// The corrected text; `None` if it is neither an object nor an array, or not complete.
#[must_use]
pub fn repaired(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if !text.starts_with(['{', '[']) {
        return None;
    }
    Repair { rest: text, out: String::with_capacity(text.len()), open: Vec::new(), cuts: Vec::new() }.run()
}

/// JSON without repeated fields and halves of characters, borrowed if there are none. What is no JSON stays as it is.
#[must_use]
pub fn clean(json: &str) -> Cow<'_, str> {
    if is_clean(json) || serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        return Cow::Borrowed(json);
    }
    if json.starts_with('"') {
        // A string alone.
        return repaired(format!("[{json}]").as_bytes())
            .and_then(|list| Some(list.strip_prefix('[')?.strip_suffix(']')?.to_owned()))
            .map_or(Cow::Borrowed(json), Cow::Owned);
    }
    repaired(json.as_bytes()).map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The same for a text that is held already, such as the arguments of a call.
#[must_use]
pub fn clean_text(json: String) -> String {
    match clean(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(cleaned) => cleaned,
    }
}

/// An object or array that is open.
struct Open {
    is_object: bool,
    /// Where the current field begins in the output.
    start: usize,
    name: String,
    /// Where each field is in the output, with the comma after it.
    fields: HashMap<String, Range<usize>>,
}

struct Repair<'a> {
    rest: &'a str,
    out: String,
    open: Vec<Open>,
    /// Replaced fields in the output.
    cuts: Vec<Range<usize>>,
}

impl Repair<'_> {
    fn run(mut self) -> Option<String> {
        loop {
            self.value()?;
            // After a value: go on to the next place where one is expected.
            loop {
                let Some(open) = self.open.last_mut() else { return self.finish() };
                self.rest = self.rest.trim_start();
                let is_end = self.rest.starts_with(if open.is_object { '}' } else { ']' });
                if is_end {
                    self.close()?;
                    continue;
                }
                self.rest = self.rest.strip_prefix(',')?.trim_start_matches([',', ' ', '\t', '\r', '\n']);
                let is_end = self.rest.starts_with(if open.is_object { '}' } else { ']' });
                if is_end {
                    self.close()?;
                    continue;
                }
                self.out.push(',');
                if open.is_object {
                    let field = open.start..self.out.len();
                    let name = std::mem::take(&mut open.name);
                    self.cuts.extend(open.fields.insert(name, field));
                    self.name()?;
                }
                break;
            }
        }
    }

    /// Copies a scalar, or everything up to the first value in an object or array. Leaves `rest` after it.
    fn value(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix('"') {
                self.rest = string(rest, &mut self.out)?;
                return Some(());
            }
            let is_object = match self.rest.chars().next()? {
                '{' => true,
                '[' => false,
                _ => return self.word(),
            };
            self.rest = self.rest.get(1..)?.trim_start();
            self.out.push(if is_object { '{' } else { '[' });
            self.open.push(Open { is_object, start: 0, name: String::new(), fields: HashMap::new() });
            if self.rest.starts_with(if is_object { '}' } else { ']' }) {
                return self.close();
            }
            if is_object {
                self.name()?;
            }
        }
    }

    /// Copies a field's name with its colon.
    fn name(&mut self) -> Option<()> {
        let start = self.out.len();
        self.rest = string(self.rest.trim_start().strip_prefix('"')?, &mut self.out)?;
        let name: String = serde_json::from_str(self.out.get(start..)?).ok()?;
        self.rest = self.rest.trim_start().strip_prefix(':')?;
        self.out.push(':');
        let open = self.open.last_mut()?;
        open.start = start;
        open.name = name;
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        let Open { is_object, name, mut fields, .. } = self.open.pop()?;
        self.cuts.extend(fields.remove(&name).filter(|_| is_object));
        self.rest = self.rest.get(1..)?;
        self.out.push(if is_object { '}' } else { ']' });
        Some(())
    }

    /// Copies a number or a literal.
    fn word(&mut self) -> Option<()> {
        let end = self.rest.find([',', ']', '}', ':', '"', ' ', '\t', '\r', '\n']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        match word {
            "true" | "True" => self.out.push_str("true"),
            "false" | "False" => self.out.push_str("false"),
            "null" | "None" | "undefined" | "NaN" | "nan" | "Infinity" | "-Infinity" | "inf" | "-inf" => {
                self.out.push_str("null");
            }
            _ if serde_json::from_str::<&serde_json::value::RawValue>(word).is_ok() => {
                self.out.push_str(word);
            }
            _ => {
                let number: f64 = word.parse().ok().filter(|number: &f64| number.is_finite())?;
                write!(self.out, "{number}").ok()?;
            }
        }
        Some(())
    }

    /// The output without the replaced fields.
    fn finish(mut self) -> Option<String> {
        // Another JSON text must not be lost.
        if self.rest.trim_start().starts_with(['{', '[', '"']) {
            return None;
        }
        if self.cuts.is_empty() {
            return Some(self.out);
        }
        self.cuts.sort_by_key(|cut| cut.start);
        let mut text = String::with_capacity(self.out.len());
        let mut copied = 0;
        for cut in &self.cuts {
            // A cut inside of another one is behind it already.
            if cut.start >= copied {
                text.push_str(self.out.get(copied..cut.start)?);
            }
            copied = copied.max(cut.end);
        }
        text.push_str(self.out.get(copied..)?);
        Some(text)
    }
}

/// Copies a string whose opening quotation mark has been read. Returns what is after it; `None` if it has no end.
fn string<'a>(mut rest: &'a str, out: &mut String) -> Option<&'a str> {
    out.push('"');
    loop {
        let at = rest.find(|character: char| matches!(character, '"' | '\\') || character < ' ')?;
        out.push_str(rest.get(..at)?);
        let mut letters = rest.get(at..)?.chars();
        let letter = letters.next()?;
        rest = letters.as_str();
        match letter {
            '"' => {
                out.push('"');
                return Some(rest);
            }
            '\\' => {
                let escape = letters.next()?;
                let after = letters.as_str();
                match escape {
                    'u' => {
                        let (read, behind) = escaped(after);
                        match read {
                            Escaped::Character(_) if behind.len() == after.len() => out.push_str("\\ufffd"),
                            Escaped::Character(_) => {
                                out.push_str("\\u");
                                out.push_str(after.get(..after.len() - behind.len())?);
                            }
                            Escaped::Half(_) => out.push_str("\\ufffd"),
                        }
                        rest = behind;
                    }
                    '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => {
                        out.push('\\');
                        out.push(escape);
                        rest = after;
                    }
                    // The backslash stands for itself.
                    _ => out.push_str("\\\\"),
                }
            }
            control => write!(out, "\\u{:04x}", u32::from(control)).ok()?,
        }
    }
}

/// Whether valid JSON has neither repeated fields nor halves of characters. Names with escapes, and objects with many
/// fields, are left to [`repaired`].
fn is_clean(json: &str) -> bool {
    let mut names: Vec<&str> = Vec::new();
    // For each open object or array: where its names begin in `names`, and whether it is an object.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut rest = json;
    let mut expects_name = false;
    while let Some(at) = rest.find(['"', '{', '}', '[', ']', ',']) {
        let Some((head, tail)) = rest.get(at..).and_then(|rest| rest.split_at_checked(1)) else {
            return false;
        };
        rest = tail;
        match head {
            "{" | "[" => {
                open.push((names.len(), head == "{"));
                expects_name = head == "{";
            }
            "}" | "]" => {
                let Some((start, _)) = open.pop() else { return false };
                names.truncate(start);
                expects_name = false;
            }
            "," => expects_name = open.last().is_some_and(|(_, is_object)| *is_object),
            _ => {
                let Some((text, after)) = until_quote(rest) else { return false };
                rest = after;
                if expects_name {
                    let start = open.last().map_or(0, |(start, _)| *start);
                    let earlier = names.get(start..).unwrap_or_default();
                    if text.contains('\\') || earlier.contains(&text) || earlier.len() > FEW_FIELDS {
                        return false;
                    }
                    names.push(text);
                    expects_name = false;
                } else if has_half(text) {
                    return false;
                }
            }
        }
    }
    true
}

/// A string up to its closing quotation mark, and what is after that.
fn until_quote(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find(['"', '\\'])?;
        if text.as_bytes().get(at) == Some(&b'"') {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
        // An escaped character may have several bytes.
        from = at + 1 + text.get(at + 1..)?.chars().next()?.len_utf8();
    }
}

fn has_half(mut text: &str) -> bool {
    while let Some(at) = text.find('\\') {
        let Some(rest) = text.get(at + 1..) else { return false };
        text = match rest.strip_prefix('u') {
            Some(digits) => match escaped(digits) {
                (Escaped::Half(_), _) => return true,
                (Escaped::Character(_), after) => after,
            },
            None => rest.get(1..).unwrap_or_default(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn what_providers_write_becomes_json() {
        for (written, json) in [
            (r#"{"a":1,"b":{"c":1,"c":2},"a":[3]}"#, r#"{"b":{"c":2},"a":[3]}"#),
            (r#"{"a":{"x":1,"x":2},"a":1,"\u0061":5}"#, r#"{"\u0061":5}"#),
            (r#"{"a":"\ud83d","\ude00":"\ud83d\ude00"}"#, r#"{"a":"\ufffd","\ufffd":"\ud83d\ude00"}"#),
            ("\u{feff} {\"a\":1}\n", r#"{"a":1}"#),
            ("{\"a\":\"x\ny\tz\"}", r#"{"a":"x\u000ay\u0009z"}"#),
            (r#"{"a":NaN,"b":[-Infinity,None,True,.5,+1,1.]}"#, r#"{"a":null,"b":[null,null,true,0.5,1,1]}"#),
            (r#"{"a":[1,2,],"b":{},}"#, r#"{"a":[1,2],"b":{}}"#),
            (r#"{"a":"\x\'","b":1} thanks"#, r#"{"a":"\\x\\'","b":1}"#),
            (r#"[{"a":1,"a":2},[],[[ ]]]"#, r#"[{"a":2},[],[[]]]"#),
            (r#"{"a":1,"a":2,}"#, r#"{"a":2}"#),
        ] {
            assert_eq!(repaired(written.as_bytes()).as_deref(), Some(json), "{written}");
            assert!(serde_json::from_str::<Value>(json).is_ok());
        }
        assert_eq!(repaired(b"{\"a\":\"\xff\"}").as_deref(), Some("{\"a\":\"\u{FFFD}\"}"));
    }

    #[test]
    fn what_is_cut_off_or_no_json_stays_unread() {
        for text in [
            "",
            "<html>",
            "word",
            "7",
            "\"x\"",
            "{",
            r#"{"a""#,
            r#"{"a":"#,
            r#"{"a":"x"#,
            r#"{"a":1"#,
            r#"{"a":[1}"#,
            r#"{"a" 1}"#,
            r#"{"a":x y}"#,
            r#"{"a":1}{"b":2}"#,
            r"{1:2}",
        ] {
            assert_eq!(repaired(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_clean_is_borrowed() {
        for json in [
            r#"{"a":1,"b":{"a":2,"c":["a","a"]},"d":"\ud83d\ude00\n"}"#,
            "[1,2]",
            "7",
            r#""x\"y""#,
            "null",
            "{}",
            r#"{"a":{"b":1},"b":{"a":"{\"a\",\"a\"}"}}"#,
        ] {
            assert!(matches!(clean(json), Cow::Borrowed(_)), "{json}");
        }
        assert_eq!(clean(r#"{"a":1,"b":2,"a":3}"#), r#"{"b":2,"a":3}"#);
        assert_eq!(clean(r#"{"a":["\ud83d"]}"#), r#"{"a":["\ufffd"]}"#);
        assert_eq!(clean(r#""\ud83d""#), r#""\ufffd""#);
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-c\"\\\\😀]{1,2}", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// The tree as JSON in which each field stands twice: first with another value.
    fn doubled(tree: &Value, out: &mut String) {
        match tree {
            Value::Object(fields) => {
                out.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    let name = Value::from(name.as_str());
                    write!(out, "{comma}{name}:{{\"z\":1,\"z\":\"\\ud83d\"}},{name}:").unwrap();
                    doubled(value, out);
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { " , " } else { "" });
                    doubled(item, out);
                }
                out.push(']');
            }
            other => write!(out, "{other}").unwrap(),
        }
    }

    proptest! {
        #[test]
        fn every_document_survives(tree in tree()) {
            let list = Value::from(vec![tree]);
            let json = list.to_string();
            prop_assert!(matches!(clean(&json), Cow::Borrowed(_)) || json.contains('\\'));
            prop_assert_eq!(&repaired(json.as_bytes()).unwrap(), &json);
            let mut written = String::new();
            doubled(&list, &mut written);
            let read: Value = serde_json::from_str(&clean(&written)).unwrap();
            prop_assert_eq!(read, list);
        }

        #[test]
        fn what_comes_out_is_json(bytes in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b'{'), Just(b'}'), Just(b':'), Just(b','), Just(b'['), Just(b']'), Just(b'\\'), Just(b'a'), Just(b'1'), any::<u8>()], 0..24,
        )) {
            let mut text = b"{\"a\":".to_vec();
            text.extend(bytes);
            if let Some(json) = repaired(&text) {
                prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&json).is_ok(), "{json}");
                prop_assert!(is_clean(&json) || json.contains('\\'));
            }
            let _ = is_clean(&String::from_utf8_lossy(&text));
        }
    }
}
