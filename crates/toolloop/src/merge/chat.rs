//! Chat Completions: the gateway's calls are hidden, or told in chunks of their own (`nexus.tool`) if the caller wants them.

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::json::lenient::{Object, append, items};
use nexus_edge_core::json::splice::quote;
use nexus_edge_core::sse::writer::DONE;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::rounds::{Call, Ended, Fates, Rounds, Setting, Told, Turn, write, write_error};
use crate::json::{Patch, array, at, steps, value};
use crate::tool::Fate;
use crate::usage::Usages;

/// Stands between what the model said in two rounds.
pub(super) const PARAGRAPH: &str = "\n\n";

/// The rounds of a chat completion.
pub(super) struct Chat {
    wants_tool_events: bool,
    /// Id and time of the first round, as they are written; those of all chunks.
    id: Option<String>,
    created: Option<String>,
    model: Option<String>,
    is_first_round: bool,
    text: Text,
    visible_calls: u64,
    usages: Usages,
    round: Round,
    /// Chunks that end the answer, if this round is the last.
    end: Option<Vec<u8>>,
    usage: Option<Vec<u8>>,
    /// Texts of the whole answers of earlier rounds.
    whole_text: String,
    whole: Option<Vec<u8>>,
}

/// What is known of the text that the caller was told.
#[derive(Default)]
struct Text {
    has_any: bool,
    ends_line: bool,
    /// Whether what comes next is of another round.
    begins_round: bool,
}

/// What a round has said.
#[derive(Default)]
struct Round {
    message: Map<String, Value>,
    calls: Vec<Pending>,
    reason: Option<String>,
    is_done: bool,
    has_failed: bool,
}

/// A call of a round.
struct Pending {
    index: u64,
    /// The object as it goes into the history.
    raw: Map<String, Value>,
    fate: Fate,
    /// Its position in the caller's answer.
    visible: Option<u64>,
}

impl Chat {
    pub(super) fn new(setting: &Setting) -> Self {
        Self {
            wants_tool_events: setting.wants_tool_events,
            id: None,
            created: None,
            model: None,
            is_first_round: true,
            text: Text::default(),
            visible_calls: 0,
            usages: Usages::default(),
            round: Round::default(),
            end: None,
            usage: None,
            whole_text: String::new(),
            whole: None,
        }
    }

    /// Gives a chunk the id of the answer.
    fn identify(&mut self, root: &RawValue, patch: &mut Patch<'_>) {
        for (name, known) in
            [("id", &mut self.id), ("created", &mut self.created), ("model", &mut self.model)]
        {
            let Some(found) = at(root, steps![name]) else { continue };
            match known {
                None => *known = Some(found.get().to_owned()),
                Some(known) if known == found.get() => {}
                Some(known) => patch.replace(found, known.clone()),
            }
        }
    }

    /// The calls of a delta that the caller is told of, with their positions in its answer.
    fn calls(&mut self, calls: &RawValue, fates: Fates<'_>) -> Vec<String> {
        let mut visible = Vec::new();
        for (position, raw) in items(calls).into_iter().enumerate() {
            let Some(delta) = Object::of(raw) else { continue };
            let index = delta.integer("index").unwrap_or(position as u64);
            let id = delta.text("id");
            let name = delta.object("function").and_then(|function| function.text("name"));
            let known = self.round.calls.iter().rposition(|call| call.index == index);
            // Some services give every call the index 0, and tell them apart by their ids.
            let is_new = known.and_then(|known| self.round.calls.get(known)).is_none_or(|call| {
                let other = call.raw.get("id").and_then(Value::as_str);
                id.as_deref().is_some_and(|id| other.is_some_and(|other| other != id)) && name.is_some()
            });
            if is_new {
                let fate = name.as_deref().map_or(Fate::Callers, fates);
                let is_visible = !matches!(fate, Fate::Ours(_));
                let visible = is_visible.then_some(self.visible_calls);
                self.visible_calls += u64::from(is_visible);
                self.round.calls.push(Pending { index, raw: Map::new(), fate, visible });
            }
            let call = if is_new {
                self.round.calls.last_mut()
            } else {
                known.and_then(|known| self.round.calls.get_mut(known))
            };
            let Some(call) = call else { continue };
            if let Ok(Value::Object(mut delta)) = serde_json::from_str(raw.get()) {
                delta.remove("index");
                grow(&mut call.raw, delta);
            }
            if let Some(place) = call.visible {
                let mut patch = Patch::of(raw.get().as_bytes());
                if let Some(root) = value(raw.get().as_bytes()) {
                    patch.set(root, "index", place.to_string());
                }
                visible.push(String::from_utf8(patch.apply()).unwrap_or_default());
            }
        }
        visible
    }

