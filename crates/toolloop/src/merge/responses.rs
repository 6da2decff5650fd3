//! Responses: the gateway's calls are the items `mcp_list_tools`, `mcp_call` and `mcp_approval_request`, with their events, as of
//! `OpenAI`'s own tool `mcp`.
//!
//! The ids of these items name the calls that they stand for, by which [`crate::request::restored`] finds the calls again.

mod items;

use std::collections::BTreeMap;

use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::json::lenient::{Object, items};
use nexus_edge_core::json::splice::quote;
use serde_json::json;
use serde_json::value::RawValue;

use self::items::{approval_item, call_item, list_item};
use super::rounds::{Call, Ended, Fates, Joined, Listed, Rounds, Setting, Told, Turn, write_named};
use crate::json::{Patch, array, as_object, at, steps, value};
use crate::tool::{Fate, Shown};
use crate::usage::Usages;

pub(crate) use self::items::{Agreement, CALL_ID, agreement_of};

/// The rounds of a response.
pub(super) struct Responses {
    setting: Setting,
    /// The id and the choice of tools of the first round, as they are written.
    id: Option<String>,
    choice: Option<String>,
    sequence: u64,
    has_listed: bool,
    is_first_round: bool,
    /// The items that the caller was told of. One that has begun and not ended is empty.
    told: Vec<String>,
    /// Results of calls that were made before the first round.
    early: Vec<Told>,
    usages: Usages,
    round: Round,
    /// Where the calls that run stand in the caller's answer.
    running: BTreeMap<String, (usize, Shown)>,
    end: Option<(String, Vec<u8>)>,
    whole: Option<Vec<u8>>,
}

/// What a round has said.
#[derive(Default)]
struct Round {
    /// The places of its items in the caller's answer; `None`: hidden.
    places: BTreeMap<u64, Option<Place>>,
    said: Vec<String>,
    calls: Vec<Call>,
    has_failed: bool,
    is_cut: bool,
}

/// Where an item stands in the caller's answer.
#[derive(Clone)]
struct Place {
    index: usize,
    /// The id of the item that stands for a call.
    call: Option<String>,
}

