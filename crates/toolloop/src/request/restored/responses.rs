//! Responses: `mcp_call` and answered requests for agreement become calls of functions and their outputs; `mcp_list_tools` is left out.

use nexus_edge_core::json::lenient::{Object, items};
use nexus_edge_core::json::object::Kind;
use nexus_edge_core::json::splice::quote;
use serde_json::value::RawValue;

use super::found::{Agreed, Restored, function_of, is_open_world};
use crate::json::{Patch, array, as_object, at, steps, value};
use crate::merge::{Agreement, CALL_ID, Call, agreement_of};
use crate::offer::{OWN_SERVER, Offer};
use crate::tool::{Fate, Shown};

/// What the model is told of a call that was not agreed to.
const DECLINED: &str = "The user did not agree to this call.";

pub(super) fn restored(body: &[u8], offer: &Offer, labels: &[String]) -> Restored {
    let Some(root) = value(body) else { return Restored::default() };
    let input = at(root, steps!["input"]).filter(|input| Kind::of(input) == Kind::Array);
    let Some(input) = input else { return Restored::default() };
    let answered = |raw: &&RawValue| {
        let item = Object::of(raw).filter(|item| item.text("type").as_deref() == Some("mcp_call"))?;
        item.text("approval_request_id").map(std::borrow::Cow::into_owned)
    };
    let mut reading = Reading {
        ran: items(input).iter().filter_map(answered).collect(),
        offer,
        labels,
        is_chained: at(root, steps!["previous_response_id"]).is_some(),
        told: Vec::new(),
        calls: Vec::new(),
        is_changed: false,
        restored: Restored::default(),
    };
    for raw in items(input) {
        reading.item(raw);
    }
    let Reading { told, is_changed, mut restored, .. } = reading;
    if is_changed {
        let mut patch = Patch::of(body);
        patch.replace(input, array(&told));
        restored.body = Some(patch.apply());
    }
    restored
}

struct Reading<'a> {
    /// Requests for agreement whose calls have run.
    ran: Vec<String>,
    offer: &'a Offer,
    labels: &'a [String],
    /// Whether the provider or the gateway knows the earlier items.
    is_chained: bool,
    told: Vec<String>,
    /// Calls whose request for agreement is part of the history.
    calls: Vec<String>,
    is_changed: bool,
    restored: Restored,
}

impl Reading<'_> {
    fn item(&mut self, raw: &RawValue) {
        let item = Object::of(raw).unwrap_or_default();
        let text = |name: &str| item.text(name).unwrap_or_default().into_owned();
        let label = text("server_label");
        let is_ours = label == OWN_SERVER || self.labels.contains(&label);
        let kind = text("type");
        let is_known = match kind.as_str() {
            "mcp_list_tools" if is_ours => {
                self.restored.listed.push(label);
                true
            }
            "mcp_call" if is_ours => {
                let id = text("id");
                let id = id.strip_prefix(CALL_ID).unwrap_or(&id);
                self.restored.is_tainted |= is_open_world(self.offer, &label, &text("name"));
                // The call is there already if it had waited for agreement.
                if !self.calls.iter().any(|call| call == id) {
                    self.call(id, &function_of(self.offer, &label, &text("name")), &text("arguments"));
                }
                let result = item.text("error").or_else(|| item.text("output")).unwrap_or_default();
                self.output(id, &result);
                true
            }
            "mcp_approval_request" => agreement_of(&text("id")).is_some_and(|agreement| {
                self.call(&agreement.call_id, &agreement.name, &agreement.arguments);
                true
            }),
            "mcp_approval_response" => {
                let request_id = text("approval_request_id");
                let is_agreed = item.boolean("approve") == Some(true);
                agreement_of(&request_id).is_some_and(|agreement| {
                    self.answered(agreement, request_id, is_agreed, &text("reason"));
                    true
                })
            }
            _ => false,
        };
        if is_known {
            self.is_changed = true;
        } else {
            self.told.push(raw.get().to_owned());
        }
    }

    fn call(&mut self, call_id: &str, name: &str, arguments: &str) {
        self.calls.push(call_id.to_owned());
        self.told.push(format!(
            "{{\"type\":\"function_call\",\"call_id\":{},\"name\":{},\"arguments\":{}}}",
            quote(call_id),
            quote(name),
            quote(as_object(arguments))
        ));
    }

    fn output(&mut self, call_id: &str, text: &str) {
        let (call_id, text) = (quote(call_id), quote(text));
        self.told
            .push(format!("{{\"type\":\"function_call_output\",\"call_id\":{call_id},\"output\":{text}}}"));
    }

    fn answered(&mut self, agreement: Agreement, request_id: String, is_agreed: bool, reason: &str) {
        let Agreement { call_id, name, arguments } = agreement;
        if !self.is_chained && !self.calls.contains(&call_id) {
            self.call(&call_id, &name, &arguments);
        }
        if self.ran.contains(&request_id) {
            return;
        }
        if !is_agreed {
            let text = if reason.is_empty() { DECLINED.to_owned() } else { format!("{DECLINED} {reason}") };
            return self.output(&call_id, &text);
        }
        let shown =
            self.offer.tool(&name).map(|tool| Shown { server: tool.server.clone(), name: tool.name.clone() });
        let fate = shown.map_or(Fate::Callers, Fate::Ours);
        self.restored.agreed.push(Agreed { call: Call { id: call_id, name, arguments, fate }, request_id });
    }
}