    /// What becomes of a delta for the caller; true if nothing of it is left.
    fn delta(&mut self, delta: &RawValue, patch: &mut Patch<'_>, fates: Fates<'_>) -> bool {
        let fields = Object::of(delta).unwrap_or_default();
        let mut is_empty = true;
        let mut kept: Vec<(String, String)> = Vec::new();
        let mut is_changed = false;
        for (name, member) in fields.iter() {
            match name {
                "role" if !self.is_first_round => {
                    is_changed = true;
                    continue;
                }
                "role" if self.has_begun() => {}
                "tool_calls" if member.get() != "null" => {
                    let visible = self.calls(member, fates);
                    is_changed = true;
                    if visible.is_empty() {
                        continue;
                    }
                    kept.push((name.to_owned(), array(&visible)));
                    is_empty = false;
                    continue;
                }
                "content" if member.get().starts_with('"') => {
                    let text = fields.piece("content").unwrap_or_default();
                    if !text.is_empty() {
                        if self.text.begins_round && self.text.has_any && !self.text.ends_line {
                            is_changed = true;
                            let begun =
                                format!("\"\\n\\n{}", member.get().strip_prefix('"').unwrap_or_default());
                            kept.push((name.to_owned(), begun));
                            self.note_text(&text);
                            is_empty = false;
                            continue;
                        }
                        self.note_text(&text);
                        is_empty = false;
                    }
                }
                _ if matches!(member.get(), "null" | "\"\"" | "[]") => {}
                _ => is_empty = false,
            }
            kept.push((name.to_owned(), member.get().to_owned()));
        }
        if is_changed {
            let members: Vec<String> =
                kept.iter().map(|(name, raw)| format!("{}:{raw}", quote(name))).collect();
            patch.replace(delta, format!("{{{}}}", members.join(",")));
        }
        if let Ok(Value::Object(mut delta)) = serde_json::from_str(delta.get()) {
            delta.remove("tool_calls");
            grow(&mut self.round.message, delta);
        }
        is_empty
    }

    fn note_text(&mut self, text: &str) {
        self.text = Text { has_any: true, ends_line: text.ends_with('\n'), begins_round: false };
    }

    /// Whether the first chunk of the round has come, which alone is passed on without content.
    fn has_begun(&self) -> bool {
        !self.round.message.is_empty()
    }

    fn take_turn(&mut self) -> Turn {
        let Round { mut message, calls: pending, reason, .. } = std::mem::take(&mut self.round);
        let is_cut = matches!(reason.as_deref(), Some("length" | "content_filter"));
        message.insert("role".to_owned(), "assistant".into());
        message.entry("content").or_insert(Value::Null);
        let calls: Vec<Call> = pending.iter().enumerate().map(|(at, call)| as_call(at, call)).collect();
        if !pending.is_empty() {
            let raw = pending.into_iter().zip(&calls).map(|(pending, call)| {
                let mut raw = pending.raw;
                raw.insert("id".to_owned(), call.id.clone().into());
                raw.insert("type".to_owned(), "function".into());
                Value::Object(raw)
            });
            message.insert("tool_calls".to_owned(), raw.collect());
        }
        Turn { said: vec![Value::Object(message).to_string()], calls, is_cut }
    }

