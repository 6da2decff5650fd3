//! Messages: the gateway's calls are the blocks `mcp_tool_use` and `mcp_tool_result`, as of Anthropic's own MCP connector.
//!
//! The ids of the blocks are those of the calls with `mcp` before them, by which [`crate::request::restored`] finds the calls again.

use std::collections::BTreeMap;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::json::lenient::{Object, items};
use nexus_edge_core::json::splice::quote;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::rounds::{Call, Ended, Fates, Rounds, Told, Turn, write_error, write_named};
use crate::json::{Patch, array, as_object, at, steps, value};
use crate::tool::{Fate, Shown};
use crate::usage::Usages;

/// Before the id of a call in the id of its block.
pub(crate) const BLOCK_ID: &str = "mcp";

/// The rounds of a message.
#[derive(Default)]
pub(super) struct Messages {
    /// The id of the first round, as it is written.
    id: Option<String>,
    has_started: bool,
    /// Blocks that the caller was told of.
    told: u64,
    usages: Usages,
    /// The blocks of the round by their index.
    blocks: BTreeMap<u64, Block>,
    reason: Option<String>,
    is_over: bool,
    has_failed: bool,
    visible_calls: u64,
    end: Option<Vec<u8>>,
    whole: Option<Vec<u8>>,
    whole_blocks: Vec<String>,
}

/// A block of a round.
struct Block {
    start: Value,
    /// What its deltas added up to, by the member that they go on with.
    texts: BTreeMap<&'static str, String>,
    citations: Vec<Value>,
    /// Its position in the caller's answer.
    place: u64,
    fate: Option<Fate>,
}

impl Block {
    /// The block as it goes into the history.
    fn raw(&self) -> String {
        let mut block = self.start.clone();
        let Some(fields) = block.as_object_mut() else { return block.to_string() };
        let input = self.texts.get("input");
        for (name, text) in self.texts.iter().filter(|(name, _)| **name != "input") {
            fields.insert((*name).to_owned(), text.as_str().into());
        }
        if !self.citations.is_empty() {
            fields.insert("citations".to_owned(), self.citations.clone().into());
        }
        let Some(input) = input else { return block.to_string() };
        fields.remove("input");
        let mut raw = block.to_string();
        raw.pop();
        raw.push_str(",\"input\":");
        raw.push_str(as_object(input));
        raw.push('}');
        raw
    }

    fn call(&self) -> Option<Call> {
        let text = |name: &str| self.start.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let input = || self.start.get("input").map(Value::to_string).unwrap_or_default();
        Some(Call {
            id: text("id"),
            name: text("name"),
            arguments: self.texts.get("input").cloned().filter(|text| !text.is_empty()).unwrap_or_else(input),
            fate: self.fate.clone()?,
        })
    }
}

/// A block that begins a call of ours.
fn use_block(id: &str, shown: &Shown, input: &str) -> String {
    format!(
        "{{\"type\":\"mcp_tool_use\",\"id\":{},\"name\":{},\"server_name\":{},\"input\":{input}}}",
        quote(&format!("{BLOCK_ID}{id}")),
        quote(&shown.name),
        quote(&shown.server),
    )
}

fn result_block(told: &Told) -> String {
    json!({
        "type": "mcp_tool_result",
        "tool_use_id": format!("{BLOCK_ID}{}", told.call_id),
        "is_error": told.is_error,
        "content": [{"type": "text", "text": told.text}],
    })
    .to_string()
}

impl Messages {
    fn start_block(&mut self, root: &RawValue, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        let Some(fields) = Object::of(root) else { return };
        let index = fields.integer("index").unwrap_or(0);
        let Some(raw) = at(root, steps!["content_block"]) else { return };
        let start: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        let block = Object::of(raw).unwrap_or_default();
        let is_call = block.text("type").as_deref() == Some("tool_use");
        let name = block.text("name").unwrap_or_default();
        let fate = is_call.then(|| fates(&name));
        let place = self.told;
        self.told += 1;
        let mut patch = Patch::of(data);
        set_index(root, place, &mut patch);
        if let Some(Fate::Ours(shown)) = &fate {
            let input = at(raw, steps!["input"]).map_or("{}", RawValue::get);
            patch.replace(raw, use_block(&block.text("id").unwrap_or_default(), shown, input));
        } else {
            self.visible_calls += u64::from(is_call);
        }
        write_named(out, "content_block_start", &patch.apply());
        self.blocks
            .insert(index, Block { start, texts: BTreeMap::new(), citations: Vec::new(), place, fate });
    }

