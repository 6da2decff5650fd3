//! Decodes tools, tool choice and response format.

use serde_json::value::RawValue;

use super::call_names::{CallNames, input_schema, upstream_name};
use super::extra::{Extra, carry, carry_unknown};
use crate::dialect::canonical::{AllowedMode, Function, Json, ResponseFormat, Tool, ToolChoice};
use crate::error::ApiError;
use crate::json::error::{unknown_value, wrong_type};
use crate::json::fields::{Fields, Policy};
use crate::json::object::{Kind, as_str};

/// Decodes `tools`, and the tools that items of the input declare: those that a search of tools found, and those that were
/// added later. Other dialects have one list for all of the conversation. A name that is declared again counts once.
pub(super) fn tools(
    top: &Fields<'_>,
    names: &mut CallNames,
    extra: &mut Extra,
) -> Result<Vec<Tool>, ApiError> {
    let mut tools = list(top, names, extra)?;
    let Some(input) = top.get("input").filter(|input| Kind::of(input) == Kind::Array) else {
        return Ok(tools);
    };
    for (index, item) in Policy::PLAIN.array(input, "input")?.into_iter().enumerate() {
        let Ok(fields) = Policy::PLAIN.read(item, format!("input[{index}]")) else { continue };
        let kind = fields.get("type").and_then(as_str);
        if !matches!(kind.as_deref(), Some("additional_tools" | "tool_search_output")) {
            continue;
        }
        for tool in list(&fields, names, extra)? {
            let is_same = |known: &Tool| match (known, &tool) {
                (Tool::Function(known), Tool::Function(tool)) => known.name == tool.name,
                (known, tool) => known == tool,
            };
            if !tools.iter().any(is_same) {
                tools.push(tool);
            }
        }
    }
    Ok(tools)
}

fn list(fields: &Fields<'_>, names: &mut CallNames, extra: &mut Extra) -> Result<Vec<Tool>, ApiError> {
    let mut tools = Vec::new();
    for (path, value) in fields.array("tools")? {
        let fields = Policy::PLAIN.read(value, path)?;
        if fields.required_string("type")? == "namespace" {
            let namespace = fields.required_string("name")?;
            for (path, value) in fields.array("tools")? {
                let fields = Policy::PLAIN.read(value, path)?;
                tools.push(tool(value, &fields, Some(&namespace), names, extra)?);
            }
        } else {
            tools.push(tool(value, &fields, None, names, extra)?);
        }
    }
    Ok(tools)
}

fn tool(
    value: &RawValue,
    fields: &Fields<'_>,
    namespace: Option<&str>,
    names: &mut CallNames,
    extra: &mut Extra,
) -> Result<Tool, ApiError> {
    match fields.required_string("type")?.as_str() {
        "function" => {
            let parameters = fields.get("parameters").map(Json::carried);
            if let Some(found) = parameters.as_ref().map(|json| Kind::of(json.raw()))
                && found != Kind::Object
            {
                return Err(wrong_type(fields.path("parameters"), "an object", found));
            }
            carry_unknown(fields, &["type", "name", "description", "parameters", "strict"], extra);
            Ok(Tool::Function(Function {
                name: names.add(namespace, &fields.required_string("name")?, false),
                description: fields.string("description")?,
                parameters,
                strict: fields.boolean("strict")?,
                cache: None,
            }))
        }
        "custom" => {
            carry_unknown(fields, &["type", "name", "description", "format"], extra);
            Ok(Tool::Function(Function {
                name: names.add(namespace, &fields.required_string("name")?, true),
                description: custom_description(fields)?,
                parameters: Some(input_schema()),
                strict: None,
                cache: None,
            }))
        }
        _ => Ok(Tool::Native(Json::carried(value))),
    }
}

/// No other dialect enforces the grammar of a custom tool, so it is added to the description.
fn custom_description(fields: &Fields<'_>) -> Result<Option<String>, ApiError> {
    let mut description = fields.string("description")?;
    if let Some(format) = fields.object("format")?
        && let Some(definition) = format.string("definition")?
    {
        let syntax = format.string("syntax")?.unwrap_or_default();
        let grammar = format!("`input` must follow this grammar ({syntax}):\n{definition}");
        description = Some(match description {
            Some(text) => format!("{text}\n\n{grammar}"),
            None => grammar,
        });
    }
    Ok(description)
}

/// Decodes `tool_choice`. The choice of a server tool goes into `extra`.
pub(super) fn tool_choice(top: &Fields<'_>, extra: &mut Extra) -> Result<Option<ToolChoice>, ApiError> {
    let Some(value) = top.get("tool_choice") else { return Ok(None) };
    match Kind::of(value) {
        Kind::String => match as_str(value).as_deref() {
            Some("auto") => Ok(Some(ToolChoice::Auto)),
            Some("none") => Ok(Some(ToolChoice::None)),
            Some("required") => Ok(Some(ToolChoice::Required)),
            other => {
                Err(unknown_value("tool_choice", other.unwrap_or_default(), &["auto", "none", "required"]))
            }
        },
        Kind::Object => {
            let fields = Policy::PLAIN.read(value, "tool_choice")?;
            match fields.required_string("type")?.as_str() {
                "function" | "custom" => Ok(Some(ToolChoice::Named(chosen(&fields)?))),
                "allowed_tools" => allowed(&fields, extra),
                _ => {
                    carry(top, "tool_choice", extra);
                    Ok(None)
                }
            }
        }
        found => Err(wrong_type("tool_choice", "a string or an object", found)),
    }
}

/// The name of a chosen function, with its namespace.
fn chosen(fields: &Fields<'_>) -> Result<String, ApiError> {
    Ok(upstream_name(fields.string("namespace")?.as_deref(), &fields.required_string("name")?))
}

fn allowed(fields: &Fields<'_>, extra: &mut Extra) -> Result<Option<ToolChoice>, ApiError> {
    let mode = match fields.required_string("mode")?.as_str() {
        "auto" => AllowedMode::Auto,
        "required" => AllowedMode::Required,
        other => return Err(unknown_value(fields.path("mode"), other, &["auto", "required"])),
    };
    fields.get("tools").ok_or_else(|| fields.missing("tools"))?;
    let mut names = Vec::new();
    for (path, value) in fields.array("tools")? {
        let tool = Policy::PLAIN.read(value, path)?;
        match tool.string("type")?.as_deref() {
            Some("function" | "custom") => names.push(chosen(&tool)?),
            _ => {
                extra.insert(tool.own_path().to_owned(), Json::carried(value));
            }
        }
    }
    Ok((!names.is_empty()).then_some(ToolChoice::Allowed { mode, names }))
}

/// Decodes `text.format`.
pub(super) fn response_format(text: &Fields<'_>) -> Result<Option<ResponseFormat>, ApiError> {
    let Some(format) = text.object("format")? else { return Ok(None) };
    let kind = format.required_string("type")?;
    Ok(Some(match kind.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => ResponseFormat::JsonSchema {
            name: format.string("name")?,
            description: format.string("description")?,
            schema: format
                .object("schema")?
                .and_then(|_| format.get("schema").map(Json::carried))
                .ok_or_else(|| format.missing("schema"))?,
            strict: format.boolean("strict")?,
        },
        other => {
            return Err(unknown_value(format.path("type"), other, &["text", "json_object", "json_schema"]));
        }
    }))
}