    /// The reason of the end as the caller is told it: without calls of its own, an answer does not end for calls.
    fn reason(&self) -> Option<&'static str> {
        (self.visible_calls == 0).then_some("\"stop\"")
    }

    fn ended(&self, data: &[u8]) -> Vec<u8> {
        let mut patch = Patch::of(data);
        if let Some(root) = value(data) {
            if let Some(reason) = at(root, steps!["choices", 0, "finish_reason"])
                && matches!(reason.get(), "\"tool_calls\"" | "\"function_call\"")
                && let Some(told) = self.reason()
            {
                patch.replace(reason, told);
            }
            if let Some(usage) = at(root, steps!["usage"])
                && let Some(sum) = self.usages.sum_of_several()
            {
                patch.replace(usage, sum);
            }
        }
        patch.apply()
    }
}

fn as_call(at: usize, pending: &Pending) -> Call {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let function = pending.raw.get("function");
    let id = text(pending.raw.get("id"));
    let arguments = match function.and_then(|function| function.get("arguments")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    Call {
        id: if id.is_empty() { format!("call_{at}") } else { id },
        name: text(function.and_then(|function| function.get("name"))),
        arguments,
        fate: pending.fate.clone(),
    }
}

/// Adds a delta to what was said: texts go on, items with an index too, other values replace.
fn grow(known: &mut Map<String, Value>, delta: Map<String, Value>) {
    for (name, new) in delta {
        let is_word =
            matches!(name.as_str(), "role" | "type" | "id" | "name" | "format" | "index" | "signature");
        match (known.get_mut(&name), new) {
            (Some(Value::String(text)), Value::String(piece)) if !is_word => append(text, &piece),
            (Some(Value::Object(known)), Value::Object(delta)) => grow(known, delta),
            (Some(Value::Array(known)), Value::Array(delta)) => grow_list(known, delta),
            (Some(_), Value::Null) => {}
            (_, new) => {
                known.insert(name, new);
            }
        }
    }
}

fn grow_list(known: &mut Vec<Value>, delta: Vec<Value>) {
    for item in delta {
        let index = item.get("index").cloned();
        let same = known.iter_mut().find(|known| index.is_some() && known.get("index") == index.as_ref());
        match (same, item) {
            (Some(Value::Object(known)), Value::Object(item)) => grow(known, item),
            (_, item) => known.push(item),
        }
    }
}

impl Rounds for Chat {
    fn event(&mut self, _: Option<&[u8]>, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        if data.trim_ascii() == b"[DONE]" {
            self.round.is_done = true;
            return;
        }
        let Some(root) = value(data) else { return };
        if at(root, steps!["error"]).is_some() {
            self.round.has_failed = true;
            return write(out, data);
        }
        let mut patch = Patch::of(data);
        self.identify(root, &mut patch);
        if let Some(usage) = at(root, steps!["usage"]) {
            self.usages.report(usage.get());
        }
        let Some(choice) = at(root, steps!["choices", 0]) else {
            if at(root, steps!["usage"]).is_some() {
                self.usage = Some(patch.apply());
            } else {
                write(out, &patch.apply());
            }
            return;
        };
        let reason = at(choice, steps!["finish_reason"]);
        let had_begun = self.has_begun();
        let delta = at(choice, steps!["delta"]);
        let is_empty = delta.is_none_or(|delta| self.delta(delta, &mut patch, fates));
        if let Some(reason) = reason {
            self.round.reason = serde_json::from_str(reason.get()).ok();
            let mut end = Patch::of(data);
            self.identify(root, &mut end);
            if let Some(delta) = delta {
                end.replace(delta, "{}");
            }
            self.end = Some(end.apply());
            if is_empty {
                return;
            }
            patch.replace(reason, "null");
        }
        if !is_empty || (!had_begun && self.is_first_round) {
            write(out, &patch.apply());
        }
    }

    fn end_round(&mut self, _: &mut Vec<u8>) -> Ended {
        let round = &self.round;
        if round.has_failed {
            return Ended::Failed;
        }
        if !round.is_done && round.reason.is_none() {
            return Ended::Truncated;
        }
        self.usages.end_round();
        self.is_first_round = false;
        self.text.begins_round = true;
        Ended::Answered(self.take_turn())
    }

    fn whole(&mut self, body: &[u8], fates: Fates<'_>) -> Option<Turn> {
        let root = value(body)?;
        let choice = at(root, steps!["choices", 0])?;
        let message = at(choice, steps!["message"])?;
        if let Some(usage) = at(root, steps!["usage"]) {
            self.usages.report(usage.get());
        }
        self.usages.end_round();
        if self.id.is_none() {
            self.id = at(root, steps!["id"]).map(|id| id.get().to_owned());
        }
        let fields = Object::of(message)?;
        let mut patch = Patch::of(body);
        if let (Some(found), Some(known)) = (at(root, steps!["id"]), &self.id) {
            patch.replace(found, known.clone());
        }
        if let Some(calls) = fields.get_set("tool_calls") {
            let visible = self.calls(calls, fates);
            let shown: Vec<String> = visible.iter().map(|call| without_index(call)).collect();
            if shown.is_empty() {
                patch.remove(calls);
            } else {
                patch.replace(calls, array(&shown));
            }
        }
        if let Some(text) = fields.get_set("content").and_then(nexus_edge_core::json::lenient::string) {
            if !self.whole_text.is_empty() && !text.is_empty() && !self.whole_text.ends_with('\n') {
                self.whole_text.push_str(PARAGRAPH);
            }
            self.whole_text.push_str(&text);
        }
        match fields.get("content") {
            Some(content) if !self.whole_text.is_empty() => patch.replace(content, quote(&self.whole_text)),
            None if !self.whole_text.is_empty() => patch.set(message, "content", quote(&self.whole_text)),
            _ => {}
        }
        self.whole = Some(patch.apply());
        let Ok(Value::Object(mut said)) = serde_json::from_str(message.get()) else { return None };
        said.remove("tool_calls");
        self.round.message = said;
        self.round.reason =
            at(choice, steps!["finish_reason"]).and_then(|reason| serde_json::from_str(reason.get()).ok());
        Some(self.take_turn())
    }

    fn result(&mut self, told: &Told, out: &mut Vec<u8>) {
        if !self.wants_tool_events {
            return;
        }
        let raw = |text: &Option<String>| {
            text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default()
        };
        let chunk = json!({
            "id": raw(&self.id),
            "object": "chat.completion.chunk",
            "created": raw(&self.created),
            "model": raw(&self.model),
            "choices": [],
            "nexus": {"tool": {
                "call_id": told.call_id,
                "server": told.shown.server,
                "name": told.shown.name,
                "arguments": told.arguments,
                "output": told.text,
                "is_error": told.is_error,
            }},
        });
        write(out, chunk.to_string().as_bytes());
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(end) = self.end.take() {
            write(out, &self.ended(&end));
        }
        if let Some(usage) = self.usage.take() {
            write(out, &self.ended(&usage));
        }
        out.extend_from_slice(DONE);
    }

    fn finish_whole(&mut self) -> Vec<u8> {
        let body = self.whole.take().unwrap_or_default();
        self.ended(&body)
    }

    fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>) {
        write_error(CallerDialect::OpenaiChat, error, out);
    }
}

/// A call of a whole answer has no index.
fn without_index(call: &str) -> String {
    let mut patch = Patch::of(call.as_bytes());
    if let Some(index) = value(call.as_bytes()).and_then(|root| at(root, steps!["index"])) {
        patch.remove(index);
    }
    String::from_utf8(patch.apply()).unwrap_or_default()
}