    fn delta(&mut self, root: &RawValue, data: &[u8], out: &mut Vec<u8>) {
        let index = Object::of(root).and_then(|fields| fields.integer("index")).unwrap_or(0);
        let Some(block) = self.blocks.get_mut(&index) else { return };
        let delta = at(root, steps!["delta"]).and_then(Object::of).unwrap_or_default();
        for (name, member) in [
            ("text", "text"),
            ("thinking", "thinking"),
            ("partial_json", "input"),
            ("signature", "signature"),
        ] {
            if let Some(piece) = delta.get_set(name).and_then(nexus_edge_core::json::lenient::string) {
                let begun = || block.start.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
                block.texts.entry(member).or_insert_with(begun).push_str(&piece);
            }
        }
        if let Some(citation) = delta.get_set("citation") {
            block.citations.extend(serde_json::from_str::<Value>(citation.get()).ok());
        }
        let mut patch = Patch::of(data);
        set_index(root, block.place, &mut patch);
        write_named(out, "content_block_delta", &patch.apply());
    }

    fn take_turn(&mut self) -> Turn {
        let blocks = std::mem::take(&mut self.blocks);
        let raw: Vec<String> = blocks.values().map(Block::raw).collect();
        let is_cut = self.reason.take().is_some_and(|reason| is_cut(&reason));
        let calls = blocks.values().filter_map(Block::call).collect();
        (self.is_over, self.has_failed) = (false, false);
        Turn { said: vec![message("assistant", &raw)], calls, is_cut }
    }

    fn ended(&self, data: &[u8], to: &[&str]) -> Vec<u8> {
        let mut patch = Patch::of(data);
        let root = value(data);
        let of = |names: &[&str]| names.iter().try_fold(root?, |value, name| at(value, steps![*name]));
        let reason: Vec<&str> = to.iter().copied().chain(["stop_reason"]).collect();
        if let Some(reason) = of(&reason)
            && reason.get() == "\"tool_use\""
            && self.visible_calls == 0
        {
            patch.replace(reason, "\"end_turn\"");
        }
        if let (Some(usage), Some(sum)) = (of(&["usage"]), self.usages.sum_of_several()) {
            patch.replace(usage, sum);
        }
        patch.apply()
    }
}

fn set_index(root: &RawValue, index: u64, patch: &mut Patch<'_>) {
    patch.set(root, "index", index.to_string());
}

/// Whether an answer with this reason ended before its calls were complete.
fn is_cut(reason: &str) -> bool {
    matches!(reason, "max_tokens" | "model_context_window_exceeded" | "refusal" | "pause_turn")
}

/// A message of the history.
pub(crate) fn message(role: &str, blocks: &[String]) -> String {
    format!("{{\"role\":\"{role}\",\"content\":{}}}", array(blocks))
}

impl Rounds for Messages {
    fn event(&mut self, _: Option<&[u8]>, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        let Some(root) = value(data) else { return };
        let kind = Object::of(root).and_then(|fields| fields.text("type")).unwrap_or_default();
        match kind.as_ref() {
            "message_start" => {
                if let Some(usage) = at(root, steps!["message", "usage"]) {
                    self.usages.report(usage.get());
                }
                if !std::mem::replace(&mut self.has_started, true) {
                    write_named(out, &kind, data);
                }
            }
            "content_block_start" => self.start_block(root, data, fates, out),
            "content_block_delta" => self.delta(root, data, out),
            "content_block_stop" => {
                let index = Object::of(root).and_then(|fields| fields.integer("index")).unwrap_or(0);
                if let Some(block) = self.blocks.get(&index) {
                    let mut patch = Patch::of(data);
                    set_index(root, block.place, &mut patch);
                    write_named(out, &kind, &patch.apply());
                }
            }
            "message_delta" => {
                if let Some(usage) = at(root, steps!["usage"]) {
                    self.usages.report(usage.get());
                }
                if let Some(reason) = at(root, steps!["delta", "stop_reason"]) {
                    self.reason = serde_json::from_str(reason.get()).ok();
                }
                self.end = Some(data.to_vec());
            }
            "message_stop" => self.is_over = true,
            "error" => {
                self.has_failed = true;
                write_named(out, &kind, data);
            }
            _ => write_named(out, &kind, data),
        }
    }

