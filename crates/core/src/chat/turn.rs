//! What a turn may begin with, and what it removes from the history.

use serde_json::Value;

use super::message::StoredMessage;
use super::protocol::Ask;
use super::session::Session;
use crate::error::ApiError;

/// Takes what a turn says of model, provider and parameters over into its session, for this turn and those after it. `provider` is
/// the name of the provider that the client named by its id.
///
/// # Errors
/// Those of the parameters.
pub fn set_up(session: &mut Session, ask: &Ask, provider: Option<String>) -> Result<(), ApiError> {
    if ask.model.is_some() {
        // A model without a provider may be answered by any provider that offers it.
        session.ai_provider = None;
        session.model.clone_from(&ask.model);
    }
    if let Some(provider) = provider.or_else(|| ask.provider.clone()) {
        session.ai_provider = Some(provider);
    }
    match &ask.config {
        Some(config) => session.config.apply(config, "config"),
        None => Ok(()),
    }
}

/// Accepts results only for tool calls of the last message, which wait for them. `results`: id of the call, and content.
///
/// # Errors
/// `unexpected_tool_result` (400) naming the first call that does not wait.
pub fn check_results(last: Option<&StoredMessage>, results: &[(String, Value)]) -> Result<(), ApiError> {
    let calls = last.and_then(|message| message.tool_calls.as_ref()).and_then(Value::as_array);
    let waits = |id: &str| {
        calls.is_some_and(|calls| calls.iter().any(|call| call.get("id").and_then(Value::as_str) == Some(id)))
    };
    let Some((id, _)) = results.iter().find(|(id, _)| !waits(id)) else { return Ok(()) };
    let id: String = id.chars().take(100).collect();
    let message = format!("No tool call `{id}` waits for a result.");
    Err(ApiError::invalid("unexpected_tool_result", "results", message))
}

/// The number of the first message that a regeneration removes: the model's last answer with the calls that the gateway ran for it,
/// back to the question or the client's tool result before it. `messages` are numbered and in order; `None` if the last is no answer.
#[must_use]
pub fn regenerated_from(messages: &[(u64, StoredMessage)]) -> Option<u64> {
    // Results that the gateway got are of the turn of their calls; those of a client begin a turn.
    let is_of_answer = |at: usize, message: &StoredMessage| match message.role.as_str() {
        "assistant" => true,
        "tool" => messages.iter().take(at).any(|(_, call)| makes_calls(call, &message.turn_id)),
        _ => false,
    };
    let backwards = messages.iter().enumerate().rev();
    let answer = backwards.take_while(|(at, (_, message))| is_of_answer(*at, message));
    answer.last().map(|(_, (number, _))| *number)
}

/// The calls of a turn that have no result, because it was ended in the middle of them. Asked before its last message is there.
#[must_use]
pub fn unanswered(messages: &[(u64, StoredMessage)], turn_id: &str) -> Vec<String> {
    let made = messages.iter().filter(|(_, message)| makes_calls(message, turn_id));
    let calls = made.filter_map(|(_, message)| message.tool_calls.as_ref()?.as_array()).flatten();
    let has_result = |id: &str| {
        let mut results = messages.iter().filter(|(_, message)| message.turn_id == turn_id);
        results.any(|(_, message)| message.tool_call_id.as_deref() == Some(id))
    };
    let ids = calls.filter_map(|call| call.get("id").and_then(Value::as_str));
    ids.filter(|id| !has_result(id)).map(str::to_owned).collect()
}

fn makes_calls(message: &StoredMessage, turn_id: &str) -> bool {
    message.role == "assistant" && message.turn_id == turn_id && message.tool_calls.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::protocol::Say;
    use serde_json::json;

    fn message(role: &str) -> StoredMessage {
        StoredMessage::new("msg_1".into(), "t", role, json!("x"), 0)
    }

    #[test]
    fn results_are_for_calls_that_wait() {
        let asks =
            StoredMessage { tool_calls: Some(json!([{"id": "a"}, {"id": "b"}])), ..message("assistant") };
        let results = |ids: &[&str]| ids.iter().map(|id| ((*id).to_owned(), json!("r"))).collect::<Vec<_>>();
        assert!(check_results(Some(&asks), &results(&["b", "a"])).is_ok());
        assert!(check_results(None, &[]).is_ok());
        for (last, ids) in
            [(Some(&asks), ["a", "c"]), (Some(&message("assistant")), ["c", "a"]), (None, ["c", "d"])]
        {
            let error = check_results(last, &results(&ids)).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), ("unexpected_tool_result", Some("results")));
            assert_eq!(error.message, "No tool call `c` waits for a result.");
        }
    }

    #[test]
    fn a_turn_sets_its_session_up() {
        let ask = |model: Option<&str>, provider: Option<&str>| Ask {
            client_id: None,
            say: Say::Regenerate,
            model: model.map(str::to_owned),
            provider_id: None,
            provider: provider.map(str::to_owned),
            config: None,
            agent_tools: None,
        };
        let mut session = Session::new("s", 0);
        session.ai_provider = Some("old".into());
        set_up(&mut session, &ask(None, None), None).unwrap();
        assert_eq!(session.ai_provider.as_deref(), Some("old"));
        set_up(&mut session, &ask(Some("m"), None), None).unwrap();
        assert_eq!((session.model.as_deref(), session.ai_provider.as_deref()), (Some("m"), None));
        set_up(&mut session, &ask(Some("m"), Some("named")), Some("of id".into())).unwrap();
        assert_eq!(session.ai_provider.as_deref(), Some("of id"));
    }

    #[test]
    fn a_regeneration_removes_the_last_answer_and_nothing_before_it() {
        let history = |roles: &[&str]| {
            roles.iter().zip(1..).map(|(role, number)| (number, message(role))).collect::<Vec<_>>()
        };
        let mut called = history(&["user", "assistant", "tool", "assistant", "assistant"]);
        called[1].1.tool_calls = Some(json!([{"id": "c"}]));
        assert_eq!(regenerated_from(&called), Some(2), "the gateway ran it");
        for (_, message) in called.iter_mut().skip(2) {
            message.turn_id = "of the client".into();
        }
        assert_eq!(regenerated_from(&called), Some(4));
        assert_eq!(regenerated_from(&history(&["assistant"])), Some(1));
        assert_eq!(regenerated_from(&history(&["assistant", "user"])), None);
        assert_eq!(regenerated_from(&[]), None);
    }

    #[test]
    fn calls_without_a_result_are_found() {
        let calls = |turn_id: &str, ids: [&str; 2]| StoredMessage {
            turn_id: turn_id.to_owned(),
            tool_calls: Some(json!([{"id": ids[0]}, {"id": ids[1]}])),
            ..message("assistant")
        };
        let result = |id: &str| StoredMessage { tool_call_id: Some(id.to_owned()), ..message("tool") };
        let history = [calls("other", ["x", "y"]), message("user"), calls("t", ["a", "b"]), result("b")];
        let history: Vec<_> = (1..).zip(history).collect();
        assert_eq!(unanswered(&history, "t"), ["a"]);
        assert!(unanswered(&history[..2], "t").is_empty());
    }
}
