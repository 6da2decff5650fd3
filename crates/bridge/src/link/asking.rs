//! Questions of calls, as the gateway is asked them, and its answers. Pure.

use nexus_edge_mcp::json::{Members, string, to_raw};
use nexus_edge_mcp::rpc::{RpcError, code};
use nexus_edge_tunnel::frame::{self, AskKind};
use nexus_edge_tunnel::limits::MAX_INLINE_BYTES;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::server::call::{Answer, Ask};

/// The longest arguments that are shown with a question, in bytes: a question travels in one frame.
const SHOWN: usize = 64 * 1024;

/// Who waits for an answer.
#[derive(Debug)]
pub enum Waiting {
    /// An approval.
    Approval(oneshot::Sender<Answer>),
    /// A server.
    Input(oneshot::Sender<Result<Box<RawValue>, RpcError>>),
}

/// A question as a frame, and who waits for its answer. `None` if it is too long for a frame; then it is refused.
#[must_use]
pub fn question(call: &str, name: &str, ask: Ask) -> Option<(frame::Ask, Waiting)> {
    let (kind, body, waiting) = match ask {
        Ask::Approval { mut approval, answer } => {
            if approval.arguments.as_deref().is_some_and(|arguments| arguments.get().len() > SHOWN) {
                approval.arguments = Some(string("(too long to be shown)"));
            }
            (AskKind::Approval, to_raw(&approval), Waiting::Approval(answer))
        }
        Ask::Input { method, params, answer } => {
            let mut body = Members::default();
            body.set("method", string(&method));
            if let Some(params) = params {
                body.set("params", params);
            }
            let body = body.write();
            if body.get().len() > MAX_INLINE_BYTES {
                let said = "the question is too long for the gateway";
                let _ = answer.send(Err(RpcError::new(code::INTERNAL, said)));
                return None;
            }
            (AskKind::InputRequired, body, Waiting::Input(answer))
        }
    };
    Some((frame::Ask { id: call.to_owned(), ask: name.to_owned(), kind, body }, waiting))
}

impl Waiting {
    /// Gives an answer of the gateway, which has a `decision` or a `response`. What is no clear approval is a refusal.
    pub fn answer(self, body: &RawValue) {
        let members = Members::parse(body.get()).unwrap_or_default();
        match self {
            Self::Approval(waiting) => {
                let _ = waiting.send(members.read("decision").unwrap_or(Answer::Deny));
            }
            Self::Input(waiting) => {
                let refused = || RpcError::new(code::INTERNAL, "the request was refused");
                let response = members.get("response").map(ToOwned::to_owned);
                let _ = waiting.send(response.ok_or_else(refused));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::json::raw;

    use super::*;
    use crate::server::call::Approval;

    fn approval(arguments: &str) -> (Ask, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let approval = Approval {
            id: "c".into(),
            server: "s".into(),
            tool: "t".into(),
            arguments: raw(arguments.to_owned()),
            why: String::new(),
        };
        (Ask::Approval { approval, answer }, answered)
    }

    #[test]
    fn only_a_clear_decision_approves() {
        for (body, expected) in [
            (r#"{"decision":"once"}"#, Answer::Once),
            (r#"{"decision":"always"}"#, Answer::Always),
            (r#"{"decision":"yes"}"#, Answer::Deny),
            (r#"{"response":{"decision":"once"}}"#, Answer::Deny),
            ("1", Answer::Deny),
        ] {
            let (ask, mut answered) = approval("{}");
            let (_, waiting) = question("c", "a", ask).unwrap();
            waiting.answer(&raw(body.to_owned()).unwrap());
            assert_eq!(answered.try_recv(), Ok(expected), "{body}");
        }
    }

    #[test]
    fn long_arguments_are_not_shown() {
        let (ask, _answered) = approval(&format!(r#"{{"x":"{}"}}"#, "x".repeat(SHOWN)));
        let (frame, _) = question("c", "a", ask).unwrap();
        assert!(frame.body.get().len() < 1_000);
    }

    #[test]
    fn a_server_hears_the_response_or_a_refusal() {
        for (body, is_ok) in
            [(r#"{"response":{"action":"accept"}}"#, true), (r#"{"decision":"deny"}"#, false)]
        {
            let (answer, mut answered) = oneshot::channel();
            let ask = Ask::Input { method: "elicitation/create".into(), params: None, answer };
            let (frame, waiting) = question("c", "a", ask).unwrap();
            assert_eq!(frame.body.get(), r#"{"method":"elicitation/create"}"#);
            waiting.answer(&raw(body.to_owned()).unwrap());
            assert_eq!(answered.try_recv().unwrap().is_ok(), is_ok);
        }
    }
}
