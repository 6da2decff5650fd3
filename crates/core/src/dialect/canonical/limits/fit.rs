//! Makes a request fit.

use std::borrow::Cow;

use super::Limits;
use super::renaming::Renaming;
use super::spelling::Spelling;
use crate::dialect::canonical::{ChatRequest, Part, Tool, ToolChoice};

/// The request with names and ids that the upstream accepts.
#[must_use]
pub fn fitted<'a>(request: &'a ChatRequest, limits: &Limits) -> Cow<'a, ChatRequest> {
    let names = tool_names(request, limits);
    let ids = Renaming::new(&limits.call_id, ids(request), Spelling::spelled_out);
    if names.is_empty() && ids.is_empty() {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    for tool in &mut request.tools {
        if let Tool::Function(function) = tool {
            names.send(&mut function.name);
        }
    }
    match &mut request.tool_choice {
        Some(ToolChoice::Named(name)) => names.send(name),
        Some(ToolChoice::Allowed { names: allowed, .. }) => {
            for name in allowed {
                names.send(name);
            }
        }
        _ => {}
    }
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            Part::ToolCall { id, name, .. } => {
                ids.send(id);
                names.send(name);
            }
            Part::ToolResult { call_id, name, .. } => {
                ids.send(call_id);
                if let Some(name) = name {
                    names.send(name);
                }
            }
            _ => {}
        }
    }
    Cow::Owned(request)
}

/// The request with ids of tool calls of this spelling only: for a codec whose models differ in them.
#[must_use]
pub fn with_call_ids<'a>(request: &'a ChatRequest, ids: &Spelling) -> Cow<'a, ChatRequest> {
    fitted(request, &Limits { call_id: *ids, ..Limits::NONE })
}

/// The renaming of the request's tools for an upstream with these limits.
#[must_use]
pub fn tool_names(request: &ChatRequest, limits: &Limits) -> Renaming {
    let declared = request.tools.iter().filter_map(|tool| match tool {
        Tool::Function(function) => Some(function.name.as_str()),
        Tool::Native(_) => None,
    });
    let chosen = match &request.tool_choice {
        Some(ToolChoice::Named(name)) => std::slice::from_ref(name),
        Some(ToolChoice::Allowed { names, .. }) => names.as_slice(),
        _ => &[],
    };
    // A tool that was called before may not be declared any more.
    let called = parts(request).filter_map(|part| match part {
        Part::ToolCall { name, .. } => Some(name.as_str()),
        Part::ToolResult { name, .. } => name.as_deref(),
        _ => None,
    });
    let names = declared.chain(chosen.iter().map(String::as_str)).chain(called);
    Renaming::new(&limits.tool_name, names, Spelling::similar)
}

fn ids(request: &ChatRequest) -> impl Iterator<Item = &str> + Clone {
    parts(request)
        .filter_map(|part| match part {
            Part::ToolCall { id, .. } => Some(id.as_str()),
            Part::ToolResult { call_id, .. } => Some(call_id.as_str()),
            _ => None,
        })
        // Calls and results without an id find each other where the history is brought in order.
        .filter(|id| !id.is_empty())
}

fn parts(request: &ChatRequest) -> impl Iterator<Item = &Part> + Clone {
    request.messages.iter().flat_map(|message| &message.parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{Function, Json, Message, Role};

    const LIMITS: Limits =
        Limits { tool_name: Spelling::of(64, "_-"), call_id: Spelling::of(40, "_-"), ..Limits::NONE };

    fn request(name: &str, id: &str) -> ChatRequest {
        let function =
            Function { name: name.into(), parameters: Some(Json::empty_object()), ..Function::default() };
        let call = Part::ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: "{}".into(),
            signature: None,
            cache: None,
        };
        let result = Part::ToolResult {
            call_id: id.into(),
            name: Some(name.into()),
            parts: vec![],
            is_error: false,
            cache: None,
        };
        ChatRequest {
            tools: vec![Tool::Function(function)],
            tool_choice: Some(ToolChoice::Named(name.into())),
            messages: vec![Message::new(Role::Assistant, vec![call]), Message::new(Role::Tool, vec![result])],
            ..ChatRequest::default()
        }
    }

    #[test]
    fn a_request_that_fits_is_not_copied() {
        let fits = request("get_weather", "call_1");
        assert!(matches!(fitted(&fits, &LIMITS), Cow::Borrowed(_)));
        assert!(matches!(fitted(&request("a.b", "c:d"), &Limits::NONE), Cow::Borrowed(_)));
    }

    #[test]
    fn a_name_is_the_same_everywhere() {
        let long = format!("call.{}", "x".repeat(60));
        for (name, id) in [("files.read", "functions.read:0"), ("files/read", long.as_str())] {
            let given = request(name, id);
            let fitted = fitted(&given, &LIMITS);
            let Tool::Function(function) = &fitted.tools[0] else { panic!() };
            let Part::ToolCall { id: sent, name: called, .. } = &fitted.messages[0].parts[0] else {
                panic!()
            };
            assert!(LIMITS.accepts_tool_name(&function.name) && LIMITS.accepts_call_id(sent), "{sent}");
            assert_eq!(&function.name, called);
            assert_eq!(fitted.tool_choice, Some(ToolChoice::Named(called.clone())));
            assert!(
                matches!(&fitted.messages[1].parts[0], Part::ToolResult { call_id, name: Some(name), .. }
                    if call_id == sent && name == called)
            );
            assert_eq!(tool_names(&given, &LIMITS).own(called), Some(name));
        }
    }
}