impl Responses {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting,
            id: None,
            choice: None,
            sequence: 0,
            has_listed: false,
            is_first_round: true,
            told: Vec::new(),
            early: Vec::new(),
            usages: Usages::default(),
            round: Round::default(),
            running: BTreeMap::new(),
            end: None,
            whole: None,
        }
    }

    /// Writes an event of our own, given without its number.
    fn tell(&mut self, kind: &str, members: &str, out: &mut Vec<u8>) {
        let sequence = self.next();
        let data = format!("{{\"type\":\"{kind}\",\"sequence_number\":{sequence}{members}}}");
        write_named(out, kind, data.as_bytes());
    }

    fn next(&mut self) -> u64 {
        let sequence = self.sequence;
        self.sequence += 1;
        sequence
    }

    /// Passes an event on under the next number.
    fn pass(&mut self, kind: &str, root: &RawValue, mut patch: Patch<'_>, out: &mut Vec<u8>) {
        let sequence = self.next();
        patch.set(root, "sequence_number", sequence.to_string());
        write_named(out, kind, &patch.apply());
    }

    /// Tells an item that is whole when it begins.
    fn tell_item(&mut self, item: &str, out: &mut Vec<u8>) {
        let index = self.told.len();
        let members = format!(",\"output_index\":{index},\"item\":{item}");
        self.tell("response.output_item.added", &members, out);
        self.tell("response.output_item.done", &members, out);
        self.told.push(item.to_owned());
    }

    /// Lists the tools, and tells what was called before the first round, before the first item of the model.
    fn list(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_listed, true) {
            return;
        }
        for (number, list) in std::mem::take(&mut self.setting.lists).iter().enumerate() {
            self.tell_list(number, list, out);
        }
        for told in std::mem::take(&mut self.early) {
            self.begin_call(&told.call_id, &told.shown, out);
            self.result(&told, out);
        }
    }

    fn tell_list(&mut self, number: usize, list: &Listed, out: &mut Vec<u8>) {
        let id = format!("mcpl_{}_{number}", self.plain_id());
        let index = self.told.len();
        let place = format!(",\"output_index\":{index},\"item_id\":{}", quote(&id));
        let item = |tools: &str| {
            format!(",\"output_index\":{index},\"item\":{}", list_item(&id, &list.label, tools))
        };
        self.tell("response.output_item.added", &item("[]"), out);
        self.tell("response.mcp_list_tools.in_progress", &place, out);
        self.tell("response.mcp_list_tools.completed", &place, out);
        self.tell("response.output_item.done", &item(&list.tools), out);
        self.told.push(list_item(&id, &list.label, &list.tools));
    }

    /// The id of the response without its prefix and marks.
    fn plain_id(&self) -> String {
        let id = self.id.as_deref().unwrap_or_default().trim_matches('"');
        id.strip_prefix("resp_").unwrap_or(id).to_owned()
    }

    /// Tells that a call begins.
    fn begin_call(&mut self, call_id: &str, shown: &Shown, out: &mut Vec<u8>) -> Place {
        let (index, id) = (self.told.len(), format!("{CALL_ID}{call_id}"));
        let item = call_item(&id, shown, "", "in_progress", None, None);
        self.tell("response.output_item.added", &format!(",\"output_index\":{index},\"item\":{item}"), out);
        let place = format!(",\"output_index\":{index},\"item_id\":{}", quote(&id));
        self.tell("response.mcp_call.in_progress", &place, out);
        self.told.push(String::new());
        self.running.insert(call_id.to_owned(), (index, shown.clone()));
        Place { index, call: Some(id) }
    }

    fn added(&mut self, root: &RawValue, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        let Some(item) = at(root, steps!["item"]) else { return };
        let fields = Object::of(item).unwrap_or_default();
        let index = Object::of(root).and_then(|root| root.integer("output_index"));
        let index = index.unwrap_or(self.round.places.len() as u64);
        let is_call = fields.text("type").as_deref() == Some("function_call");
        let fate = if is_call { fates(&fields.text("name").unwrap_or_default()) } else { Fate::Callers };
        let place = match fate {
            Fate::Ours(shown) => {
                Some(self.begin_call(&fields.text("call_id").unwrap_or_default(), &shown, out))
            }
            Fate::Asks(_) => None,
            Fate::Callers => {
                let place = self.told.len();
                self.told.push(String::new());
                let mut patch = Patch::of(data);
                patch.set(root, "output_index", place.to_string());
                self.pass("response.output_item.added", root, patch, out);
                Some(Place { index: place, call: None })
            }
        };
        self.round.places.insert(index, place);
    }

    fn done(&mut self, root: &RawValue, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        let Some(item) = at(root, steps!["item"]) else { return };
        let index = Object::of(root).and_then(|root| root.integer("output_index")).unwrap_or(0);
        if !self.round.places.contains_key(&index) {
            self.added(root, data, fates, out);
        }
        let call = self.take_item(item, fates);
        let place = self.round.places.get(&index).cloned().flatten();
        match (place, call.map(|call| call.fate)) {
            (Some(Place { call: Some(id), index }), _) => {
                let arguments = at(item, steps!["arguments"]).map_or("\"\"", RawValue::get);
                let members =
                    format!(",\"output_index\":{index},\"item_id\":{},\"arguments\":{arguments}", quote(&id));
                self.tell("response.mcp_call_arguments.done", &members, out);
            }
            (Some(Place { index, .. }), _) => {
                let mut patch = Patch::of(data);
                patch.set(root, "output_index", index.to_string());
                self.pass("response.output_item.done", root, patch, out);
                if let Some(told) = self.told.get_mut(index) {
                    item.get().clone_into(told);
                }
            }
            (None, Some(Fate::Asks(shown))) => {
                let fields = Object::of(item).unwrap_or_default();
                self.tell_item(&approval_item(&fields, &shown), out);
            }
            (None, _) => {}
        }
    }

    /// Takes an item into the history; the call that it is.
    fn take_item(&mut self, item: &RawValue, fates: Fates<'_>) -> Option<Call> {
        self.round.said.push(item.get().to_owned());
        let fields = Object::of(item)?;
        if fields.text("type").as_deref() != Some("function_call") {
            return None;
        }
        let text = |name: &str| fields.text(name).unwrap_or_default().into_owned();
        let call = Call {
            id: text("call_id"),
            name: text("name"),
            arguments: text("arguments"),
            fate: fates(&text("name")),
        };
        self.round.calls.push(call.clone());
        Some(call)
    }

    /// An event in the middle of an item.
    fn inside(&mut self, kind: &str, root: &RawValue, data: &[u8], out: &mut Vec<u8>) {
        let index = Object::of(root).and_then(|root| root.integer("output_index"));
        let place = index.map(|index| self.round.places.get(&index).cloned().flatten());
        match place {
            // An event that belongs to no item.
            None => self.pass(kind, root, Patch::of(data), out),
            Some(None) => {}
            Some(Some(Place { index, call: None })) => {
                let mut patch = Patch::of(data);
                patch.set(root, "output_index", index.to_string());
                self.pass(kind, root, patch, out);
            }
            Some(Some(Place { index, call: Some(id) })) => {
                // The end of the arguments comes with the end of the item, which some services send without the other.
                if kind == "response.function_call_arguments.delta"
                    && let Some(delta) = at(root, steps!["delta"])
                {
                    let members = format!(
                        ",\"output_index\":{index},\"item_id\":{},\"delta\":{}",
                        quote(&id),
                        delta.get()
                    );
                    self.tell("response.mcp_call_arguments.delta", &members, out);
                }
            }
        }
    }

    /// The end of the round, with the whole response.
    fn ended(&mut self, kind: &str, root: &RawValue, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        self.list(out);
        if let Some(usage) = at(root, steps!["response", "usage"]) {
            self.usages.report(usage.get());
        }
        self.round.is_cut = kind == "response.incomplete";
        if let Some(output) = at(root, steps!["response", "output"])
            && self.round.said.is_empty()
        {
            // Some services send no event at the end of an item, or none for items at all.
            for (index, item) in items(output).into_iter().enumerate() {
                let data = format!("{{\"output_index\":{index},\"item\":{}}}", item.get());
                if let Some(root) = value(data.as_bytes()) {
                    self.done(root, data.as_bytes(), fates, out);
                }
            }
        }
        self.keep_store(at(root, steps!["response"]));
        if kind == "response.failed" {
            self.round.has_failed = true;
            let data = self.response_patched(data, true);
            if let Some(root) = value(&data) {
                self.pass(kind, root, Patch::of(&data), out);
            }
        } else {
            self.end = Some((kind.to_owned(), data.to_vec()));
        }
    }

    /// Leaves thoughts out of the history that can be sent back neither by their id, as nothing is stored, nor encrypted.
    fn keep_store(&mut self, response: Option<&RawValue>) {
        let is_stored =
            response.and_then(Object::of).and_then(|response| response.boolean("store")) != Some(false);
        if is_stored {
            return;
        }
        let is_kept = |item: &String| {
            let fields = value(item.as_bytes()).and_then(Object::of).unwrap_or_default();
            fields.text("type").as_deref() != Some("reasoning")
                || fields.get_set("encrypted_content").is_some()
        };
        self.round.said.retain(is_kept);
    }

    /// An event, or with `is_event` false a body, whose response is that of the caller.
    fn response_patched(&self, data: &[u8], is_event: bool) -> Vec<u8> {
        let mut patch = Patch::of(data);
        let root = value(data);
        let response = if is_event { root.and_then(|root| at(root, steps!["response"])) } else { root };
        let Some(response) = response else { return data.to_vec() };
        let told: Vec<&str> = self.told.iter().map(String::as_str).filter(|item| !item.is_empty()).collect();
        let sum = self.usages.sum_of_several();
        let known = [
            ("id", &self.id),
            ("tools", &self.setting.tools),
            ("tool_choice", &self.choice),
            ("usage", &sum),
        ];
        for (name, known) in known {
            if let (Some(found), Some(known)) = (at(response, steps![name]), known) {
                patch.replace(found, known.clone());
            }
        }
        if let Some(output) = at(response, steps!["output"]) {
            patch.replace(output, array(&told));
        }
        patch.apply()
    }

    fn take_turn(&mut self) -> Turn {
        let Round { said, mut calls, is_cut, .. } = std::mem::take(&mut self.round);
        // A call that was cut off has begun for the caller, and has no end yet.
        for (id, (_, shown)) in &self.running {
            if !calls.iter().any(|call| call.id == *id) {
                let fate = Fate::Ours(shown.clone());
                calls.push(Call { id: id.clone(), name: String::new(), arguments: String::new(), fate });
            }
        }
        self.is_first_round = false;
        Turn { said, calls, is_cut }
    }

    fn identify(&mut self, response: Option<&RawValue>) {
        if let Some(response) = response.filter(|_| self.id.is_none()) {
            self.id = at(response, steps!["id"]).map(|id| id.get().to_owned());
            self.choice = at(response, steps!["tool_choice"]).map(|choice| choice.get().to_owned());
        }
    }
}

