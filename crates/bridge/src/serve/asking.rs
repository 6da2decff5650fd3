//! What a call asks, as a request for input that a client understands, and the client's answer. Pure.

use nexus_edge_mcp::json::{Members, to_raw};
use nexus_edge_mcp::mrtr::InputRequest;
use nexus_edge_mcp::rpc::RpcError;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::server::call::{Answer, Approval, Ask};

/// The longest part of the arguments that is shown, in characters.
const SHOWN: usize = 1_000;

/// Who waits for an answer.
#[derive(Debug)]
pub enum Waiting {
    /// An approval.
    Approval(oneshot::Sender<Answer>),
    /// A server.
    Input(oneshot::Sender<Result<Box<RawValue>, RpcError>>),
}

impl Waiting {
    /// Gives the client's answer. What is no clear approval is a refusal.
    pub fn answer(self, answer: Result<Box<RawValue>, RpcError>) {
        match self {
            Self::Approval(waiting) => {
                let _ = waiting.send(answer.map_or(Answer::Deny, |answer| read(&answer)));
            }
            Self::Input(waiting) => {
                let _ = waiting.send(answer);
            }
        }
    }

    /// The client cannot be asked: others may approve, and a server is told.
    pub fn refuse(self, error: RpcError) {
        match self {
            Self::Approval(_) => {}
            Self::Input(waiting) => {
                let _ = waiting.send(Err(error));
            }
        }
    }
}

/// A request for input under a key, and who waits for it.
#[must_use]
pub fn request(key: &str, ask: Ask) -> (InputRequest, Waiting) {
    match ask {
        Ask::Input { method, params, answer } => {
            (InputRequest { key: key.to_owned(), method, params }, Waiting::Input(answer))
        }
        Ask::Approval { approval, answer } => {
            let params = Some(form(&approval));
            let request =
                InputRequest { key: key.to_owned(), method: "elicitation/create".to_owned(), params };
            (request, Waiting::Approval(answer))
        }
    }
}

fn form(approval: &Approval) -> Box<RawValue> {
    let arguments = approval.arguments.as_deref().map_or("{}", RawValue::get);
    let shown: String = arguments.chars().take(SHOWN).collect();
    let more = if shown.len() < arguments.len() { "…" } else { "" };
    let message = format!(
        "Run the tool `{}` of the server `{}`? Arguments: {shown}{more}",
        approval.tool, approval.server
    );
    to_raw(&serde_json::json!({
        "mode": "form",
        "message": message,
        "requestedSchema": {
            "type": "object",
            "properties": { "answer": {
                "type": "string",
                "title": "Answer",
                "description": "once: this call; session: this tool until the program ends; always: this tool; deny: no",
                "enum": ["once", "session", "always", "deny"],
            } },
            "required": ["answer"],
        },
    }))
}

fn read(answer: &RawValue) -> Answer {
    let members = Members::parse(answer.get()).unwrap_or_default();
    if members.text("action").as_deref() != Some("accept") {
        return Answer::Deny;
    }
    let content = Members::of(members.get("content")).unwrap_or_default();
    match content.text("answer").as_deref() {
        Some("once") => Answer::Once,
        Some("session") => Answer::Session,
        Some("always") => Answer::Always,
        _ => Answer::Deny,
    }
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::json::raw;

    use super::*;

    #[test]
    fn only_a_clear_answer_approves() {
        for (answer, expected) in [
            (r#"{"action":"accept","content":{"answer":"once"}}"#, Answer::Once),
            (r#"{"action":"accept","content":{"answer":"always"}}"#, Answer::Always),
            (r#"{"action":"accept","content":{"answer":"yes"}}"#, Answer::Deny),
            (r#"{"action":"accept"}"#, Answer::Deny),
            (r#"{"action":"cancel","content":{"answer":"once"}}"#, Answer::Deny),
            ("1", Answer::Deny),
        ] {
            assert_eq!(read(&raw(answer.to_owned()).unwrap()), expected, "{answer}");
        }
    }

    #[test]
    fn an_approval_says_what_will_run() {
        let (answer, mut answered) = oneshot::channel();
        let arguments = raw(format!(r#"{{"text":"{}"}}"#, "ä".repeat(2_000)));
        let approval = Approval {
            id: "1".into(),
            server: "fs".into(),
            tool: "write".into(),
            arguments,
            why: String::new(),
        };
        let (request, waiting) = request("k", Ask::Approval { approval, answer });
        let params = request.params.unwrap();
        assert!(params.get().contains("`write` of the server `fs`") && params.get().len() < 4_000);
        waiting.answer(Ok(raw(r#"{"action":"accept","content":{"answer":"session"}}"#.into()).unwrap()));
        assert_eq!(answered.try_recv(), Ok(Answer::Session));
    }
}
