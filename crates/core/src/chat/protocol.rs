//! The frames that clients send, and the errors for invalid ones.
//!
//! A frame is a JSON object in a text message. In the first protocol it is `{"message","provider_id","model_name"}`;
//! in the second it has a `type`, and optionally a `seq`, the client's own number for it, which the `ack` or `error`
//! repeats in `ref`:
//!
//! ```json
//! {"type": "message", "seq": 3, "id": "m1", "content": "Hello", "model": "demo/echo"}
//! {"type": "ack", "ref": 3, "turn_id": "01M7…", "duplicate": false}
//! ```
//!
//! A refused frame changes nothing, and the connection stays open.

use serde_json::{Map, Value, json};

use super::agent_tools::{self, AgentTools};
use super::approval::Decided;
use super::fault::wrong_type;
use super::handshake::Version;
use super::inbox::{MAX_WAITING_BYTES, MAX_WAITING_FRAMES};
use super::input::Given;
use crate::error::{ApiError, ErrorKind};
use crate::json::error::{invalid_value, missing, unknown_field};

/// Largest frame of a client, in bytes.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;
/// Most frames that a connection may send in [`FRAME_WINDOW_MS`].
pub const MAX_FRAMES: u32 = 120;
/// See [`MAX_FRAMES`]; in milliseconds.
pub const FRAME_WINDOW_MS: u64 = 10_000;
/// Most turns of a session that are queued or running.
pub const MAX_QUEUED_TURNS: usize = 20;
/// Most connections of one session.
pub const MAX_CONNECTIONS: usize = 1000;
/// Most results of tools in one frame.
const MAX_RESULTS: usize = 128;
const MAX_ID_CHARS: usize = 128;

/// A valid frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The client's number for it.
    pub seq: Option<u64>,
    /// Its content.
    pub body: FrameBody,
}

/// The content of a frame.
#[derive(Debug, Clone, PartialEq)]
pub enum FrameBody {
    /// The client requests all frames after this number; without a number it only introduces itself.
    Hello {
        /// The last number that it received.
        last_seq: Option<u64>,
    },
    /// A turn is requested.
    Ask(Box<Ask>),
    /// The current turn is to be stopped, or the named one.
    Stop {
        /// The turn.
        turn_id: Option<String>,
    },
    /// A person has decided on a call of a tool.
    Approve(Decided),
    /// A person answers a tool that asks for input.
    Answer(Given),
    /// A check that the connection is alive.
    Ping,
}

/// The input of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The client's own id of the turn: a repeated one is not accepted again.
    pub client_id: Option<String>,
    /// What the turn begins with.
    pub say: Say,
    /// The model from now on.
    pub model: Option<String>,
    /// The provider from now on, by its id.
    pub provider_id: Option<i64>,
    /// The provider from now on, by its name.
    pub provider: Option<String>,
    /// A change of the session's parameters.
    pub config: Option<Value>,
    /// Tools of agents for this turn, instead of those of the session.
    pub agent_tools: Option<AgentTools>,
}

/// What a turn begins with.
#[derive(Debug, Clone, PartialEq)]
pub enum Say {
    /// A message of the user: a text or a list of parts.
    Message(Value),
    /// Results of tool calls: id of the call, and content.
    ToolResults(Vec<(String, Value)>),
    /// No input: the last answer is regenerated.
    Regenerate,
}

/// A frame that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The client's number of the frame, if it could be read.
    pub reference: Option<u64>,
    /// Why.
    pub error: ApiError,
}

impl Refusal {
    /// A refusal of a frame whose number is not known.
    #[must_use]
    pub fn of(error: ApiError) -> Self {
        Self { reference: None, error }
    }

