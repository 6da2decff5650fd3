//! Encodes tools and tool choice.

use serde::Serialize;

use super::family::Family;
use super::wire::CachePoint;
use crate::dialect::anthropic::schema;
use crate::dialect::canonical::{AllowedMode, ChatRequest, Function, Json, Tool, ToolChoice};
use crate::dialect::upstream::arguments;
use crate::dialect::upstream::tool_choice::{self, Chosen};

/// `toolConfig`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolConfig<'a> {
    pub tools: Vec<ToolOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ChoiceOut<'a>>,
}

impl ToolConfig<'_> {
    /// Whether a tool call is required.
    pub fn is_forced(&self) -> bool {
        matches!(self.tool_choice, Some(ChoiceOut::Any {} | ChoiceOut::Tool { .. }))
    }
}

/// A tool, or a cache mark after one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ToolOut<'a> {
    #[serde(rename_all = "camelCase")]
    ToolSpec {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        input_schema: Schema,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
    CachePoint(CachePoint),
}

#[derive(Debug, Serialize)]
pub struct Schema {
    json: Json,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum ChoiceOut<'a> {
    Auto {},
    Any {},
    Tool { name: &'a str },
}

/// Encodes tools and tool choice. The service requires declared tools if the conversation contains calls or results
/// (`has_tool_blocks`), even if the caller offers none now; `called` are the names in it.
pub fn encode<'a>(
    request: &'a ChatRequest,
    called: &[&'a str],
    has_tool_blocks: bool,
    family: Family,
    dropped: &mut Vec<String>,
) -> Option<ToolConfig<'a>> {
    if request.parallel_tool_calls == Some(false) {
        dropped.push("parallel_tool_calls".to_owned());
    }
    let is_none = request.tool_choice == Some(ToolChoice::None);
    if is_none && !has_tool_blocks {
        return None;
    }
    let mut tools: Vec<ToolOut<'a>> = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) if tool_choice::allows(request, &function.name) => {
                declare(function, index, family, &mut tools, dropped);
            }
            Tool::Function(_) => {}
            Tool::Native(_) => dropped.push(format!("tools[{index}]")),
        }
    }
    let declared: Vec<&str> = tools
        .iter()
        .filter_map(|tool| match tool {
            ToolOut::ToolSpec { name, .. } => Some(*name),
            ToolOut::CachePoint(_) => None,
        })
        .collect();
    let choice = match tool_choice::among(request, &declared, dropped) {
        None => None,
        Some(Chosen::Auto | Chosen::Allowed(AllowedMode::Auto, _)) => Some(ChoiceOut::Auto {}),
        Some(Chosen::Required | Chosen::Allowed(AllowedMode::Required, _)) => Some(ChoiceOut::Any {}),
        Some(Chosen::Named(name)) => Some(ChoiceOut::Tool { name }),
        // There is no counterpart, and a declared tool may be called.
        Some(Chosen::None) => {
            dropped.push("tool_choice".to_owned());
            None
        }
    };
    if !tools.is_empty() {
        return Some(ToolConfig { tools, tool_choice: choice });
    }
    let mut names: Vec<&str> = called.to_vec();
    names.sort_unstable();
    names.dedup();
    if has_tool_blocks && names.is_empty() {
        // Results without their calls.
        names.push("tool");
    }
    let tools: Vec<_> = names.into_iter().map(placeholder).collect();
    (!tools.is_empty()).then_some(ToolConfig { tools, tool_choice: None })
}

fn declare<'a>(
    function: &'a Function,
    index: usize,
    family: Family,
    tools: &mut Vec<ToolOut<'a>>,
    dropped: &mut Vec<String>,
) {
    let mut json = arguments::schema_of(function.parameters.as_ref());
    let mut strict = None;
    if function.strict == Some(true) {
        if let Some(enforceable) = schema::enforceable(&json).filter(|_| family.enforces_schemas()) {
            json = enforceable;
            strict = Some(true);
        } else {
            dropped.push(format!("tools[{index}].strict"));
        }
    }
    tools.push(ToolOut::ToolSpec {
        name: &function.name,
        description: function.description.as_deref().filter(|text| !text.trim().is_empty()),
        input_schema: Schema { json },
        strict,
    });
    if let Some(cache) = &function.cache {
        // Amazon's own models support cache marks in system prompt and messages only.
        if matches!(family, Family::Claude(_)) {
            tools.push(ToolOut::CachePoint(CachePoint::of(cache)));
        } else {
            dropped.push(format!("tools[{index}].cache_control"));
        }
    }
}

/// Placeholder for a tool of which only the name is known.
fn placeholder(name: &str) -> ToolOut<'_> {
    let json = arguments::schema_of(None);
    ToolOut::ToolSpec { name, description: None, input_schema: Schema { json }, strict: None }
}
