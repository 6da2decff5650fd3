//! Input that a server needs in the middle of a request: `input_required` in the modern era, requests from server to client
//! in the legacy era, and each as the other.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::elicitation::Modes;
use crate::envelope::{ResultType, result_type};
use crate::json::{JsonFault, Members, canonical, string};
use crate::rpc::{Outcome, Request, RpcError, code};
use nexus_edge_hash::checksum_hex;

/// One request for input.
#[derive(Debug, Clone)]
pub struct InputRequest {
    /// Unique within the result.
    pub key: String,
    /// `elicitation/create`, `sampling/createMessage` or `roots/list`.
    pub method: String,
    /// Its parameters, byte for byte.
    pub params: Option<Box<RawValue>>,
}

/// A result that says that input is needed.
#[derive(Debug, Clone, Default)]
pub struct InputRequired {
    /// What is needed.
    pub requests: Vec<InputRequest>,
    /// What the client must send back unchanged.
    pub state: Option<String>,
}

impl InputRequired {
    /// Reads a result; `Ok(None)` where it is complete.
    ///
    /// # Errors
    /// It needs input, and does not say so as the protocol demands.
    pub fn read(result: &RawValue) -> Result<Option<Self>, JsonFault> {
        if result_type(result) != ResultType::InputRequired {
            return Ok(None);
        }
        let members = Members::parse(result.get())?;
        let mut requests = Vec::new();
        for member in Members::of(members.get("inputRequests"))?.iter() {
            let request = Members::parse(member.value.get())?;
            requests.push(InputRequest {
                key: member.name.clone(),
                method: request.text("method").ok_or(JsonFault::Syntax)?,
                params: request.get("params").map(ToOwned::to_owned),
            });
        }
        let state = members.text("requestState");
        if requests.is_empty() && state.is_none() {
            return Err(JsonFault::Syntax);
        }
        Ok(Some(Self { requests, state }))
    }

    /// The result.
    #[must_use]
    pub fn write(&self) -> Box<RawValue> {
        let mut result = Members::default();
        result.set("resultType", string("input_required"));
        if !self.requests.is_empty() {
            let mut requests = Members::default();
            for request in &self.requests {
                let mut one = Members::default();
                one.set("method", string(&request.method));
                if let Some(params) = &request.params {
                    one.set("params", params.clone());
                }
                requests.set(&request.key, one.write());
            }
            result.set("inputRequests", requests.write());
        }
        if let Some(state) = &self.state {
            result.set("requestState", string(state));
        }
        result.write()
    }

    /// The parameters of the first request as it is asked again: with answers by the keys of the requests, and with the state.
    ///
    /// # Errors
    /// `params` is no object, or has a member twice.
    pub fn asked_again(
        &self,
        params: Option<&RawValue>,
        answers: &Members,
    ) -> Result<Box<RawValue>, JsonFault> {
        let mut again = InputResponses::read(params)?.original;
        if !answers.is_empty() {
            again.set("inputResponses", answers.write());
        }
        if let Some(state) = &self.state {
            again.set("requestState", string(state));
        }
        Ok(again.write())
    }

    /// The first capability that the client lacks for these requests, as the error that says so.
    #[must_use]
    pub fn refused_by(&self, client: &Members) -> Option<RpcError> {
        let lacking = self.requests.iter().find_map(|request| lacking(request, client))?;
        let data = serde_json::json!({ "requiredCapabilities": lacking });
        let message = "the request needs a capability that the client did not declare";
        Some(RpcError::new(code::MISSING_CLIENT_CAPABILITY, message).with_data(&data))
    }
}

/// A request of a legacy server to its client, as input that a modern client is asked for.
#[must_use]
pub fn lifted(key: &str, request: &Request) -> InputRequest {
    InputRequest { key: key.to_owned(), method: request.method.clone(), params: request.params.clone() }
}

/// Whether a request of a server to its client is one for input.
#[must_use]
pub fn asks_for_input(method: &str) -> bool {
    matches!(method, "elicitation/create" | "sampling/createMessage" | "roots/list")
}

/// The capability that the client lacks for a request.
fn lacking(request: &InputRequest, client: &Members) -> Option<serde_json::Value> {
    match request.method.as_str() {
        "elicitation/create" => {
            let Some(elicitation) = client.get("elicitation") else {
                return Some(serde_json::json!({ "elicitation": {} }));
            };
            let params = Members::of(request.params.as_deref()).unwrap_or_default();
            let modes = Modes::read(elicitation);
            let needs_url = params.text("mode").as_deref() == Some("url");
            let can = if needs_url { modes.url } else { modes.form };
            let mode = if needs_url { "url" } else { "form" };
            (!can).then(|| serde_json::json!({ "elicitation": { mode: {} } }))
        }
        "sampling/createMessage" => {
            client.get("sampling").is_none().then(|| serde_json::json!({ "sampling": {} }))
        }
        "roots/list" => client.get("roots").is_none().then(|| serde_json::json!({ "roots": {} })),
        // A server may ask for nothing else; no capability makes it right.
        other => Some(serde_json::json!({ "experimental": { other: {} } })),
    }
}

/// What a client sends when it asks again.
#[derive(Debug, Clone, Default)]
pub struct InputResponses {
    /// The parameters of the first request: without answers and state.
    pub original: Members,
    /// The answers by their keys, byte for byte.
    pub answers: Members,
    /// What it was told to send back.
    pub state: Option<String>,
}

