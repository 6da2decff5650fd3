//! The request of a round, in the caller's dialect: the caller's body with functions in place of our servers, and the rounds so far at
//! the end of its history. Everything else stays byte for byte.

mod choice;
mod history;
mod restored;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::json::lenient::{Object, items};
use nexus_edge_core::json::splice::quote;
use serde_json::value::RawValue;

pub use choice::Choice;
pub use history::{Answer, results};
pub use restored::{Agreed, Restored, restored};

use crate::json::{Patch, array, at, steps, value, with, without};
use crate::named::{MEMBER, is_own_server, is_own_tool, is_toolset};
use crate::offer::{Function, Offer};

/// The request of a round.
///
/// `history`: what the rounds have added so far, as [`crate::merge::Turn::said`] and [`results`] write it.
#[must_use]
pub fn of_round(
    dialect: CallerDialect,
    body: &[u8],
    offer: &Offer,
    history: &[String],
    choice: Choice,
) -> Vec<u8> {
    let functions: Vec<Function<'_>> = offer.functions().collect();
    let body = without(body.to_vec(), MEMBER);
    let body = with_functions(dialect, body, &functions);
    let body = choice::with_choice(dialect, body, choice, offer);
    history::with_history(dialect, body, history)
}

fn with_functions(dialect: CallerDialect, body: Vec<u8>, functions: &[Function<'_>]) -> Vec<u8> {
    match dialect {
        CallerDialect::Gemini => with_declarations(body, functions),
        CallerDialect::Anthropic => {
            let (body, labels) = without_servers(body);
            let is_ours = |item: &RawValue| {
                let tool = Object::of(item).unwrap_or_default();
                let name = tool.text("mcp_server_name").unwrap_or_default();
                is_toolset(&tool) && labels.iter().any(|label| *label == name)
            };
            with_tools(dialect, body, functions, is_ours)
        }
        _ => with_tools(dialect, body, functions, is_own_tool),
    }
}

/// Writes the functions where the first of our entries stands in `tools`, or at its end.
fn with_tools(
    dialect: CallerDialect,
    body: Vec<u8>,
    functions: &[Function<'_>],
    is_ours: impl Fn(&RawValue) -> bool,
) -> Vec<u8> {
    let mut ours: Vec<String> = functions.iter().map(|function| as_tool(dialect, function)).collect();
    let tools = value(&body).and_then(|root| at(root, steps!["tools"]));
    let mut all = Vec::new();
    for item in tools.map(items).unwrap_or_default() {
        if is_ours(item) {
            all.append(&mut ours);
        } else {
            all.push(item.get().to_owned());
        }
    }
    all.append(&mut ours);
    if all.is_empty() { without(body, "tools") } else { with(&body, "tools", array(&all)) }
}

fn as_tool(dialect: CallerDialect, function: &Function<'_>) -> String {
    let (name, description, schema) = (quote(function.name), quote(function.description), function.schema);
    match dialect {
        CallerDialect::Anthropic => {
            format!("{{\"name\":{name},\"description\":{description},\"input_schema\":{schema}}}")
        }
        CallerDialect::OpenaiResponses => format!(
            "{{\"type\":\"function\",\"name\":{name},\"description\":{description},\"parameters\":{schema},\"strict\":false}}"
        ),
        CallerDialect::Gemini => {
            format!("{{\"name\":{name},\"description\":{description},\"parametersJsonSchema\":{schema}}}")
        }
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => format!(
            "{{\"type\":\"function\",\"function\":{{\"name\":{name},\"description\":{description},\"parameters\":{schema}}}}}"
        ),
    }
}

/// Gemini takes one list of functions: those of the caller and ours.
fn with_declarations(body: Vec<u8>, functions: &[Function<'_>]) -> Vec<u8> {
    if functions.is_empty() {
        return body;
    }
    let ours: Vec<String> =
        functions.iter().map(|function| as_tool(CallerDialect::Gemini, function)).collect();
    let Some(root) = value(&body) else { return body };
    let tool = format!("{{\"functionDeclarations\":{}}}", array(&ours));
    let Some(tools) = at(root, steps!["tools"]) else { return with(&body, "tools", array(&[tool])) };
    let mut patch = Patch::of(&body);
    match items(tools).into_iter().find_map(declarations) {
        Some(list) => {
            let list_of_ours = array(&ours);
            let inner = list_of_ours.strip_prefix('[').and_then(|list| list.strip_suffix(']'));
            patch.append(list, inner.unwrap_or_default());
        }
        None => patch.append(tools, &tool),
    }
    patch.apply()
}

/// The functions of one of Gemini's tools.
fn declarations(tool: &RawValue) -> Option<&RawValue> {
    let names = ["functionDeclarations", "function_declarations"];
    names.iter().find_map(|name| at(tool, steps![*name]))
}

/// The body without our servers, and their names.
fn without_servers(body: Vec<u8>) -> (Vec<u8>, Vec<String>) {
    let Some(servers) = value(&body).and_then(|root| at(root, steps!["mcp_servers"])) else {
        return (body, Vec::new());
    };
    let (ours, others): (Vec<&RawValue>, Vec<&RawValue>) =
        items(servers).into_iter().partition(|item| is_own_server(item));
    let label = |item: &&RawValue| Object::of(item)?.text("name").map(std::borrow::Cow::into_owned);
    let labels = ours.iter().filter_map(label).collect();
    let others: Vec<&str> = others.iter().map(|item| item.get()).collect();
    let body = if others.is_empty() {
        without(body, "mcp_servers")
    } else {
        with(&body, "mcp_servers", array(&others))
    };
    (body, labels)
}

/// The tools of the request as the caller wrote them.
#[must_use]
pub fn tools_as_given(body: &[u8]) -> Option<String> {
    value(body).and_then(|root| at(root, steps!["tools"])).map(|tools| tools.get().to_owned())
}