    fn end_round(&mut self, _: &mut Vec<u8>) -> Ended {
        if self.has_failed {
            return Ended::Failed;
        }
        if !self.is_over && self.reason.is_none() {
            return Ended::Truncated;
        }
        self.usages.end_round();
        Ended::Answered(self.take_turn())
    }

    fn whole(&mut self, body: &[u8], fates: Fates<'_>) -> Option<Turn> {
        let root = value(body)?;
        let fields = Object::of(root)?;
        let content = fields.get_set("content")?;
        if self.id.is_none() {
            self.id = fields.get_set("id").map(|id| id.get().to_owned());
        }
        if let Some(usage) = fields.get_set("usage") {
            self.usages.report(usage.get());
        }
        self.usages.end_round();
        let (mut said, mut calls) = (Vec::new(), Vec::new());
        for raw in items(content) {
            let block = Object::of(raw).unwrap_or_default();
            said.push(raw.get().to_owned());
            if block.text("type").as_deref() != Some("tool_use") {
                self.whole_blocks.push(raw.get().to_owned());
                continue;
            }
            let name = block.text("name").unwrap_or_default().into_owned();
            let id = block.text("id").unwrap_or_default().into_owned();
            let arguments = block.get_set("input").map_or("{}", |input| input.get()).to_owned();
            let fate = fates(&name);
            if let Fate::Ours(shown) = &fate {
                self.whole_blocks.push(use_block(&id, shown, as_object(&arguments)));
            } else {
                self.visible_calls += 1;
                self.whole_blocks.push(raw.get().to_owned());
            }
            calls.push(Call { id, name, arguments, fate });
        }
        let is_cut = fields.text("stop_reason").is_some_and(|reason| is_cut(&reason));
        self.whole = Some(body.to_vec());
        Some(Turn { said: vec![message("assistant", &said)], calls, is_cut })
    }

    fn result(&mut self, told: &Told, out: &mut Vec<u8>) {
        let block = result_block(told);
        let place = self.told;
        self.told += 1;
        let start =
            format!("{{\"type\":\"content_block_start\",\"index\":{place},\"content_block\":{block}}}");
        write_named(out, "content_block_start", start.as_bytes());
        let stop = format!("{{\"type\":\"content_block_stop\",\"index\":{place}}}");
        write_named(out, "content_block_stop", stop.as_bytes());
        self.whole_blocks.push(block);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(end) = self.end.take() {
            write_named(out, "message_delta", &self.ended(&end, &["delta"]));
        }
        write_named(out, "message_stop", br#"{"type":"message_stop"}"#);
    }

    fn finish_whole(&mut self) -> Vec<u8> {
        let body = self.whole.take().unwrap_or_default();
        let mut patch = Patch::of(&body);
        if let Some(root) = value(&body) {
            if let Some(content) = at(root, steps!["content"]) {
                patch.replace(content, array(&self.whole_blocks));
            }
            if let (Some(found), Some(id)) = (at(root, steps!["id"]), &self.id) {
                patch.replace(found, id.clone());
            }
        }
        self.ended(&patch.apply(), &[])
    }

    fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>) {
        write_error(CallerDialect::Anthropic, error, out);
    }

    fn keep_alive(&self) -> &'static [u8] {
        b"event: ping\ndata: {\"type\": \"ping\"}\n\n"
    }
}