impl Rounds for Responses {
    fn event(&mut self, name: Option<&[u8]>, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        let Some(root) = value(data) else { return };
        let named = name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        let kind = Object::of(root).and_then(|root| root.text("type")).unwrap_or(named.into()).into_owned();
        match kind.as_str() {
            "response.created" | "response.queued" | "response.in_progress" => {
                if self.is_first_round {
                    self.identify(at(root, steps!["response"]));
                    let data = self.response_patched(data, true);
                    if let Some(root) = value(&data) {
                        self.pass(&kind, root, Patch::of(&data), out);
                    }
                }
            }
            "error" => {
                self.round.has_failed = true;
                self.pass(&kind, root, Patch::of(data), out);
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.identify(at(root, steps!["response"]));
                self.ended(&kind, root, data, fates, out);
            }
            _ => {
                self.list(out);
                match kind.as_str() {
                    "response.output_item.added" => self.added(root, data, fates, out),
                    "response.output_item.done" => self.done(root, data, fates, out),
                    _ => self.inside(&kind, root, data, out),
                }
            }
        }
    }

    fn end_round(&mut self, _: &mut Vec<u8>) -> Ended {
        if self.round.has_failed {
            return Ended::Failed;
        }
        if self.end.is_none() {
            return Ended::Truncated;
        }
        self.usages.end_round();
        Ended::Answered(self.take_turn())
    }

