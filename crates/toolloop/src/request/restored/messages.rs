//! Messages: `mcp_tool_use` and `mcp_tool_result` become `tool_use` and `tool_result`.

use nexus_edge_core::json::lenient::{Object, items};
use nexus_edge_core::json::object::Kind;
use nexus_edge_core::json::splice::quote;
use serde_json::value::RawValue;

use super::found::{Restored, function_of, is_open_world};
use crate::json::{Patch, array, at, steps, value};
use crate::merge::{BLOCK_ID, message};
use crate::offer::{OWN_SERVER, Offer};

pub(super) fn restored(body: &[u8], offer: &Offer, labels: &[String]) -> Restored {
    let messages = value(body).and_then(|root| at(root, steps!["messages"]));
    let Some(messages) = messages else { return Restored::default() };
    let mut told: Vec<String> = Vec::new();
    let mut is_changed = false;
    let mut is_tainted = false;
    // Results of an answer that ended with calls of the caller's own: theirs come in the next message.
    let mut open: Vec<String> = Vec::new();
    for raw in items(messages) {
        let fields = Object::of(raw).unwrap_or_default();
        let role = fields.text("role");
        if role.as_deref() == Some("assistant")
            && let Some(content) =
                fields.get_set("content").filter(|content| Kind::of(content) == Kind::Array)
            && let Some(turns) = Turns::of(content, offer, labels)
        {
            is_changed = true;
            is_tainted |= turns.is_tainted;
            told.extend(turns.messages);
            open = turns.open;
            continue;
        }
        if open.is_empty() {
            told.push(raw.get().to_owned());
            continue;
        }
        let results = std::mem::take(&mut open);
        if let Some(content) = fields.get_set("content").filter(|_| role.as_deref() == Some("user")) {
            told.push(with_results(raw, content, results));
        } else {
            told.push(message("user", &results));
            told.push(raw.get().to_owned());
        }
    }
    if !is_changed {
        return Restored::default();
    }
    if !open.is_empty() {
        told.push(message("user", &open));
    }
    let mut patch = Patch::of(body);
    patch.replace(messages, array(&told));
    Restored { body: Some(patch.apply()), is_tainted, ..Restored::default() }
}

/// A message of the caller's with more results before it.
fn with_results(raw: &RawValue, content: &RawValue, mut results: Vec<String>) -> String {
    if Kind::of(content) == Kind::Array {
        results.extend(items(content).iter().map(|block| block.get().to_owned()));
    } else {
        results.push(format!("{{\"type\":\"text\",\"text\":{}}}", content.get()));
    }
    let mut patch = Patch::of(raw.get().as_bytes());
    patch.replace(content, array(&results));
    String::from_utf8(patch.apply()).unwrap_or_default()
}

/// The turns that an answer consists of.
#[derive(Default)]
struct Turns {
    messages: Vec<String>,
    said: Vec<String>,
    /// The ids of the blocks of calls of ours.
    ids: Vec<String>,
    open: Vec<String>,
    is_tainted: bool,
}

impl Turns {
    /// `None` if the answer contains no call of ours.
    fn of(content: &RawValue, offer: &Offer, labels: &[String]) -> Option<Self> {
        let mut turns = Self::default();
        for raw in items(content) {
            turns.block(raw, offer, labels);
        }
        if turns.ids.is_empty() {
            return None;
        }
        if !turns.said.is_empty() {
            let said = std::mem::take(&mut turns.said);
            turns.messages.push(message("assistant", &said));
        }
        Some(turns)
    }

    fn block(&mut self, raw: &RawValue, offer: &Offer, labels: &[String]) {
        let block = Object::of(raw).unwrap_or_default();
        let text = |name: &str| block.text(name).unwrap_or_default().into_owned();
        let mut patch = Patch::of(raw.get().as_bytes());
        match text("type").as_str() {
            "mcp_tool_use" if is_ours(&text("server_name"), labels) => {
                self.end_turn();
                let id = text("id");
                let function = function_of(offer, &text("server_name"), &text("name"));
                self.is_tainted |= is_open_world(offer, &text("server_name"), &text("name"));
                replace(&mut patch, &block, "type", "tool_use");
                replace(&mut patch, &block, "id", call_id(&id));
                replace(&mut patch, &block, "name", &function);
                if let Some(server) = block.get("server_name") {
                    patch.remove(server);
                }
                self.ids.push(id);
                self.said.push(String::from_utf8(patch.apply()).unwrap_or_default());
            }
            "mcp_tool_result" if self.ids.contains(&text("tool_use_id")) => {
                replace(&mut patch, &block, "type", "tool_result");
                replace(&mut patch, &block, "tool_use_id", call_id(&text("tool_use_id")));
                self.open.push(String::from_utf8(patch.apply()).unwrap_or_default());
            }
            _ => {
                self.end_turn();
                self.said.push(raw.get().to_owned());
            }
        }
    }

    /// After results the next turn begins.
    fn end_turn(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let (said, results) = (std::mem::take(&mut self.said), std::mem::take(&mut self.open));
        self.messages.push(message("assistant", &said));
        self.messages.push(message("user", &results));
    }
}

fn is_ours(server: &str, labels: &[String]) -> bool {
    server == OWN_SERVER || labels.iter().any(|label| label == server)
}

fn call_id(block_id: &str) -> &str {
    block_id.strip_prefix(BLOCK_ID).unwrap_or(block_id)
}

fn replace(patch: &mut Patch<'_>, block: &Object<'_>, name: &str, text: &str) {
    if let Some(member) = block.get(name) {
        patch.replace(member, quote(text));
    }
}