    /// The frame with the error.
    #[must_use]
    pub fn to_json(&self, version: Version) -> String {
        let error = &self.error;
        match version {
            Version::V1 => json!({ "error": error.message, "code": error.code }).to_string(),
            Version::V2 => {
                let mut frame = json!({ "type": "error", "code": error.code, "message": error.message });
                if let Some(object) = frame.as_object_mut() {
                    if let Some(reference) = self.reference {
                        object.insert("ref".into(), reference.into());
                    }
                    if let Some(param) = &error.param {
                        object.insert("param".into(), param.as_str().into());
                    }
                    if let Some(seconds) = error.retry_after_s {
                        object.insert("retry_after".into(), seconds.into());
                    }
                }
                frame.to_string()
            }
        }
    }
}

/// Parses a text frame.
pub fn parse(version: Version, text: &str) -> Result<Frame, Refusal> {
    if text.len() > MAX_FRAME_BYTES {
        return Err(Refusal::of(frame_too_large()));
    }
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Refusal::of(ApiError::invalid_json(format!("The frame is not valid JSON: {error}.")))
    })?;
    let Value::Object(fields) = value else {
        return Err(Refusal::of(ApiError::invalid_json("A frame must be a JSON object.")));
    };
    let reference = fields.get("seq").and_then(Value::as_u64);
    let body = match version {
        Version::V1 => parse_v1(&fields),
        Version::V2 => read_seq(&fields).and_then(|()| parse_v2(&fields)),
    };
    body.map(|body| Frame { seq: reference, body }).map_err(|error| Refusal { reference, error })
}

/// The error for a frame over [`MAX_FRAME_BYTES`].
#[must_use]
pub fn frame_too_large() -> ApiError {
    let message = format!("The frame is larger than {MAX_FRAME_BYTES} bytes.");
    ApiError::new(413, ErrorKind::RequestTooLarge, "frame_too_large", message)
}

/// The error for a message that is not text.
#[must_use]
pub fn not_text() -> ApiError {
    ApiError::new(400, ErrorKind::InvalidRequest, "binary_frame", "Frames must be text, not binary.")
}

/// The error for a connection that sends too many frames.
#[must_use]
pub fn too_many_frames() -> ApiError {
    let message = format!("More than {MAX_FRAMES} frames in {} s.", FRAME_WINDOW_MS / 1000);
    ApiError::new(429, ErrorKind::RateLimit, "too_many_frames", message).with_retry_after(10)
}

/// The error for a frame that arrives while too many, or too large ones, are queued.
#[must_use]
pub fn inbox_full() -> ApiError {
    let message = format!(
        "{MAX_WAITING_FRAMES} frames, or {} MiB of them, wait for their answers already.",
        MAX_WAITING_BYTES / (1024 * 1024)
    );
    ApiError::new(429, ErrorKind::RateLimit, "inbox_full", message).with_retry_after(1)
}

/// The error for a session with too many queued turns.
#[must_use]
pub fn queue_full() -> ApiError {
    let message = format!("{MAX_QUEUED_TURNS} turns of this session wait for their answers already.");
    ApiError::new(429, ErrorKind::RateLimit, "queue_full", message).with_retry_after(5)
}

fn read_seq(fields: &Map<String, Value>) -> Result<(), ApiError> {
    match fields.get("seq") {
        None => Ok(()),
        Some(seq) if seq.as_u64().is_some() => Ok(()),
        Some(seq) if seq.is_number() => Err(invalid_value("seq", "must be a whole number from 0")),
        Some(seq) => Err(wrong_type("seq", "a number", seq)),
    }
}

fn parse_v1(fields: &Map<String, Value>) -> Result<FrameBody, ApiError> {
    known(
        fields,
        &[&["message", "provider_id", "model_name", "type", "content"], &agent_tools::FIELDS[..]].concat(),
    )?;
    match fields.get("type").and_then(Value::as_str) {
        Some("stop") => return Ok(FrameBody::Stop { turn_id: None }),
        Some("ping") => return Ok(FrameBody::Ping),
        _ => {}
    }
    let message = fields.get("message").ok_or_else(|| missing("message"))?;
    let text = message.as_str().ok_or_else(|| wrong_type("message", "a string", message))?;
    if text.trim().is_empty() {
        return Err(invalid_value("message", "must not be empty"));
    }
    Ok(FrameBody::Ask(Box::new(Ask {
        client_id: None,
        say: Say::Message(json!(text)),
        model: name(fields, "model_name")?,
        provider_id: provider_id(fields)?,
        provider: None,
        config: None,
        agent_tools: AgentTools::of(fields)?,
    })))
}