    fn whole(&mut self, body: &[u8], fates: Fates<'_>) -> Option<Turn> {
        let root = value(body)?;
        // The caller has not been told an id: it is that of the last round, whose history the provider knows.
        self.id = None;
        self.identify(Some(root));
        let mut unsent = Vec::new();
        self.list(&mut unsent);
        if let Some(usage) = at(root, steps!["usage"]) {
            self.usages.report(usage.get());
        }
        self.usages.end_round();
        for item in items(at(root, steps!["output"])?) {
            match self.take_item(item, fates).map(|call| (call.id, call.fate)) {
                Some((id, Fate::Ours(shown))) => {
                    self.running.insert(id, (self.told.len(), shown));
                    self.told.push(String::new());
                }
                Some((_, Fate::Asks(shown))) => {
                    self.told.push(approval_item(&Object::of(item).unwrap_or_default(), &shown));
                }
                _ => self.told.push(item.get().to_owned()),
            }
        }
        self.round.is_cut = Object::of(root)?.text("status").as_deref() == Some("incomplete");
        self.keep_store(Some(root));
        self.whole = Some(body.to_vec());
        Some(self.take_turn())
    }

    fn result(&mut self, told: &Told, out: &mut Vec<u8>) {
        if !self.has_listed {
            return self.early.push(told.clone());
        }
        let id = format!("{CALL_ID}{}", told.call_id);
        let Some((index, _)) = self.running.remove(&told.call_id) else { return };
        let status = if told.is_error { "failed" } else { "completed" };
        let item = call_item(
            &id,
            &told.shown,
            as_object(&told.arguments),
            status,
            Some(told),
            told.agreed_by.as_deref(),
        );
        let place = format!(",\"output_index\":{index},\"item_id\":{}", quote(&id));
        self.tell(&format!("response.mcp_call.{status}"), &place, out);
        self.tell("response.output_item.done", &format!(",\"output_index\":{index},\"item\":{item}"), out);
        if let Some(place) = self.told.get_mut(index) {
            *place = item;
        }
    }

    fn joined(&self) -> Option<Joined> {
        let (_, data) = self.end.as_ref()?;
        let last = at(value(data)?, steps!["response", "id"])?;
        if Some(last.get()) == self.id.as_deref() {
            return None;
        }
        let patched = self.response_patched(data, true);
        let response = at(value(&patched)?, steps!["response"])?.get().as_bytes().to_vec();
        Some(Joined { last: serde_json::from_str(last.get()).ok()?, response })
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let Some((kind, data)) = self.end.take() else { return };
        let data = self.response_patched(&data, true);
        if let Some(root) = value(&data) {
            self.pass(&kind, root, Patch::of(&data), out);
        }
    }

    fn finish_whole(&mut self) -> Vec<u8> {
        let body = self.whole.take().unwrap_or_default();
        self.response_patched(&body, false)
    }

    fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>) {
        let sequence = self.next();
        let data = json!({
            "type": "error",
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "sequence_number": sequence,
        });
        write_named(out, "error", data.to_string().as_bytes());
    }
}