impl InputResponses {
    /// Reads the parameters of a request. Without answers and state they are a first request.
    ///
    /// # Errors
    /// `params` or `inputResponses` is no object, or has a member twice.
    pub fn read(params: Option<&RawValue>) -> Result<Self, JsonFault> {
        let mut original = Members::of(params)?;
        let answers = original.remove("inputResponses");
        let state = original.remove("requestState");
        Ok(Self {
            original,
            answers: Members::of(answers.as_deref())?,
            state: state.and_then(|state| crate::json::text_of(&state)),
        })
    }

    /// Whether the request is one that is asked again.
    #[must_use]
    pub fn is_retry(&self) -> bool {
        self.state.is_some() || !self.answers.is_empty()
    }

    /// The outcome of the legacy server's request that a key stands for.
    #[must_use]
    pub fn lowered(&self, key: &str) -> Option<Outcome> {
        self.answers.get(key).map(|answer| Outcome::Result(answer.to_owned()))
    }

    /// A hash of what the first request asked: `method` and the parameters without `_meta`, answers and state. What was
    /// sealed for one request is not taken for another.
    ///
    /// # Errors
    /// A parameter has a member twice.
    pub fn fingerprint(&self, method: &str) -> Result<String, JsonFault> {
        let mut salient = self.original.clone();
        salient.remove("_meta");
        let text = canonical(salient.write().get())?;
        Ok(checksum_hex(format!("{method}\n{text}").as_bytes()))
    }
}

/// What a server wants back, as it is held by the client until then: sealed, so that it is only opened for the same request in time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HeldState {
    state: String,
    until_ms: u64,
}

impl HeldState {
    /// Milliseconds for which it may be held.
    pub const LIFETIME_MS: u64 = 10 * 60_000;

    /// A state that is given to the client at `now_ms`.
    #[must_use]
    pub const fn new(state: String, now_ms: u64) -> Self {
        Self { state, until_ms: now_ms.saturating_add(Self::LIFETIME_MS) }
    }

    /// As text, to be sealed.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The state of an opened text; `None` where it was held for too long.
    #[must_use]
    pub fn read(text: &str, now_ms: u64) -> Option<String> {
        let held: Self = serde_json::from_str(text).ok()?;
        (now_ms < held.until_ms).then_some(held.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        crate::json::raw(text.to_owned()).unwrap()
    }

    const ELICIT: &str = r#"{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{ "mode" : "form" }}},"requestState":"s"}"#;

    #[test]
    fn what_is_read_is_written_again() {
        let needed = InputRequired::read(&raw(ELICIT)).unwrap().unwrap();
        assert_eq!(needed.write().get(), ELICIT);
        assert!(InputRequired::read(&raw(r#"{"content":[]}"#)).unwrap().is_none());
        assert!(InputRequired::read(&raw(r#"{"resultType":"input_required"}"#)).is_err());
    }

    #[test]
    fn a_client_is_asked_only_for_what_it_declared() {
        let needed = InputRequired::read(&raw(ELICIT)).unwrap().unwrap();
        for (client, refused) in [
            ("{}", true),
            (r#"{"elicitation":{}}"#, false),
            (r#"{"elicitation":{"form":{}}}"#, false),
            (r#"{"elicitation":{"url":{}}}"#, true),
        ] {
            assert_eq!(needed.refused_by(&Members::parse(client).unwrap()).is_some(), refused, "{client}");
        }
        let other = InputRequired {
            requests: vec![InputRequest { key: "k".into(), method: "tools/call".into(), params: None }],
            state: None,
        };
        assert!(other.refused_by(&Members::default()).is_some());
    }

    #[test]
    fn answers_find_the_request_that_they_belong_to() {
        let params = raw(
            r#"{"name":"t","arguments":{"a":1},"inputResponses":{"k":{"action":"accept"}},"requestState":"s","_meta":{"x":1}}"#,
        );
        let retry = InputResponses::read(Some(&params)).unwrap();
        assert!(retry.is_retry());
        assert_eq!(retry.original.write().get(), r#"{"name":"t","arguments":{"a":1},"_meta":{"x":1}}"#);
        assert!(
            matches!(retry.lowered("k"), Some(Outcome::Result(answer)) if answer.get() == r#"{"action":"accept"}"#)
        );
        assert!(retry.lowered("other").is_none());
        let first = InputResponses::read(Some(&raw(r#"{"arguments":{ "a": 1.0 },"name":"t"}"#))).unwrap();
        assert!(!first.is_retry());
        assert_eq!(first.fingerprint("tools/call"), retry.fingerprint("tools/call"));
        assert_ne!(first.fingerprint("tools/call"), retry.fingerprint("prompts/get"));
    }

    #[test]
    fn a_request_is_asked_again_with_its_answers_alone() {
        let needed = InputRequired::read(&raw(ELICIT)).unwrap().unwrap();
        let mut answers = Members::default();
        answers.set("k", raw(r#"{"action":"decline"}"#));
        let first = raw(r#"{"name":"t","inputResponses":{"old":{}},"requestState":"old"}"#);
        assert_eq!(
            needed.asked_again(Some(&first), &answers).unwrap().get(),
            r#"{"name":"t","inputResponses":{"k":{"action":"decline"}},"requestState":"s"}"#
        );
    }

    #[test]
    fn a_state_is_held_for_its_time() {
        let text = HeldState::new("s".to_owned(), 1_000).to_text();
        assert_eq!(HeldState::read(&text, 1_000 + HeldState::LIFETIME_MS - 1).as_deref(), Some("s"));
        assert_eq!(HeldState::read(&text, 1_000 + HeldState::LIFETIME_MS), None);
        assert_eq!(HeldState::read("{}", 0), None);
    }
}
