//! What callers are told of calls of an agent's tools: how one ended, and the events of a call and of an agent.
//!
//! ```json
//! {"req_id": "c1", "status": "done", "ok": true, "executed": "yes", "server": "files", "tool_name": "files__read", "duration_ms": 12,
//!  "bytes": 40, "late": false, "result": {"content": []}}
//! ```

use nexus_edge_tunnel::frame::{Ask, AskKind, NoteKind};
use nexus_edge_tunnel::hub::{CallRow, End, EndRow, Event, Executed};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// How a call ended. A `result` or an `error` stands behind what is here.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CallEnd<'a> {
    /// The id of the call.
    pub req_id: &'a str,
    /// `done`, or the code of its error.
    pub status: &'a str,
    /// Whether it has a result.
    pub ok: bool,
    /// Whether it was executed: `yes`, `no` or `unknown`.
    pub executed: &'static str,
    /// The server of the agent.
    pub server: &'a str,
    /// The tool, or the method that was called.
    pub tool_name: &'a str,
    /// Milliseconds from when it was sent.
    pub duration_ms: u64,
    /// Bytes of the result.
    pub bytes: usize,
    /// Whether a result came after this end, and was thrown away.
    pub late: bool,
}

/// Why a call has no result.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CallFailure<'a> {
    /// The code of the error.
    pub code: &'static str,
    /// What the agent says.
    pub reason: Option<&'a str>,
}

/// A call that has ended.
#[cfg(feature = "openapi")]
#[derive(Debug, schemars::JsonSchema)]
pub struct EndedCall {
    /// How.
    #[serde(flatten)]
    pub end: CallEnd<'static>,
    /// What the tool answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// The error of the tool or its server, or why there is neither: `code` and `reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

/// A call that has not ended.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OpenCall<'a> {
    /// The id of the call.
    pub req_id: &'a str,
    /// `queued` or `running`.
    pub status: &'static str,
    /// The questions that it waits for; of a call that is running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Vec<Question>>,
}

/// A call, with its result if it has one.
#[cfg(feature = "openapi")]
#[derive(Debug, schemars::JsonSchema)]
#[serde(untagged)]
pub enum CallView {
    /// It has ended.
    Ended(EndedCall),
    /// It has not.
    Open(OpenCall<'static>),
}

/// A question that a call waits for.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Question {
    /// The call.
    pub id: String,
    /// The id of the question.
    pub ask: String,
    /// `approval` or `input_required`.
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    pub kind: AskKind,
    /// What is asked.
    pub body: Value,
}

impl From<&Ask> for Question {
    fn from(ask: &Ask) -> Self {
        Self { id: ask.id.clone(), ask: ask.ask.clone(), kind: ask.kind, body: value_of(&ask.body) }
    }
}

/// Whether a call was cancelled.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CancelledCall {
    /// Whether it was open.
    pub canceled: bool,
}

/// The call whose question was answered.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AnsweredCall {
    /// Its id.
    pub req_id: String,
}

/// The code of an end without a result; `None` for one with the answer of the tool.
#[must_use]
pub fn code_of(end: &EndRow) -> Option<&'static str> {
    Some(match end.end {
        End::Result | End::Error => return None,
        End::Timeout => "tool_timeout",
        End::Canceled => "call_canceled",
        End::AgentLost => "agent_lost",
        End::AgentUnresponsive => "agent_unresponsive",
        End::AgentOffline => "agent_offline",
        End::Rejected if end.reason.as_deref() == Some("busy") => "agent_busy",
        End::Rejected => "call_rejected",
        End::BadResult => "tool_result_invalid",
        End::ResultTooLarge => "tool_result_too_large",
    })
}

/// Whether a call was executed, as `executed` says it.
#[must_use]
pub fn executed(end: &EndRow) -> &'static str {
    match end.executed {
        Executed::Yes => "yes",
        Executed::No => "no",
        Executed::Unknown => "unknown",
    }
}

