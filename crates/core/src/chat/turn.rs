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

/// The number of the first message that a regeneration removes: the model's last answer, back to the question or tool result
/// before it. `messages` are numbered and in order; `None` if the last is no answer.
#[must_use]
pub fn regenerated_from(messages: &[(u64, StoredMessage)]) -> Option<u64> {
    let answer = messages.iter().rev().take_while(|(_, message)| message.role == "assistant");
    answer.last().map(|(number, _)| *number)
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
        assert_eq!(
            regenerated_from(&history(&["user", "assistant", "tool", "assistant", "assistant"])),
            Some(4)
        );
        assert_eq!(regenerated_from(&history(&["assistant"])), Some(1));
        assert_eq!(regenerated_from(&history(&["assistant", "user"])), None);
        assert_eq!(regenerated_from(&[]), None);
    }
}