fn parse_v2(fields: &Map<String, Value>) -> Result<FrameBody, ApiError> {
    let kind = fields.get("type").ok_or_else(|| missing("type"))?;
    let kind = kind.as_str().ok_or_else(|| wrong_type("type", "a string", kind))?;
    let asking = ["type", "seq", "id", "model", "model_name", "provider", "provider_id", "config"];
    let asking = [&asking[..], &agent_tools::FIELDS].concat();
    match kind {
        "hello" => {
            known(fields, &["type", "seq", "last_seq"])?;
            Ok(FrameBody::Hello { last_seq: whole_number(fields, "last_seq")? })
        }
        "ping" => {
            known(fields, &["type", "seq"])?;
            Ok(FrameBody::Ping)
        }
        "stop" => {
            known(fields, &["type", "seq", "turn_id"])?;
            Ok(FrameBody::Stop { turn_id: name(fields, "turn_id")? })
        }
        "approve" => {
            known(fields, &["type", "seq", "call_id", "decision"])?;
            Ok(FrameBody::Approve(Decided::read(fields)?))
        }
        "answer" => {
            known(fields, &["type", "seq", "call_id", "action", "content"])?;
            Ok(FrameBody::Answer(Given::read(fields)?))
        }
        "message" => {
            known(fields, &[&asking[..], &["content"]].concat())?;
            let content = fields.get("content").ok_or_else(|| missing("content"))?;
            ask(fields, Say::Message(content_of("content", content)?))
        }
        "tool_result" => {
            known(fields, &[&asking[..], &["results"]].concat())?;
            ask(fields, Say::ToolResults(results(fields)?))
        }
        "regenerate" => {
            known(fields, &asking)?;
            ask(fields, Say::Regenerate)
        }
        other => {
            let other: String = other.chars().take(50).collect();
            let message = format!(
                "Unknown type `{other}`. Known types: hello, message, tool_result, approve, answer, regenerate, stop, ping."
            );
            Err(ApiError::invalid("unknown_type", "type", message))
        }
    }
}

fn ask(fields: &Map<String, Value>, say: Say) -> Result<FrameBody, ApiError> {
    let model = match name(fields, "model")? {
        Some(model) => Some(model),
        None => name(fields, "model_name")?,
    };
    let config = fields.get("config").filter(|config| !config.is_null()).cloned();
    if let Some(config) = &config {
        super::config::SessionConfig::default().apply(config, "config")?;
    }
    Ok(FrameBody::Ask(Box::new(Ask {
        client_id: name(fields, "id")?,
        say,
        model,
        provider_id: provider_id(fields)?,
        provider: name(fields, "provider")?,
        config,
        agent_tools: AgentTools::of(fields)?,
    })))
}

/// The content of a user's message: a text, or parts of which each has a `type`.
pub fn content_of(path: &str, content: &Value) -> Result<Value, ApiError> {
    match content {
        Value::String(text) if text.trim().is_empty() => Err(invalid_value(path, "must not be empty")),
        Value::Array(parts) if parts.is_empty() => Err(invalid_value(path, "must not be empty")),
        Value::String(_) => Ok(content.clone()),
        Value::Array(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let Value::Object(part) = part else { return Err(wrong_type(&path, "an object", part)) };
                let kind = part.get("type").ok_or_else(|| missing(format_args!("{path}.type")))?;
                let kind =
                    kind.as_str().ok_or_else(|| wrong_type(&format!("{path}.type"), "a string", kind))?;
                if kind == "text" {
                    let text = part.get("text").unwrap_or(&Value::Null);
                    if !text.is_string() {
                        return Err(wrong_type(&format!("{path}.text"), "a string", text));
                    }
                }
            }
            Ok(content.clone())
        }
        _ => Err(wrong_type(path, "a string or an array of parts", content)),
    }
}

