//! Encodes tools and tool choice.

use std::borrow::Cow;

use serde::Serialize;

use super::model_rules::ModelRules;
use super::schema;
use super::wire::CacheMark;
use crate::dialect::canonical::{AllowedMode, ChatRequest, Function, Json, Tool};
use crate::dialect::upstream::arguments;
use crate::dialect::upstream::tool_choice::{self, Chosen};

/// A tool.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ToolOut<'a> {
    Function {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        input_schema: Json,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheMark<'a>>,
    },
    Native(&'a Json),
}

/// `tool_choice`
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ChoiceOut<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

impl ChoiceOut<'_> {
    /// Whether a tool call is required.
    pub fn is_forced(&self) -> bool {
        matches!(self.r#type, "any" | "tool")
    }
}

impl<'a> ToolOut<'a> {
    /// Its name, if it has one.
    fn name(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Function { name, .. } => Some(Cow::Borrowed(name)),
            Self::Native(tool) => {
                let name = tool.to_value().get("name")?.as_str()?.to_owned();
                Some(Cow::Owned(name))
            }
        }
    }

    pub fn cache_control_mut(&mut self) -> Option<&mut Option<CacheMark<'a>>> {
        match self {
            Self::Function { cache_control, .. } => Some(cache_control),
            Self::Native(_) => None,
        }
    }
}

/// Encodes tools and tool choice. `called` are the names of the tools in the conversation: the API requires declared
/// tools if there are any calls, even if the caller offers none now.
pub fn encode<'a>(
    request: &'a ChatRequest,
    called: &[&'a str],
    rules: ModelRules,
    dropped: &mut Vec<String>,
) -> (Vec<ToolOut<'a>>, Option<ChoiceOut<'a>>) {
    let mut tools: Vec<ToolOut<'a>> = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) if tool_choice::allows(request, &function.name) => {
                tools.push(declare(function, index, rules, dropped));
            }
            Tool::Function(_) => {}
            Tool::Native(native) if is_own(native) => tools.push(ToolOut::Native(native)),
            Tool::Native(_) => dropped.push(format!("tools[{index}]")),
        }
    }
    let declared: Vec<Cow<'_, str>> = tools.iter().filter_map(ToolOut::name).collect();
    let declared: Vec<&str> = declared.iter().map(AsRef::as_ref).collect();
    let chosen = tool_choice::among(request, &declared, dropped);
    if tools.is_empty() {
        let mut names: Vec<&str> = called.to_vec();
        names.sort_unstable();
        names.dedup();
        let tools: Vec<_> = names.into_iter().map(placeholder).collect();
        let none = ChoiceOut { r#type: "none", name: None, disable_parallel_tool_use: None };
        let choice = (!tools.is_empty()).then_some(none);
        return (tools, choice);
    }
    (tools, choice(chosen.as_ref(), request.parallel_tool_calls))
}

/// The API has no list of allowed tools; the others are left out.
fn choice<'a>(chosen: Option<&Chosen<'a>>, parallel_tool_calls: Option<bool>) -> Option<ChoiceOut<'a>> {
    let (kind, name) = match chosen {
        None if parallel_tool_calls == Some(false) => ("auto", None),
        None => return None,
        Some(Chosen::Auto | Chosen::Allowed(AllowedMode::Auto, _)) => ("auto", None),
        Some(Chosen::Required | Chosen::Allowed(AllowedMode::Required, _)) => ("any", None),
        Some(Chosen::Named(name)) => ("tool", Some(*name)),
        Some(Chosen::None) => ("none", None),
    };
    let alone = parallel_tool_calls.map(|parallel| !parallel).filter(|_| kind != "none");
    Some(ChoiceOut { r#type: kind, name, disable_parallel_tool_use: alone })
}

fn declare<'a>(
    function: &'a Function,
    index: usize,
    rules: ModelRules,
    dropped: &mut Vec<String>,
) -> ToolOut<'a> {
    let mut input_schema = arguments::schema_of(function.parameters.as_ref());
    let mut strict = function.strict;
    if strict == Some(true) {
        if let Some(enforceable) = schema::enforceable(&input_schema).filter(|_| rules.structured_output) {
            input_schema = enforceable;
        } else {
            strict = None;
            dropped.push(format!("tools[{index}].strict"));
        }
    } else if !rules.structured_output {
        // This is the default of such a model, which does not have the field.
        strict = None;
    }
    ToolOut::Function {
        name: &function.name,
        description: function.description.as_deref(),
        input_schema,
        strict,
        cache_control: CacheMark::of(function.cache.as_ref()),
    }
}

/// Placeholder for a tool of which only the name is known.
fn placeholder(name: &str) -> ToolOut<'_> {
    ToolOut::Function {
        name,
        description: None,
        input_schema: arguments::schema_of(None),
        strict: None,
        cache_control: None,
    }
}

/// Whether a provider's tool is one of this dialect: their types end in a date (`web_search_20250305`), which the search of
/// tools may leave out.
fn is_own(native: &Json) -> bool {
    let kind = native.to_value().get("type").and_then(|kind| kind.as_str().map(str::to_owned));
    kind.is_some_and(|kind| {
        let date = kind.rsplit_once('_').map(|(_, date)| date);
        matches!(kind.as_str(), "mcp_toolset" | "tool_search_tool_bm25" | "tool_search_tool_regex")
            || date.is_some_and(|date| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
