//! Answers with faults mean what they mean without them.
//!
//! Every fixture of an answer, whole and streamed, is written with the faults that providers' JSON has: repeated fields,
//! halves of UTF-16 pairs, numbers as text, odd types, odd syntax. It must be decoded as the same answer without the
//! fault. What callers receive is encoded from what is decoded, so it is the same in every caller dialect.

#![expect(clippy::unwrap_used, reason = "a test that finds something has to say what")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ChatResponse, ErrorInfo, UpstreamCodec, assemble};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::provider::{ProviderKind, Quirks};
use serde_json::Value;

#[path = "../fuzz/src/frames.rs"]
mod frames;

const KINDS: [(ProviderKind, &str); 7] = [
    (ProviderKind::Openai, "openai"),
    (ProviderKind::Anthropic, "anthropic"),
    (ProviderKind::Bedrock, "bedrock"),
    (ProviderKind::Cohere, "cohere"),
    (ProviderKind::Gemini, "gemini"),
    (ProviderKind::Dashscope, "dashscope"),
    (ProviderKind::Dify, "dify"),
];

/// Stands for half a character until the JSON is written.
const HALF: char = '\u{E000}';

/// Fields with text that is shown to people.
const TEXTS: &[&str] = &[
    "text",
    "content",
    "thinking",
    "reasoning_content",
    "reasoning",
    "refusal",
    "answer",
    "thought",
    "title",
    "tool_plan",
];

/// Fields with a count or a position.
const NUMBERS: &[&str] = &["index", "created", "created_at", "contentBlockIndex"];

/// Fields with the arguments of a call.
const ARGUMENTS: &[&str] = &["arguments", "input", "args", "partial_json"];

fn codec(kind: ProviderKind) -> Box<dyn UpstreamCodec> {
    kind.provider().codec(Quirks::NONE)
}

fn fixtures(folder: &str, name: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder).join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn whole(kind: ProviderKind, json: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    codec(kind).decode_response(json)
}

fn streamed(kind: ProviderKind, stream: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let mut decoder = codec(kind).stream_decoder();
    let mut events = Vec::new();
    decoder.push(stream, &mut events);
    decoder.finish(&mut events);
    assemble(events)
}

/// The stream with each of its documents rewritten.
fn rewritten(stream: &str, mut rewrite: impl FnMut(&Value) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for line in stream.lines() {
        let (head, json, tail) = match line.strip_prefix("data:") {
            Some(json) => ("data:".to_owned(), json, ""),
            // An event of Bedrock, with its name before it.
            None if line.starts_with('{') => {
                let (name, payload) = line.split_once(':').unwrap();
                (format!("{name}:"), payload.strip_suffix('}').unwrap(), "}")
            }
            None => (String::new(), line, ""),
        };
        out.extend(head.as_bytes());
        match serde_json::from_str::<Value>(json) {
            Ok(document) if document.is_object() => out.extend(rewrite(&document)),
            _ => out.extend(json.as_bytes()),
        }
        out.extend(tail.as_bytes());
        out.push(b'\n');
    }
    out
}

fn framed(kind: ProviderKind, stream: Vec<u8>) -> Vec<u8> {
    if kind == ProviderKind::Bedrock { frames::framed(&stream) } else { stream }
}

/// Checks that all answers are the same with two ways to write them.
fn compare(fault: &str, clean: impl Fn(&Value) -> Vec<u8>, faulty: impl Fn(&Value) -> Vec<u8>) {
    let mut compared = 0;
    for (kind, name) in KINDS {
        for (path, json) in fixtures("responses", name) {
            let document: Value = serde_json::from_str(&json).unwrap();
            let (clean, faulty) = (clean(&document), faulty(&document));
            compared += usize::from(clean != faulty);
            assert_eq!(
                whole(kind, &faulty),
                whole(kind, &clean),
                "{fault}: {}\n{}",
                path.display(),
                String::from_utf8_lossy(&faulty)
            );
        }
        for (path, stream) in fixtures("streams", name) {
            let clean = framed(kind, rewritten(&stream, &clean));
            let faulty = framed(kind, rewritten(&stream, &faulty));
            compared += usize::from(clean != faulty);
            assert_eq!(
                streamed(kind, &faulty),
                streamed(kind, &clean),
                "{fault}: {}\n{}",
                path.display(),
                String::from_utf8_lossy(&faulty)
            );
        }
    }
    assert!(compared > 60, "{fault} was in {compared} answers only");
}

fn written(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}

/// Writes a document; `member` writes a field.
fn write(value: &Value, out: &mut String, member: &dyn Fn(&str, &Value, &mut String)) {
    match value {
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                member(name, value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(item, out, member);
            }
            out.push(']');
        }
        other => write!(out, "{other}").unwrap(),
    }
}

