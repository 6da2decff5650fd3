//! Encodes tools and tool choice for a service with the Responses API.

use serde_json::{Map, Value, json};

use crate::dialect::canonical::{AllowedMode, ChatRequest, Function, Json, Tool, ToolChoice};

/// Tools that the service runs itself, by the types of this dialect.
const OWN_TOOLS: &[&str] = &[
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "programmatic_tool_calling",
    "shell",
    "tool_search",
    "web_search",
    "web_search_preview",
];

/// The tools; those without a counterpart are named.
pub(super) fn tools(tools: &[Tool], dropped: &mut Vec<String>) -> Vec<Value> {
    let mut written = Vec::with_capacity(tools.len());
    for (index, tool) in tools.iter().enumerate() {
        match tool {
            Tool::Function(tool) => written.push(function(tool)),
            Tool::Native(tool) => match native(tool) {
                Some(tool) => written.push(tool),
                None => dropped.push(format!("tools[{index}]")),
            },
        }
    }
    written
}

/// Whether a tool has a cache mark.
pub(super) fn has_cache_marks(tools: &[Tool]) -> bool {
    tools.iter().any(|tool| matches!(tool, Tool::Function(function) if function.cache.is_some()))
}

fn function(function: &Function) -> Value {
    let mut tool = json!({
        "type": "function",
        "name": function.name,
        "parameters": function.parameters.clone().unwrap_or_else(no_parameters),
        // The API's own default is strict, unlike that of every other dialect.
        "strict": function.strict.unwrap_or(false),
    });
    if let (Some(fields), Some(description)) = (tool.as_object_mut(), &function.description) {
        fields.insert("description".into(), json!(description));
    }
    tool
}

fn no_parameters() -> Json {
    Json::of(&json!({ "type": "object", "properties": {} }))
}

/// A tool of any dialect that a service runs itself, or a tool with free-text input.
fn native(native: &Json) -> Option<Value> {
    let tool = native.to_value();
    let fields = tool.as_object()?;
    if fields.contains_key("google_search") || fields.contains_key("googleSearch") {
        return Some(json!({ "type": "web_search" }));
    }
    if fields.contains_key("code_execution") || fields.contains_key("codeExecution") {
        return Some(code_interpreter());
    }
    let kind = fields.get("type")?.as_str()?;
    if kind == "custom" {
        return custom(fields);
    }
    // Anthropic's tools have a date in their type.
    if kind.starts_with("web_search_2") {
        return Some(web_search(fields));
    }
    if kind.starts_with("code_execution_2") {
        return Some(code_interpreter());
    }
    let is_own = OWN_TOOLS.contains(&kind) || kind.starts_with("web_search_preview_2");
    is_own.then_some(tool)
}

fn code_interpreter() -> Value {
    json!({ "type": "code_interpreter", "container": { "type": "auto" } })
}

/// Anthropic's search, with what both have.
fn web_search(fields: &Map<String, Value>) -> Value {
    let mut tool = json!({ "type": "web_search" });
    if let Some(tool) = tool.as_object_mut() {
        tool.extend(fields.get("user_location").map(|place| ("user_location".into(), place.clone())));
        let domains = fields.get("allowed_domains").filter(|domains| domains.is_array());
        tool.extend(domains.map(|domains| ("filters".into(), json!({ "allowed_domains": domains }))));
    }
    tool
}

/// A tool with free-text input: flat, or as Chat Completions write it.
fn custom(fields: &Map<String, Value>) -> Option<Value> {
    let definition = fields.get("custom").and_then(Value::as_object).unwrap_or(fields);
    let mut tool = json!({ "type": "custom", "name": definition.get("name")?.as_str()? });
    if let Some(tool) = tool.as_object_mut() {
        tool.extend(definition.get("description").map(|text| ("description".into(), text.clone())));
        tool.extend(definition.get("format").map(|format| {
            let grammar = format.get("grammar").and_then(Value::as_object);
            let flat = grammar.map(|grammar| {
                let mut flat = grammar.clone();
                flat.insert("type".into(), json!("grammar"));
                Value::Object(flat)
            });
            ("format".into(), flat.unwrap_or_else(|| format.clone()))
        }));
    }
    Some(tool)
}

/// Names of the tools with free-text input, whose calls have another form.
pub(super) fn custom_names(tools: &[Tool]) -> Vec<String> {
    let name = |tool: &Tool| match tool {
        Tool::Function(_) => None,
        Tool::Native(tool) => native(tool)
            .filter(|tool| tool.get("type").is_some_and(|kind| kind == "custom"))
            .and_then(|tool| Some(tool.get("name")?.as_str()?.to_owned())),
    };
    tools.iter().filter_map(name).collect()
}

/// The tool choice, which is refused without tools.
pub(super) fn tool_choice(
    request: &ChatRequest,
    custom: &[String],
    has_tools: bool,
    dropped: &mut Vec<String>,
) -> Option<Value> {
    let choice = request.tool_choice.as_ref()?;
    if !has_tools {
        if !matches!(choice, ToolChoice::Auto | ToolChoice::None) {
            dropped.push("tool_choice".to_owned());
        }
        return None;
    }
    let named = |name: &String| {
        let kind = if custom.contains(name) { "custom" } else { "function" };
        json!({ "type": kind, "name": name })
    };
    Some(match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => named(name),
        ToolChoice::Allowed { mode, names } => {
            let mode = match mode {
                AllowedMode::Auto => "auto",
                AllowedMode::Required => "required",
            };
            let tools: Vec<Value> = names.iter().map(named).collect();
            json!({ "type": "allowed_tools", "mode": mode, "tools": tools })
        }
    })
}