impl<'a> CallEnd<'a> {
    /// The end of a call.
    #[must_use]
    pub fn of(row: &'a CallRow, end: &EndRow) -> Self {
        Self {
            req_id: &row.id,
            status: code_of(end).unwrap_or("done"),
            ok: end.end == End::Result,
            executed: executed(end),
            server: &row.server,
            tool_name: &row.about,
            duration_ms: end.ended_ms.saturating_sub(row.sent_ms),
            bytes: end.bytes,
            late: end.late,
        }
    }

    /// The JSON object up to the value of `result` or `error`, which may be stored in pieces. The value follows, then a brace.
    #[must_use]
    pub fn head(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let name = if self.ok { "result" } else { "error" };
        format!("{},\"{name}\":", text.strip_suffix('}').unwrap_or_default())
    }
}

impl CallFailure<'_> {
    /// The value of `error`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The fields of an event of its own.
#[derive(Serialize)]
#[serde(untagged)]
enum Fields<'a> {
    None {},
    Status {
        status: &'static str,
    },
    Log {
        channel: &'static str,
        kind: NoteKind,
        data: Value,
        seq: u64,
        dropped_bytes: u64,
        dropped_lines: u64,
    },
    Question {
        id: &'a str,
        kind: AskKind,
        body: Value,
    },
    End {
        status: &'static str,
        ok: bool,
        executed: &'static str,
        tool_name: &'a str,
        bytes: usize,
        duration_ms: u64,
    },
}

/// The data of an event.
#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    fields: Fields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    req_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<&'a str>,
}

/// An event as a Server-Sent Event; `None` for one that is not shown. With `agent_id` it is shown to those who watch the agent, and
/// without the end of a call its result, which has its own address; else to the caller of the call, who gets the whole end. With
/// `only_tools` what concerns the agent and no call is left out.
#[must_use]
pub fn event(event: &Event, agent_id: Option<&str>, only_tools: bool) -> Option<String> {
    let (name, fields) = match event {
        Event::Connected | Event::Disconnected | Event::Servers if only_tools => return None,
        Event::Connected => ("agent_status", Fields::Status { status: "online" }),
        Event::Disconnected => ("agent_status", Fields::Status { status: "offline" }),
        Event::Servers => ("agent_servers", Fields::None {}),
        Event::Sent { .. } => ("tool_status", Fields::Status { status: "sent" }),
        Event::Acked { .. } => ("tool_status", Fields::Status { status: "acked" }),
        Event::Noted(note) => {
            let log = Fields::Log {
                channel: match note.kind {
                    NoteKind::Progress => "stdout",
                    NoteKind::Log | NoteKind::Stderr => "stderr",
                },
                kind: note.kind,
                data: value_of(&note.data),
                seq: note.seq,
                dropped_bytes: note.dropped_bytes,
                dropped_lines: note.dropped_lines,
            };
            ("tool_log", log)
        }
        Event::Asked(ask) => {
            let question = Fields::Question { id: &ask.ask, kind: ask.kind, body: value_of(&ask.body) };
            ("tool_approval", question)
        }
        Event::Ended { .. } if agent_id.is_none() => return None,
        Event::Ended { row, end } => {
            let end = Fields::End {
                status: code_of(end).unwrap_or("done"),
                ok: end.end == End::Result,
                executed: executed(end),
                tool_name: &row.about,
                bytes: end.bytes,
                duration_ms: end.ended_ms.saturating_sub(row.sent_ms),
            };
            ("tool_result", end)
        }
    };
    let data = Data { fields, req_id: call_of(event), agent_id };
    Some(format!("event: {name}\ndata: {}\n\n", serde_json::to_string(&data).unwrap_or_default()))
}

/// The call that an event belongs to.
#[must_use]
pub fn call_of(event: &Event) -> Option<&str> {
    match event {
        Event::Connected | Event::Disconnected | Event::Servers => None,
        Event::Sent { id } | Event::Acked { id } => Some(id),
        Event::Noted(note) => Some(&note.id),
        Event::Asked(ask) => Some(&ask.id),
        Event::Ended { row, .. } => Some(&row.id),
    }
}

