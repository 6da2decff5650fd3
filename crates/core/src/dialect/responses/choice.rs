//! Whether a request is for the Responses API of a service that has Chat Completions as well.
//!
//! The Responses API does more: reasoning goes back and forth, and some models have nothing else. Chat Completions have
//! parameters that it lacks. No parameter is lost to the choice where a choice exists.

use super::encode_request::{is_for_chat, loses};
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{ChatRequest, Tool};
use crate::dialect::upstream::openai_models;

/// Whether the request goes to the Responses API:
/// - always, if Chat Completions refuse the model, or its tools with this effort;
/// - from a caller of Chat Completions, whose body could pass unchanged, only if nothing of it is lost, and not if
///   `chat_passes`;
/// - from all others, unless it sets what only Chat Completions can say.
///
/// `host` is the service that is asked.
#[must_use]
pub fn asks_responses(
    request: &ChatRequest,
    model: &str,
    caller_dialect: CallerDialect,
    chat_passes: bool,
    host: &str,
) -> bool {
    if is_needed(request, model) {
        return true;
    }
    match caller_dialect {
        CallerDialect::OpenaiChat => {
            !chat_passes
                && !is_for_chat(request, model)
                && !has_custom_tools(request)
                && !loses(request, model, host)
        }
        _ => !is_for_chat(request, model),
    }
}

/// Whether Chat Completions refuse some requests for this model.
#[must_use]
pub fn may_need_responses(model: &str) -> bool {
    openai_models::has_only_responses(model) || openai_models::refuses_functions_in_chat(model, Some("low"))
}

/// Whether Chat Completions would refuse the request.
fn is_needed(request: &ChatRequest, model: &str) -> bool {
    let effort = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
    let thinks = request
        .reasoning
        .as_ref()
        .is_some_and(|reasoning| reasoning.budget_tokens.is_some_and(|budget| budget > 0));
    let effort = effort.or(thinks.then_some("low"));
    let has_functions = request.tools.iter().any(|tool| matches!(tool, Tool::Function(_)));
    openai_models::has_only_responses(model)
        || (has_functions && openai_models::refuses_functions_in_chat(model, effort))
}

/// Whether there are tools with free-text input, whose calls come back as such in Chat Completions only.
fn has_custom_tools(request: &ChatRequest) -> bool {
    request.tools.iter().any(|tool| matches!(tool, Tool::Native(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{Function, Reasoning, Sampling};

    #[test]
    fn no_parameter_is_lost_where_there_is_a_choice() {
        use CallerDialect::{Anthropic, OpenaiChat};
        let tools = vec![Tool::Function(Function { name: "f".into(), ..Function::default() })];
        let effort = Some(Reasoning { effort: Some("low".into()), ..Reasoning::default() });
        let plain = ChatRequest::default();
        let stops = Sampling { stop: vec!["x".into()], ..Sampling::default() };
        let stops = ChatRequest { sampling: stops, ..ChatRequest::default() };
        let calls = ChatRequest { tools, reasoning: effort, ..ChatRequest::default() };
        for (request, model, caller_dialect, chat_passes, asked) in [
            (&plain, "gpt-4o", Anthropic, true, true),
            (&plain, "gpt-4o", OpenaiChat, false, true),
            (&plain, "gpt-4o", OpenaiChat, true, false),
            (&stops, "gpt-4o", Anthropic, false, false),
            (&stops, "gpt-4o", OpenaiChat, false, false),
            (&stops, "gpt-5", Anthropic, false, true),
            (&calls, "gpt-5.3", OpenaiChat, true, false),
            (&calls, "gpt-5.4", OpenaiChat, true, true),
            (&plain, "gpt-5-pro", OpenaiChat, true, true),
        ] {
            assert_eq!(
                asks_responses(request, model, caller_dialect, chat_passes, ""),
                asked,
                "{model} {caller_dialect:?} {chat_passes}"
            );
        }
    }
}