fn results(fields: &Map<String, Value>) -> Result<Vec<(String, Value)>, ApiError> {
    let results = fields.get("results").ok_or_else(|| missing("results"))?;
    let results = results.as_array().ok_or_else(|| wrong_type("results", "an array", results))?;
    if results.is_empty() || results.len() > MAX_RESULTS {
        return Err(invalid_value("results", format_args!("must have 1 to {MAX_RESULTS} items")));
    }
    results
        .iter()
        .enumerate()
        .map(|(index, result)| {
            let path = format!("results[{index}]");
            let Value::Object(result) = result else { return Err(wrong_type(&path, "an object", result)) };
            let id_path = format!("{path}.tool_call_id");
            let id = result.get("tool_call_id").ok_or_else(|| missing(&id_path))?;
            let id = id.as_str().ok_or_else(|| wrong_type(&id_path, "a string", id))?;
            let content_path = format!("{path}.content");
            let content = result.get("content").ok_or_else(|| missing(&content_path))?;
            if !content.is_string() {
                return Err(wrong_type(&content_path, "a string", content));
            }
            Ok((id.to_owned(), content.clone()))
        })
        .collect()
}

fn known(fields: &Map<String, Value>, names: &[&str]) -> Result<(), ApiError> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(unknown_field("", name, names)),
    }
}

/// A short text; null counts as absent.
fn name(fields: &Map<String, Value>, field: &str) -> Result<Option<String>, ApiError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let fits =
                (1..=MAX_ID_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            if fits && !text.trim().is_empty() {
                return Ok(Some(text.clone()));
            }
            Err(invalid_value(field, format_args!("must have 1 to {MAX_ID_CHARS} characters")))
        }
        Some(other) => Err(wrong_type(field, "a string", other)),
    }
}

fn whole_number(fields: &Map<String, Value>, field: &str) -> Result<Option<u64>, ApiError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) if value.as_u64().is_some() => Ok(value.as_u64()),
        Some(value) if value.is_number() => Err(invalid_value(field, "must be a whole number from 0")),
        Some(other) => Err(wrong_type(field, "a number", other)),
    }
}