/// The value of raw JSON. Written anew it has no line breaks, which would end the line of an event.
fn value_of(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use nexus_edge_tunnel::frame::Note;
    use serde_json::json;

    use super::*;

    fn ended(end: End, reason: Option<&str>) -> (CallRow, EndRow) {
        let row = CallRow {
            id: "c1".into(),
            n: 1,
            fingerprint: String::new(),
            server: "files".into(),
            method: "tools/call".into(),
            about: "files__read".into(),
            sent_ms: 1_000,
            deadline_ms: 9_000,
            epoch: 1,
            instance: "i".into(),
        };
        let end = EndRow {
            end,
            executed: Executed::Unknown,
            ended_ms: 1_012,
            reason: reason.map(str::to_owned),
            body: None,
            bytes: 40,
            pieces: 0,
            late: false,
        };
        (row, end)
    }

    fn read(sent: &str) -> (String, Value) {
        let (name, data) = sent.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        (name.to_owned(), serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap())
    }

    #[test]
    fn an_end_is_an_object_around_its_result() {
        let (row, end) = ended(End::Result, None);
        let whole: Value =
            serde_json::from_str(&(CallEnd::of(&row, &end).head() + "{\"content\":[]}}")).unwrap();
        assert_eq!((&whole["status"], &whole["executed"]), (&json!("done"), &json!("unknown")));
        assert_eq!((&whole["duration_ms"], &whole["result"]), (&json!(12), &json!({ "content": [] })));
        let (row, end) = ended(End::Rejected, Some("busy"));
        let failure = CallFailure { code: code_of(&end).unwrap(), reason: end.reason.as_deref() };
        let whole: Value =
            serde_json::from_str(&format!("{}{}}}", CallEnd::of(&row, &end).head(), failure.to_json()))
                .unwrap();
        assert_eq!(
            (&whole["ok"], &whole["error"]),
            (&json!(false), &json!({ "code": "agent_busy", "reason": "busy" }))
        );
    }

    #[test]
    fn an_answer_of_the_tool_has_no_code_also_if_it_is_an_error() {
        assert_eq!(code_of(&ended(End::Error, None).1), None);
        assert_eq!(code_of(&ended(End::Rejected, Some("other")).1), Some("call_rejected"));
    }

    #[test]
    fn an_event_is_one_line_whatever_the_agent_sends() {
        let data = RawValue::from_string("{\n\"a\":\r\n1}".into()).unwrap();
        let note =
            Note { id: "c1".into(), seq: 2, kind: NoteKind::Log, data, dropped_bytes: 0, dropped_lines: 0 };
        let (name, data) = read(&event(&Event::Noted(Box::new(note)), None, true).unwrap());
        assert_eq!(name, "tool_log");
        let expected = json!({
            "channel": "stderr", "kind": "log", "data": { "a": 1 }, "seq": 2, "dropped_bytes": 0, "dropped_lines": 0,
            "req_id": "c1",
        });
        assert_eq!(data, expected);
    }

    #[test]
    fn those_who_watch_an_agent_see_ends_without_results_and_callers_see_none() {
        let (row, end) = ended(End::Timeout, None);
        let over = Event::Ended { row: Box::new(row), end: Box::new(end) };
        assert_eq!(event(&over, None, true), None);
        let (name, data) = read(&event(&over, Some("a"), true).unwrap());
        assert_eq!(name, "tool_result");
        assert_eq!(
            (&data["status"], &data["agent_id"], &data["req_id"]),
            (&json!("tool_timeout"), &json!("a"), &json!("c1"))
        );
        assert_eq!(event(&Event::Connected, Some("a"), true), None);
        assert_eq!(
            event(&Event::Connected, Some("a"), false).as_deref(),
            Some("event: agent_status\ndata: {\"status\":\"online\",\"agent_id\":\"a\"}\n\n")
        );
        assert_eq!(read(&event(&Event::Servers, Some("a"), false).unwrap()).1, json!({ "agent_id": "a" }));
    }
}
