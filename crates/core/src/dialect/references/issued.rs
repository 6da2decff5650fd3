//! The ids that come about in an answer, so that its caller may name them afterwards.
//!
//! Read are only the places where the service itself writes ids. Texts, arguments of calls and what a caller's own server
//! answered may contain any id, and make no one its owner.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde_json::json;
use serde_json::value::RawValue;

use super::kind::Kind;
use super::walk::Walk;
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{Answered, ErrorInfo};
use crate::dialect::pipe::{Forward, StreamEnd, StreamFacts, StreamPipe};
use crate::json::object::JsonObject;
use crate::sse::{EventReader, Segment};

/// A larger event is not read: it is a picture or a text, not an id.
const MAX_EVENT_BYTES: usize = 1 << 20;
/// Most ids of one answer.
const MAX_IDS: usize = 500;

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    id: Option<String>,
}

/// The ids in a complete answer.
#[must_use]
pub fn in_answer(caller_dialect: CallerDialect, body: &[u8]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let Ok(fields) = serde_json::from_slice::<JsonObject<'_>>(body) else { return ids };
    let list = |name: &str| -> Vec<&RawValue> {
        fields.get(name).and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
    };
    match caller_dialect {
        CallerDialect::OpenaiResponses => {
            for item in list("output") {
                of_item(item, &mut ids);
            }
        }
        CallerDialect::Anthropic => {
            of_container(&fields, &mut ids);
            for block in list("content") {
                of_block(block, &mut ids);
            }
        }
        CallerDialect::OpenaiChat => of_choices(&list("choices"), "message", &mut ids),
        CallerDialect::OpenaiCompletions | CallerDialect::Gemini => {}
    }
    ids
}

/// The ids that a stream noted ([`IssuedPipe`], the observer of the Responses API), or those of a complete answer.
#[must_use]
pub fn noted_in(caller_dialect: CallerDialect, body: &[u8]) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Noted {
        issued: BTreeSet<String>,
    }
    match serde_json::from_slice::<Noted>(body) {
        Ok(noted) => noted.issued,
        Err(_) => in_answer(caller_dialect, body),
    }
}

/// The ids in an event of a stream.
fn in_event(caller_dialect: CallerDialect, data: &[u8], ids: &mut BTreeSet<String>) {
    let Ok(fields) = serde_json::from_slice::<JsonObject<'_>>(data) else { return };
    match caller_dialect {
        CallerDialect::Anthropic => {
            for name in ["message", "delta"] {
                if let Some(inner) = fields.get(name)
                    && let Ok(inner) = serde_json::from_str::<JsonObject<'_>>(inner.get())
                {
                    of_container(&inner, ids);
                }
            }
            if let Some(block) = fields.get("content_block") {
                of_block(block, ids);
            }
        }
        CallerDialect::OpenaiChat => {
            let choices =
                fields.get("choices").map(|value| serde_json::from_str::<Vec<&RawValue>>(value.get()));
            of_choices(&choices.and_then(Result::ok).unwrap_or_default(), "delta", ids);
        }
        _ => {}
    }
}

/// An item of a response: its own id, and those of what its work made.
fn of_item(item: &RawValue, ids: &mut BTreeSet<String>) {
    let Ok(Typed { kind, id }) = serde_json::from_str(item.get()) else { return };
    add(ids, id);
    if matches!(
        kind.as_ref(),
        "message" | "code_interpreter_call" | "image_generation_call" | "shell_call" | "shell_call_output"
    ) {
        within(CallerDialect::OpenaiChat, item, ids);
    }
}

/// A content block of a message.
fn of_block(block: &RawValue, ids: &mut BTreeSet<String>) {
    let Ok(Typed { kind, .. }) = serde_json::from_str(block.get()) else { return };
    if kind.contains("code_execution") && kind.ends_with("_tool_result") {
        within(CallerDialect::Anthropic, block, ids);
    }
}

