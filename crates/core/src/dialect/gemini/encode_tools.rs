//! `tools` and `toolConfig` (<https://ai.google.dev/api/caching#Tool>).

use serde_json::json;

use super::schema;
use super::wire::{FunctionCallingOut, FunctionOut, ToolConfigOut, ToolOut};
use crate::dialect::canonical::{AllowedMode, ChatRequest, Function, Json, Tool};
use crate::dialect::upstream::tool_choice::{self, Chosen};
use crate::json::object::{JsonObject, as_str};

/// Server tools of the service, by the name of their field.
pub(super) const NATIVE_TOOLS: &[&str] = &[
    "googleSearch",
    "googleSearchRetrieval",
    "codeExecution",
    "urlContext",
    "googleMaps",
    "computerUse",
    "fileSearch",
    "retrieval",
    "enterpriseWebSearch",
    "exaAiSearch",
    "mcpServers",
    "parallelAiSearch",
];

/// The tools of a request.
pub(super) fn write<'a>(request: &'a ChatRequest, dropped: &mut Vec<String>) -> Vec<ToolOut<'a>> {
    let (mut declarations, mut natives) = (Vec::new(), Vec::new());
    for (index, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) => {
                declarations.push(declare(function));
                if function.strict == Some(true) {
                    dropped.push(format!("tools[{index}].function.strict"));
                }
                if function.cache.is_some() {
                    dropped.push(format!("tools[{index}].cache_control"));
                }
            }
            Tool::Native(native) => match own_native(native) {
                Some(native) => natives.push((index, native)),
                None => dropped.push(format!("tools[{index}]")),
            },
        }
    }
    let mut tools = Vec::new();
    if declarations.is_empty() {
        tools.extend(natives.into_iter().map(|(_, native)| ToolOut::Native(native)));
    } else {
        // The service does not combine functions with its own tools.
        dropped.extend(natives.into_iter().map(|(index, _)| format!("tools[{index}]")));
        tools.push(ToolOut::Functions { declarations });
    }
    tools
}

fn declare(function: &Function) -> FunctionOut<'_> {
    let parameters = function.parameters.as_ref().map(schema::of_arguments);
    FunctionOut {
        name: &function.name,
        description: function.description.as_deref(),
        parameters: parameters.filter(|schema| !schema::says_nothing(schema)),
    }
}

/// A server tool in this service's form: its own, or the counterpart of another's.
fn own_native(native: &Json) -> Option<Json> {
    let object: JsonObject<'_> = serde_json::from_str(native.text()).ok()?;
    let mut fields = object.iter();
    if let (Some((name, _)), None) = (fields.next(), fields.next())
        && NATIVE_TOOLS.contains(&name)
    {
        return Some(native.clone());
    }
    let kind = as_str(object.get("type")?)?;
    let name = match kind.as_ref() {
        kind if kind.starts_with("web_search") => "googleSearch",
        kind if kind.starts_with("code_interpreter") || kind.starts_with("code_execution") => "codeExecution",
        kind if kind.starts_with("web_fetch") => "urlContext",
        _ => return None,
    };
    Some(Json::of(&json!({ name: {} })))
}

/// The tool choice. Without functions there is none.
pub(super) fn write_choice<'a>(
    request: &'a ChatRequest,
    tools: &[ToolOut<'_>],
    dropped: &mut Vec<String>,
) -> Option<ToolConfigOut<'a>> {
    let declared: Vec<&str> = tools
        .iter()
        .flat_map(|tool| match tool {
            ToolOut::Functions { declarations } => declarations.as_slice(),
            ToolOut::Native(_) => &[],
        })
        .map(|function| function.name)
        .collect();
    let chosen = tool_choice::among(request, &declared, dropped)?;
    let (mode, allowed_function_names) = match chosen {
        Chosen::Auto => ("AUTO", Vec::new()),
        Chosen::None => ("NONE", Vec::new()),
        Chosen::Required => ("ANY", Vec::new()),
        Chosen::Named(name) => ("ANY", vec![name]),
        Chosen::Allowed(AllowedMode::Required, names) => ("ANY", names),
        // The mode `AUTO` takes no names; this one does.
        Chosen::Allowed(AllowedMode::Auto, names) => ("VALIDATED", names),
    };
    Some(ToolConfigOut { function_calling_config: FunctionCallingOut { mode, allowed_function_names } })
}
