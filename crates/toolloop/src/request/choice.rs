//! Which tool the model must use, if any.
//!
//! What the caller demands holds for the first round: in a later one it would make the model call that tool for ever.

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::json::lenient::Object;
use nexus_edge_core::json::object::Kind;
use nexus_edge_core::json::splice::quote;
use serde_json::value::RawValue;

use crate::json::{at, steps, value, with};
use crate::offer::Offer;

/// Which tool the model must use in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// As the caller says.
    AsGiven,
    /// Whichever it likes, or none.
    Free,
    /// None: it must answer.
    None,
}

/// The body with a choice.
pub(super) fn with_choice(dialect: CallerDialect, body: Vec<u8>, choice: Choice, offer: &Offer) -> Vec<u8> {
    let name = match dialect {
        CallerDialect::Gemini => return of_gemini(body, choice),
        _ => "tool_choice",
    };
    let given = value(&body).and_then(|root| at(root, steps![name]));
    let raw = match (choice, given) {
        (Choice::None, _) if dialect == CallerDialect::Anthropic => Some(r#"{"type":"none"}"#.to_owned()),
        (Choice::None, _) => Some("\"none\"".to_owned()),
        (_, None) => None,
        (Choice::AsGiven, Some(given)) => of_server(dialect, given, offer),
        (Choice::Free, Some(given)) if dialect == CallerDialect::Anthropic => freed(given),
        (Choice::Free, Some(given)) => {
            let is_forced = Kind::of(given) == Kind::Object || given.get() == "\"required\"";
            is_forced.then(|| "\"auto\"".to_owned())
        }
    };
    match raw {
        Some(raw) => with(&body, name, raw),
        None => body,
    }
}

/// A choice of a tool of one of our servers, as a choice of its function.
fn of_server(dialect: CallerDialect, given: &RawValue, offer: &Offer) -> Option<String> {
    let choice = Object::of(given).filter(|choice| choice.text("type").as_deref() == Some("mcp"))?;
    let label = choice.text("server_label")?;
    let mut tools = offer.tools().iter().filter(|tool| tool.server == label).peekable();
    tools.peek()?;
    let named = choice.text("name").and_then(|name| tools.find(|tool| tool.name == name));
    Some(match named.filter(|_| !offer.is_search()) {
        None => "\"required\"".to_owned(),
        Some(tool) if dialect == CallerDialect::OpenaiChat => {
            format!("{{\"type\":\"function\",\"function\":{{\"name\":{}}}}}", quote(&tool.alias))
        }
        Some(tool) => format!("{{\"type\":\"function\",\"name\":{}}}", quote(&tool.alias)),
    })
}

fn freed(given: &RawValue) -> Option<String> {
    let choice = Object::of(given)?;
    if !matches!(choice.text("type").as_deref(), Some("any" | "tool")) {
        return None;
    }
    let one = choice.get_set("disable_parallel_tool_use");
    let one = one.map(|one| format!(",\"disable_parallel_tool_use\":{}", one.get())).unwrap_or_default();
    Some(format!("{{\"type\":\"auto\"{one}}}"))
}

fn of_gemini(body: Vec<u8>, choice: Choice) -> Vec<u8> {
    let Some(root) = value(&body) else { return body };
    let names = [("toolConfig", "functionCallingConfig"), ("tool_config", "function_calling_config")];
    let given = names.iter().find_map(|(outer, inner)| at(root, steps![*outer, *inner]));
    let mode = given.and_then(Object::of).and_then(|config| config.text("mode"));
    let raw = match choice {
        Choice::AsGiven => return body,
        Choice::Free if !matches!(mode.as_deref(), Some("ANY" | "VALIDATED")) => return body,
        Choice::Free => r#"{"mode":"AUTO"}"#,
        Choice::None => r#"{"mode":"NONE"}"#,
    };
    let mut patch = crate::json::Patch::of(&body);
    let outer = names.iter().find_map(|(outer, inner)| Some((at(root, steps![*outer])?, *inner)));
    match (given, outer) {
        (Some(given), _) => patch.replace(given, raw),
        (None, Some((outer, inner))) => patch.set(outer, inner, raw),
        (None, None) => patch.set(root, "toolConfig", format!("{{\"functionCallingConfig\":{raw}}}")),
    }
    patch.apply()
}