fn plain_member(name: &str, value: &Value, out: &mut String, member: &dyn Fn(&str, &Value, &mut String)) {
    write!(out, "{}:", Value::from(name)).unwrap();
    write(value, out, member);
}

#[test]
fn of_repeated_fields_the_last_counts() {
    fn member(name: &str, value: &Value, out: &mut String) {
        let junk = match value {
            Value::String(_) => r#""junk""#,
            Value::Number(_) => "7",
            Value::Bool(_) => "false",
            Value::Array(_) => r#"[{"type":"text","text":"junk"}]"#,
            Value::Object(_) => r#"{"type":"text","text":"junk"}"#,
            Value::Null => "null",
        };
        write!(out, "{}:{junk},", Value::from(name)).unwrap();
        plain_member(name, value, out, &member);
    }
    compare("repeated fields", written, |document| {
        let mut out = String::new();
        write(document, &mut out, &member);
        out.into_bytes()
    });
}

/// Adds a mark for half a character to every text, and to the strings and names in arguments.
fn with_halves(value: &Value, is_text: bool, in_arguments: bool) -> Value {
    match value {
        Value::String(text) if is_text && !text.is_empty() => Value::from(format!("{text}{HALF}")),
        Value::Array(items) => items.iter().map(|item| with_halves(item, is_text, in_arguments)).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let is_argument = ARGUMENTS.contains(&name.as_str());
                let value = match value {
                    Value::String(text) if is_argument => match serde_json::from_str::<Value>(text) {
                        Ok(arguments) if arguments.is_object() => {
                            Value::from(with_halves(&arguments, true, true).to_string())
                        }
                        _ => value.clone(),
                    },
                    _ => with_halves(
                        value,
                        in_arguments || is_argument || TEXTS.contains(&name.as_str()),
                        in_arguments || is_argument,
                    ),
                };
                let name = if in_arguments { format!("{name}{HALF}") } else { name.clone() };
                (name, value)
            };
            Value::Object(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn half_a_character_is_replaced() {
    for half in ["\\ud83d", "\\uDE00"] {
        let write = |document: &Value, half: &str| {
            with_halves(document, false, false).to_string().replace(HALF, half).into_bytes()
        };
        compare("halves", |document| write(document, "\\ufffd"), |document| write(document, half));
    }
}

#[test]
fn numbers_may_be_text() {
    fn member(name: &str, value: &Value, out: &mut String) {
        match value {
            Value::Number(number) if NUMBERS.contains(&name) => {
                write!(out, "\"{name}\":\"{number}\"").unwrap();
            }
            // Passed on as it is.
            _ if name == "search_results" => write!(out, "\"{name}\":{value}").unwrap(),
            _ => plain_member(name, value, out, &member),
        }
    }
    compare("numbers as text", written, |document| {
        let mut out = String::new();
        write(document, &mut out, &member);
        out.into_bytes()
    });
}

#[test]
fn what_is_unknown_does_not_matter() {
    fn member(name: &str, value: &Value, out: &mut String) {
        plain_member(name, value, out, &member);
        // Not into what is passed on as it is.
        if matches!(name, "role" | "usage" | "model" | "delta" | "candidates" | "output") {
            out.push_str(r#","x_unknown":{"y":[null,{"z":"\ud83d"}]},"x_null":null"#);
        }
    }
    compare("unknown fields", written, |document| {
        let mut out = String::new();
        write(document, &mut out, &member);
        out.into_bytes()
    });
}

#[test]
fn odd_syntax_does_not_matter() {
    for fault in [
        ("{", "\u{feff}{"),
        ("{", " \t{"),
        ("{", "{\"x_unknown\":NaN,"),
        ("{", "{\"x_unknown\":\"\\x\",\"y\":[1,2,],"),
        ("{", "{\"x_unknown\":\"\u{1}\u{7f}\","),
        ("{", "{\"x_unknown\":\"BYTE\","),
    ] {
        compare(fault.1, written, |document| {
            let json = document.to_string().replacen(fault.0, fault.1, 1);
            let at = json.find("BYTE");
            let mut bytes = json.into_bytes();
            if let Some(at) = at {
                bytes.splice(at..at + 4, [0xFF, 0xED, 0xA0, 0xBD]);
            }
            bytes
        });
    }
}

/// The pieces of text in a document, as paths.
fn pieces(document: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_text = TEXTS.contains(&name.as_str()) && *name != "title";
                    match value {
                        Value::String(text) if is_text && !text.is_empty() => {
                            out.push(format!("{path}/{name}"));
                        }
                        // The text of a citation comes in one piece.
                        _ if name.contains("citation") => {}
                        _ => walk(value, &format!("{path}/{name}"), out),
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{path}/{index}"), out);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

/// What tells the texts of a stream apart besides their paths.
fn numbers(document: &Value) -> String {
    [
        "/index",
        "/contentBlockIndex",
        "/choices/0/index",
        "/candidates/0/index",
        "/candidates/0/content/parts/0/thought",
    ]
    .iter()
    .map(|name| document.pointer(name).map(Value::to_string).unwrap_or_default())
    .collect()
}

#[test]
fn halves_in_two_pieces_are_put_together() {
    let mut joined = 0;
    for (kind, name) in KINDS {
        for (path, stream) in fixtures("streams", name) {
            // Each event of these repeats the text of those before.
            if path.to_string_lossy().contains("repeated") || kind == ProviderKind::Dify {
                continue;
            }
            let mut documents = Vec::new();
            rewritten(&stream, |document| {
                documents.push(document.clone());
                Vec::new()
            });
            let places: Vec<Vec<String>> = documents
                .iter()
                .map(|document| {
                    pieces(document).iter().map(|piece| piece.clone() + "#" + &numbers(document)).collect()
                })
                .collect();
            for (first, place) in
                places.iter().enumerate().flat_map(|(at, places)| places.iter().map(move |place| (at, place)))
            {
                if places.get(first + 1).is_none_or(|next| !next.contains(place)) {
                    continue;
                }
                let write = |head: &str, tail: &str| {
                    let mut at = 0;
                    let stream = rewritten(&stream, |document| {
                        let mut document = document.clone();
                        let pointer = place.split('#').next().unwrap();
                        if let Some(text) = document.pointer_mut(pointer) {
                            if at == first {
                                *text = Value::from(format!("{}{HALF}", text.as_str().unwrap()));
                            } else if at == first + 1 {
                                *text = Value::from(format!("{HALF}{}", text.as_str().unwrap()));
                            }
                        }
                        let half = if at == first { head } else { tail };
                        at += 1;
                        document.to_string().replace(HALF, half).into_bytes()
                    });
                    streamed(kind, &framed(kind, stream))
                };
                let clean = write("", "😀");
                assert_eq!(write("\\ud83d", "\\ude00"), clean, "{} {place} {first}", path.display());
                joined += usize::from(format!("{clean:?}").contains('😀'));
            }
        }
    }
    assert!(joined > 20, "{joined}");
}

/// The requests of a caller dialect with one of their strings replaced, each in two ways.
fn with_one_half(document: &Value, at: usize) -> Option<Value> {
    fn walk(value: &mut Value, left: &mut usize) -> bool {
        match value {
            Value::String(text) => {
                if *left == 0 {
                    text.push(HALF);
                    return true;
                }
                *left -= 1;
                false
            }
            Value::Array(items) => items.iter_mut().any(|item| walk(item, left)),
            Value::Object(fields) => fields.values_mut().any(|value| walk(value, left)),
            _ => false,
        }
    }
    let (mut document, mut left) = (document.clone(), at);
    walk(&mut document, &mut left).then_some(document)
}

#[test]
fn a_request_with_half_a_character_is_refused_or_read_with_a_replacement() {
    let (mut refused, mut read, mut different) = (0, 0, Vec::new());
    for (dialect, name) in [
        (CallerDialect::OpenaiChat, "openai"),
        (CallerDialect::OpenaiCompletions, "openai_legacy"),
        (CallerDialect::OpenaiResponses, "responses"),
        (CallerDialect::Anthropic, "anthropic"),
        (CallerDialect::Gemini, "gemini"),
    ] {
        for (path, json) in fixtures("requests", name) {
            let document: Value = serde_json::from_str(&json).unwrap();
            for faulty in (0..).map_while(|at| with_one_half(&document, at)) {
                let decode = |half: &str| {
                    let body = faulty.to_string().replace(HALF, half);
                    (registry::caller(dialect).decode_request(body.as_bytes()), body)
                };
                match decode("\\ud83d") {
                    (Err(error), body) => {
                        assert_eq!(error.status, 400, "{}\n{body}", path.display());
                        refused += 1;
                    }
                    (Ok(request), body) => {
                        let clean = decode("\\ufffd").0.unwrap();
                        // JSON is carried as it is written.
                        let shown = |request| format!("{request:?}").replace("ud83d", "ufffd");
                        if request != clean && shown(request) != shown(clean) {
                            different.push(format!("{}\n{body}", path.display()));
                        }
                        read += 1;
                    }
                }
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(refused > 500 && read > 50, "{refused} {read}");
}
