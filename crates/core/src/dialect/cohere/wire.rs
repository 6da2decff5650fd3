//! Common parts of answers and events.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use crate::dialect::canonical::{Citation, FinishReason, Json};
use crate::dialect::upstream::count;
use crate::json::lenient;

/// A function in a tool call, complete or in pieces.
#[derive(Deserialize, Default)]
pub struct Function {
    pub name: Option<String>,
    pub arguments: Option<Json>,
}

/// A tool call, or a piece of one in a stream.
#[derive(Deserialize, Default)]
pub struct ToolCall {
    pub id: Option<String>,
    pub function: Option<Function>,
}

/// A citation; one entry for each of its sources.
pub fn read_citation(raw: &RawValue) -> Vec<Citation> {
    #[derive(Deserialize, Default)]
    struct Wire {
        start: Option<Number>,
        end: Option<Number>,
        sources: Option<Vec<Source>>,
    }
    #[derive(Deserialize, Default)]
    struct Source {
        id: Option<String>,
        /// Its fields are the caller's own.
        document: Option<Value>,
        tool_output: Option<Value>,
    }
    let wire: Wire = lenient::nested(raw).unwrap_or_default();
    let span = wire.start.is_some().then(|| (count(wire.start.as_ref()), count(wire.end.as_ref())));
    let mut sources = wire.sources.unwrap_or_default();
    if sources.is_empty() {
        sources.push(Source::default());
    }
    let citation = |source: Source| {
        let document = source.document.or(source.tool_output).unwrap_or_default();
        let text = |name: &str| {
            let text = document.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Citation {
            url: text("url"),
            title: text("title"),
            cited_text: ["snippet", "text", "content"].into_iter().find_map(text),
            span,
            source: source.id.filter(|id| !id.is_empty()).or_else(|| text("id")),
            place: None,
            original: Some(Json::answered(raw)),
        }
    };
    sources.into_iter().map(citation).collect()
}

/// Parses a `finish_reason`; `None` for an answer that is an error.
pub fn finish_reason(reason: &str, has_tool_calls: bool) -> Option<FinishReason> {
    Some(match reason {
        "COMPLETE" if has_tool_calls => FinishReason::ToolCalls,
        "COMPLETE" => FinishReason::Stop,
        "STOP_SEQUENCE" => FinishReason::StopSequence(None),
        "MAX_TOKENS" | "ERROR_LIMIT" => FinishReason::Length,
        "TOOL_CALL" => FinishReason::ToolCalls,
        "ERROR_TOXIC" => FinishReason::ContentFilter,
        "ERROR" | "TIMEOUT" => return None,
        other => FinishReason::Other(other.to_owned()),
    })
}
