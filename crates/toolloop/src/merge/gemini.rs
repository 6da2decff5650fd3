//! Gemini: the gateway's calls are hidden, as the dialect has no items for them.

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::json::lenient::{Object, items, string};
use nexus_edge_core::json::splice::quote;
use nexus_edge_core::sse::writer::KEEP_ALIVE;
use serde_json::value::RawValue;

use super::rounds::{Call, Ended, Fates, Rounds, Setting, Told, Turn, write, write_error};
use crate::json::{Patch, array, at, steps, value};
use crate::tool::Fate;
use crate::usage::Usages;

/// A part that says nothing, as the service itself sends it with the end.
const NOTHING: &str = r#"[{"text":""}]"#;

/// The rounds of an answer.
pub(super) struct Gemini {
    is_list: bool,
    has_written: bool,
    id: Option<String>,
    usages: Usages,
    /// The parts of the round, as they go into the history.
    parts: Vec<String>,
    calls: Vec<Call>,
    reason: Option<String>,
    has_failed: bool,
    end: Option<Vec<u8>>,
    whole: Option<Vec<u8>>,
    whole_parts: Vec<String>,
}

impl Gemini {
    pub(super) fn new(setting: &Setting) -> Self {
        Self {
            is_list: setting.is_list,
            has_written: false,
            id: None,
            usages: Usages::default(),
            parts: Vec::new(),
            calls: Vec::new(),
            reason: None,
            has_failed: false,
            end: None,
            whole: None,
            whole_parts: Vec::new(),
        }
    }

    fn write(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if !self.is_list {
            return write(out, data);
        }
        out.extend_from_slice(if self.has_written { b",\n" } else { b"[" });
        self.has_written = true;
        out.extend_from_slice(data);
    }

    /// Takes parts in, and says which of them the caller is told.
    fn take_in(&mut self, parts: &RawValue, fates: Fates<'_>) -> Vec<String> {
        let mut told = Vec::new();
        for raw in items(parts) {
            self.remember(raw);
            let Some(call) = at(raw, steps!["functionCall"]).and_then(Object::of) else {
                told.push(raw.get().to_owned());
                continue;
            };
            let name = call.text("name").unwrap_or_default().into_owned();
            let fate = fates(&name);
            if !matches!(fate, Fate::Ours(_)) {
                told.push(raw.get().to_owned());
            }
            let arguments = call.get_set("args").map_or("{}", |args| args.get()).to_owned();
            let id = call
                .text("id")
                .map_or_else(|| format!("#{}", self.calls.len()), std::borrow::Cow::into_owned);
            self.calls.push(Call { id, name, arguments, fate });
        }
        told
    }

    /// Takes a part into the history. Texts that came in pieces become one.
    fn remember(&mut self, raw: &RawValue) {
        let last = self.parts.last().and_then(|last| value(last.as_bytes()));
        let joined = match (plain_text(raw), last.and_then(plain_text)) {
            (Some((text, _)), _) if text.is_empty() => return,
            (Some((text, is_thought)), Some((before, was_thought))) if is_thought == was_thought => {
                let thought = if is_thought { ",\"thought\":true" } else { "" };
                Some(format!("{{\"text\":{}{thought}}}", quote(&(before + &text))))
            }
            _ => None,
        };
        match (joined, self.parts.last_mut()) {
            (Some(joined), Some(last)) => *last = joined,
            _ => self.parts.push(raw.get().to_owned()),
        }
    }

    fn identify(&mut self, root: &RawValue, patch: &mut Patch<'_>) {
        let Some(found) = at(root, steps!["responseId"]) else { return };
        match &self.id {
            None => self.id = Some(found.get().to_owned()),
            Some(id) if id == found.get() => {}
            Some(id) => patch.replace(found, id.clone()),
        }
    }

    fn take_turn(&mut self) -> Turn {
        let parts = std::mem::take(&mut self.parts);
        let calls = std::mem::take(&mut self.calls);
        let is_cut = !matches!(self.reason.take().as_deref(), None | Some("STOP"));
        Turn { said: vec![content("model", &parts)], calls, is_cut }
    }

    fn ended(&self, data: &[u8]) -> Vec<u8> {
        let mut patch = Patch::of(data);
        if let Some(usage) = value(data).and_then(|root| at(root, steps!["usageMetadata"]))
            && let Some(sum) = self.usages.sum_of_several()
        {
            patch.replace(usage, sum);
        }
        patch.apply()
    }
}