/// The id of a provider. HTML forms send it as a text.
fn provider_id(fields: &Map<String, Value>) -> Result<Option<i64>, ApiError> {
    let id = match fields.get("provider_id") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim().parse::<i64>().ok(),
        Some(value) if value.is_number() => value.as_i64(),
        Some(other) => return Err(wrong_type("provider_id", "a number", other)),
    };
    id.filter(|id| *id > 0)
        .map(Some)
        .ok_or_else(|| invalid_value("provider_id", "must be a whole number from 1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::approval::Decision;

    fn v2(text: &str) -> Frame {
        parse(Version::V2, text).unwrap()
    }

    #[test]
    fn the_frames_of_the_predecessor_are_understood() {
        let frame = parse(Version::V1, r#"{"message":"hi","provider_id":2,"model_name":"m"}"#).unwrap();
        let FrameBody::Ask(ask) = frame.body else { panic!("{frame:?}") };
        assert_eq!(
            (ask.say, ask.provider_id, ask.model.as_deref()),
            (Say::Message(json!("hi")), Some(2), Some("m"))
        );
        let text_id = parse(Version::V1, r#"{"message":"hi","provider_id":"2"}"#).unwrap();
        assert!(matches!(text_id.body, FrameBody::Ask(ask) if ask.provider_id == Some(2)));
        assert_eq!(parse(Version::V1, r#"{"type":"stop"}"#).unwrap().body, FrameBody::Stop { turn_id: None });
    }

    #[test]
    fn every_type_of_the_second_protocol_is_understood() {
        assert_eq!(v2(r#"{"type":"hello","last_seq":7}"#).body, FrameBody::Hello { last_seq: Some(7) });
        assert_eq!(v2(r#"{"type":"ping","seq":3}"#), Frame { seq: Some(3), body: FrameBody::Ping });
        assert_eq!(
            v2(r#"{"type":"stop","turn_id":"t"}"#).body,
            FrameBody::Stop { turn_id: Some("t".into()) }
        );
        let message = r#"{"type":"message","id":"a","content":[{"type":"text","text":"x"}],"model":"m","config":{"top_p":1}}"#;
        assert!(matches!(v2(message).body, FrameBody::Ask(ask) if ask.client_id.as_deref() == Some("a")));
        let approve = v2(r#"{"type":"approve","call_id":"c","decision":"deny"}"#).body;
        assert!(matches!(approve, FrameBody::Approve(decided) if decided.decision == Decision::Deny));
        let results = r#"{"type":"tool_result","results":[{"tool_call_id":"c","content":"12"}]}"#;
        assert!(matches!(v2(results).body, FrameBody::Ask(ask) if matches!(ask.say, Say::ToolResults(_))));
        assert!(
            matches!(v2(r#"{"type":"regenerate"}"#).body, FrameBody::Ask(ask) if ask.say == Say::Regenerate)
        );
    }

    /// Invalid frames: protocol, text, code and field.
    fn bad_frames() -> Vec<(Version, String, &'static str, Option<&'static str>)> {
        use Version::{V1, V2};
        let cases = [
            (V2, "", "invalid_json", None),
            (V2, "{", "invalid_json", None),
            (V2, "hello", "invalid_json", None),
            (V2, "[]", "invalid_json", None),
            (V2, "null", "invalid_json", None),
            (V2, "1", "invalid_json", None),
            (V2, "\"ping\"", "invalid_json", None),
            (V2, "{}", "missing_required_parameter", Some("type")),
            (V2, r#"{"type":1}"#, "invalid_type", Some("type")),
            (V2, r#"{"type":"shout"}"#, "unknown_type", Some("type")),
            (V2, r#"{"type":"ping","seq":"1"}"#, "invalid_type", Some("seq")),
            (V2, r#"{"type":"ping","seq":-1}"#, "invalid_value", Some("seq")),
            (V2, r#"{"type":"ping","seq":1.5}"#, "invalid_value", Some("seq")),
            (V2, r#"{"type":"ping","x":1}"#, "unknown_parameter", Some("x")),
            (V2, r#"{"type":"hello","last_seq":"7"}"#, "invalid_type", Some("last_seq")),
            (V2, r#"{"type":"hello","last_seq":-7}"#, "invalid_value", Some("last_seq")),
            (V2, r#"{"type":"stop","turn_id":7}"#, "invalid_type", Some("turn_id")),
            (V2, r#"{"type":"stop","turn_id":""}"#, "invalid_value", Some("turn_id")),
            (V2, r#"{"type":"approve","call_id":"c"}"#, "missing_required_parameter", Some("decision")),
            (V2, r#"{"type":"message"}"#, "missing_required_parameter", Some("content")),
            (V2, r#"{"type":"message","content":""}"#, "invalid_value", Some("content")),
            (V2, r#"{"type":"message","content":"  "}"#, "invalid_value", Some("content")),
            (V2, r#"{"type":"message","content":7}"#, "invalid_type", Some("content")),
            (V2, r#"{"type":"message","content":[]}"#, "invalid_value", Some("content")),
            (V2, r#"{"type":"message","content":["a"]}"#, "invalid_type", Some("content[0]")),
            (
                V2,
                r#"{"type":"message","content":[{"text":"a"}]}"#,
                "missing_required_parameter",
                Some("content[0].type"),
            ),
            (
                V2,
                r#"{"type":"message","content":[{"type":"text"}]}"#,
                "invalid_type",
                Some("content[0].text"),
            ),
            (V2, r#"{"type":"message","content":"a","model":7}"#, "invalid_type", Some("model")),
            (V2, r#"{"type":"message","content":"a","id":""}"#, "invalid_value", Some("id")),
            (V2, r#"{"type":"message","content":"a","provider_id":0}"#, "invalid_value", Some("provider_id")),
            (V2, r#"{"type":"message","content":"a","provider_id":[]}"#, "invalid_type", Some("provider_id")),
            (V2, r#"{"type":"message","content":"a","config":[]}"#, "invalid_type", Some("config")),
            (
                V2,
                r#"{"type":"message","content":"a","config":{"temperature":9}}"#,
                "invalid_value",
                Some("config.temperature"),
            ),
            (V2, r#"{"type":"message","content":"a","colour":"red"}"#, "unknown_parameter", Some("colour")),
            (V2, r#"{"type":"regenerate","bridge_agent_ids":"a"}"#, "invalid_type", Some("bridge_agent_ids")),
            (V1, r#"{"message":"a","bridge_agent_id":""}"#, "invalid_value", Some("bridge_agent_id")),
            (V2, r#"{"type":"tool_result"}"#, "missing_required_parameter", Some("results")),
            (V2, r#"{"type":"tool_result","results":{}}"#, "invalid_type", Some("results")),
            (V2, r#"{"type":"tool_result","results":[]}"#, "invalid_value", Some("results")),
            (
                V2,
                r#"{"type":"tool_result","results":[{"content":"a"}]}"#,
                "missing_required_parameter",
                Some("results[0].tool_call_id"),
            ),
            (
                V2,
                r#"{"type":"tool_result","results":[{"tool_call_id":"a"}]}"#,
                "missing_required_parameter",
                Some("results[0].content"),
            ),
            (
                V2,
                r#"{"type":"tool_result","results":[{"tool_call_id":"a","content":1}]}"#,
                "invalid_type",
                Some("results[0].content"),
            ),
            (V2, r#"{"type":"answer","call_id":"c"}"#, "missing_required_parameter", Some("action")),
            (
                V2,
                r#"{"type":"answer","call_id":"c","action":"accept","answer":{}}"#,
                "unknown_parameter",
                Some("answer"),
            ),
            (V2, r#"{"type":"regenerate","content":"a"}"#, "unknown_parameter", Some("content")),
            (V1, "{}", "missing_required_parameter", Some("message")),
            (V1, r#"{"message":1}"#, "invalid_type", Some("message")),
            (V1, r#"{"message":""}"#, "invalid_value", Some("message")),
            (V1, r#"{"message":"a","provider_id":"x"}"#, "invalid_value", Some("provider_id")),
            (V1, r#"{"message":"a","model_name":1}"#, "invalid_type", Some("model_name")),
            (V1, r#"{"message":"a","temperature":1}"#, "unknown_parameter", Some("temperature")),
        ];
        let mut cases: Vec<_> = cases
            .into_iter()
            .map(|(version, text, code, param)| (version, text.to_owned(), code, param))
            .collect();
        let large = format!(r#"{{"type":"message","content":"{}"}}"#, "x".repeat(MAX_FRAME_BYTES));
        cases.push((V2, large, "frame_too_large", None));
        cases
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let cases = bad_frames();
        assert!(cases.len() >= 30);
        for (version, text, code, param) in cases {
            let shown: String = text.chars().take(80).collect();
            let refusal = parse(version, &text).unwrap_err();
            assert_eq!((refusal.error.code, refusal.error.param.as_deref()), (code, param), "{shown}");
            let told: Value = serde_json::from_str(&refusal.to_json(version)).unwrap();
            assert_eq!(told["code"], code, "{shown}");
        }
    }

    #[test]
    fn a_refusal_refers_to_the_frame() {
        let refusal = parse(Version::V2, r#"{"type":"message","seq":9}"#).unwrap_err();
        let told: Value = serde_json::from_str(&refusal.to_json(Version::V2)).unwrap();
        assert_eq!((told["ref"].as_u64(), told["param"].as_str()), (Some(9), Some("content")));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,200}") {
            for version in [Version::V1, Version::V2] {
                let _ = parse(version, &text).map_err(|refusal| refusal.to_json(version));
            }
        }
    }
}