fn of_container(message: &JsonObject<'_>, ids: &mut BTreeSet<String>) {
    let container = message.get_set("container");
    let container = container.and_then(|container| serde_json::from_str::<Typed<'_>>(container.get()).ok());
    add(ids, container.and_then(|container| container.id));
}

fn of_choices(choices: &[&RawValue], message: &str, ids: &mut BTreeSet<String>) {
    let inner = |value: &RawValue, name: &str| -> Option<Box<RawValue>> {
        let fields: JsonObject<'_> = serde_json::from_str(value.get()).ok()?;
        Some(fields.get_set(name)?.to_owned())
    };
    for choice in choices {
        let audio = inner(choice, message).and_then(|message| inner(&message, "audio"));
        let audio = audio.and_then(|audio| inner(&audio, "id"));
        add(ids, audio.and_then(|id| serde_json::from_str(id.get()).ok()));
    }
}

/// The files and containers that a value names.
fn within(caller_dialect: CallerDialect, value: &RawValue, ids: &mut BTreeSet<String>) {
    let mut walk = Walk::new(caller_dialect);
    let mut reader = serde_json::Deserializer::from_str(value.get());
    if walk.whole().deserialize(&mut reader).is_ok() {
        for reference in walk.end().0 {
            // An address, or a text that looks like one, is no id of the service's.
            if matches!(reference.kind, Kind::File | Kind::Container) && !reference.id.contains("://") {
                add(ids, Some(reference.id));
            }
        }
    }
}

fn add(ids: &mut BTreeSet<String>, id: Option<String>) {
    if let Some(id) = id.filter(|id| !id.is_empty() && id.len() <= 256)
        && ids.len() < MAX_IDS
    {
        ids.insert(id);
    }
}

/// A stream that passes through, of which the ids that come about are noted.
pub struct IssuedPipe {
    pipe: Box<dyn StreamPipe>,
    caller_dialect: CallerDialect,
    reader: EventReader,
    ids: BTreeSet<String>,
}

impl IssuedPipe {
    /// Notes the ids in the stream of a pipe whose bytes are in this dialect.
    #[must_use]
    pub fn new(pipe: Box<dyn StreamPipe>, caller_dialect: CallerDialect) -> Self {
        Self { pipe, caller_dialect, reader: EventReader::new(MAX_EVENT_BYTES), ids: BTreeSet::new() }
    }
}

impl StreamPipe for IssuedPipe {
    fn push(&mut self, chunk: &[u8]) -> Forward {
        let (caller_dialect, ids) = (self.caller_dialect, &mut self.ids);
        self.reader.push(chunk, |segment| {
            if let Segment::Event(event) = segment
                && let Some(data) = event.data()
            {
                in_event(caller_dialect, &data, ids);
            }
        });
        self.pipe.push(chunk)
    }

    fn finish(&mut self) -> StreamEnd {
        self.pipe.finish()
    }

    fn facts(&self) -> StreamFacts {
        self.pipe.facts()
    }

    fn is_complete(&self) -> bool {
        self.pipe.is_complete()
    }

    fn at_boundary(&self) -> bool {
        self.pipe.at_boundary()
    }

    fn keep_alive(&self) -> &'static [u8] {
        self.pipe.keep_alive()
    }

    /// The ids, as soon as the answer is complete.
    fn final_body(&self) -> Option<Vec<u8>> {
        self.pipe.is_complete().then(|| json!({ "issued": self.ids }).to_string().into_bytes())
    }

    fn has_content(&mut self) -> bool {
        self.pipe.has_content()
    }

    fn is_at_work(&self) -> bool {
        self.pipe.is_at_work()
    }

    fn error(&mut self) -> Option<ErrorInfo> {
        self.pipe.error()
    }

    fn take_answer(&mut self) -> Answered {
        self.pipe.take_answer()
    }

    fn encode_error(&mut self, error: &ErrorInfo) -> Vec<u8> {
        self.pipe.encode_error(error)
    }
}