/// The text of a part that has nothing else, and whether it is a thought.
fn plain_text(raw: &RawValue) -> Option<(String, bool)> {
    let part = Object::of(raw)?;
    let is_plain = part.iter().all(|(name, _)| matches!(name, "text" | "thought"));
    let text = part.get("text").filter(|_| is_plain).and_then(string)?;
    Some((text.into_owned(), part.boolean("thought").unwrap_or(false)))
}

/// A content of the history.
pub(crate) fn content(role: &str, parts: &[String]) -> String {
    format!("{{\"role\":\"{role}\",\"parts\":{}}}", array(parts))
}

impl Rounds for Gemini {
    fn event(&mut self, _: Option<&[u8]>, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        let Some(root) = value(data) else { return };
        if at(root, steps!["error"]).is_some() {
            self.has_failed = true;
            return self.write(data, out);
        }
        if let Some(usage) = at(root, steps!["usageMetadata"]) {
            self.usages.report(usage.get());
        }
        let mut patch = Patch::of(data);
        self.identify(root, &mut patch);
        let candidate = at(root, steps!["candidates", 0]);
        let parts = candidate.and_then(|candidate| at(candidate, steps!["content", "parts"]));
        let told = parts.map(|parts| self.take_in(parts, fates));
        let reason = candidate.and_then(|candidate| at(candidate, steps!["finishReason"]));
        let is_blocked = at(root, steps!["promptFeedback", "blockReason"]).is_some();
        if is_blocked {
            self.reason = Some("SAFETY".to_owned());
        }
        if let Some(reason) = reason {
            self.reason = serde_json::from_str(reason.get()).ok();
        }
        if reason.is_some() || is_blocked {
            let mut end = Patch::of(data);
            self.identify(root, &mut end);
            if let Some(parts) = parts {
                end.replace(parts, NOTHING);
            }
            self.end = Some(end.apply());
        }
        let says_nothing = told.as_ref().is_none_or(Vec::is_empty);
        if says_nothing && (reason.is_some() || is_blocked || parts.is_some()) {
            return;
        }
        if let (Some(parts), Some(told)) = (parts, &told)
            && told.len() < items(parts).len()
        {
            patch.replace(parts, array(told));
        }
        if let Some(reason) = reason {
            patch.remove(reason);
        }
        self.write(&patch.apply(), out);
    }

    fn end_round(&mut self, out: &mut Vec<u8>) -> Ended {
        if self.has_failed {
            if self.is_list {
                out.push(b']');
            }
            return Ended::Failed;
        }
        if self.reason.is_none() {
            return Ended::Truncated;
        }
        self.usages.end_round();
        Ended::Answered(self.take_turn())
    }

    fn whole(&mut self, body: &[u8], fates: Fates<'_>) -> Option<Turn> {
        let root = value(body)?;
        if let Some(usage) = at(root, steps!["usageMetadata"]) {
            self.usages.report(usage.get());
        }
        self.usages.end_round();
        let mut patch = Patch::of(body);
        self.identify(root, &mut patch);
        let candidate = at(root, steps!["candidates", 0]);
        if let Some(parts) = candidate.and_then(|candidate| at(candidate, steps!["content", "parts"])) {
            let told = self.take_in(parts, fates);
            self.whole_parts.extend(told);
            patch.replace(parts, array(&self.whole_parts));
        }
        let reason = candidate.and_then(|candidate| at(candidate, steps!["finishReason"]));
        self.reason = reason.and_then(|reason| serde_json::from_str(reason.get()).ok());
        self.whole = Some(patch.apply());
        Some(self.take_turn())
    }

    fn result(&mut self, _: &Told, _: &mut Vec<u8>) {}

    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(end) = self.end.take() {
            let end = self.ended(&end);
            self.write(&end, out);
        }
        if self.is_list {
            out.extend_from_slice(if self.has_written { b"]" } else { b"[]" });
        }
    }

    fn finish_whole(&mut self) -> Vec<u8> {
        let body = self.whole.take().unwrap_or_default();
        self.ended(&body)
    }

    fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>) {
        let mut event = Vec::new();
        write_error(CallerDialect::Gemini, error, &mut event);
        if !self.is_list {
            return out.extend(event);
        }
        let data = event.strip_prefix(b"data: ").unwrap_or(&event).trim_ascii().to_vec();
        self.write(&data, out);
        out.push(b']');
    }

    fn keep_alive(&self) -> &'static [u8] {
        // White space between the items of a list means nothing.
        if self.is_list { b"\n" } else { KEEP_ALIVE }
    }
}
