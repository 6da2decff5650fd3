//! Tools, the choice among them, and the form of the answer.

use serde_json::value::RawValue;

use super::call_names::{CallNames, input_schema};
use super::fields::{Extra, Fields, missing, unknown_value, wrong_type};
use crate::dialect::canonical::{AllowedMode, Function, Json, ResponseFormat, Tool, ToolChoice};
use crate::error::ApiError;
use crate::json::object::{Kind, as_str};

/// Reads `tools`.
pub(super) fn tools(
    top: &Fields<'_>,
    names: &mut CallNames,
    extra: &mut Extra,
) -> Result<Vec<Tool>, ApiError> {
    let mut tools = Vec::new();
    for (index, value) in top.array("tools")?.unwrap_or_default().into_iter().enumerate() {
        let fields = Fields::of(value, format!("tools[{index}]"))?;
        if fields.required_text("type")? == "namespace" {
            let namespace = fields.required_text("name")?;
            for (index, value) in fields.array("tools")?.unwrap_or_default().into_iter().enumerate() {
                let fields = Fields::of(value, format!("{}[{index}]", fields.path("tools")))?;
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
    match fields.required_text("type")?.as_str() {
        "function" => {
            let parameters = fields.json("parameters");
            if let Some(found) = parameters.as_ref().map(|json| Kind::of(json.raw()))
                && found != Kind::Object
            {
                return Err(wrong_type(&fields.path("parameters"), "an object", found));
            }
            fields.carry_unknown(&["type", "name", "description", "parameters", "strict"], extra);
            Ok(Tool::Function(Function {
                name: names.add(namespace, &fields.required_text("name")?, false),
                description: fields.text("description")?,
                parameters,
                strict: fields.boolean("strict")?,
                cache: None,
            }))
        }
        "custom" => {
            fields.carry_unknown(&["type", "name", "description", "format"], extra);
            Ok(Tool::Function(Function {
                name: names.add(namespace, &fields.required_text("name")?, true),
                description: custom_description(fields)?,
                parameters: Some(input_schema()),
                strict: None,
                cache: None,
            }))
        }
        _ => Ok(Tool::Native(Json::of(&value))),
    }
}

/// Elsewhere nothing holds the model to the grammar of a custom tool, so it is at least told.
fn custom_description(fields: &Fields<'_>) -> Result<Option<String>, ApiError> {
    let mut description = fields.text("description")?;
    if let Some(format) = fields.object("format")?
        && let Some(definition) = format.text("definition")?
    {
        let syntax = format.text("syntax")?.unwrap_or_default();
        let grammar = format!("`input` must follow this grammar ({syntax}):\n{definition}");
        description = Some(match description {
            Some(text) => format!("{text}\n\n{grammar}"),
            None => grammar,
        });
    }
    Ok(description)
}

/// Reads `tool_choice`. The choice of a tool that only `OpenAI` runs goes into `extra`.
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
            let fields = Fields::of(value, "tool_choice")?;
            match fields.required_text("type")?.as_str() {
                "function" | "custom" => Ok(Some(ToolChoice::Named(fields.required_text("name")?))),
                "allowed_tools" => allowed(&fields, extra),
                _ => {
                    top.carry("tool_choice", extra);
                    Ok(None)
                }
            }
        }
        found => Err(wrong_type("tool_choice", "a string or an object", found)),
    }
}

fn allowed(fields: &Fields<'_>, extra: &mut Extra) -> Result<Option<ToolChoice>, ApiError> {
    let mode = match fields.required_text("mode")?.as_str() {
        "auto" => AllowedMode::Auto,
        "required" => AllowedMode::Required,
        other => return Err(unknown_value(&fields.path("mode"), other, &["auto", "required"])),
    };
    let tools = fields.array("tools")?.ok_or_else(|| missing(&fields.path("tools")))?;
    let mut names = Vec::new();
    for (index, value) in tools.into_iter().enumerate() {
        let tool = Fields::of(value, format!("{}[{index}]", fields.path("tools")))?;
        match tool.text("type")?.as_deref() {
            Some("function" | "custom") => names.push(tool.required_text("name")?),
            _ => {
                extra.insert(tool.own_path().to_owned(), Json::of(&value));
            }
        }
    }
    Ok((!names.is_empty()).then_some(ToolChoice::Allowed { mode, names }))
}

/// Reads `text.format`.
pub(super) fn response_format(text: &Fields<'_>) -> Result<Option<ResponseFormat>, ApiError> {
    let Some(format) = text.object("format")? else { return Ok(None) };
    let kind = format.required_text("type")?;
    Ok(Some(match kind.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => ResponseFormat::JsonSchema {
            name: format.text("name")?,
            description: format.text("description")?,
            schema: format
                .object("schema")?
                .and_then(|_| format.json("schema"))
                .ok_or_else(|| missing(&format.path("schema")))?,
            strict: format.boolean("strict")?,
        },
        other => {
            return Err(unknown_value(&format.path("type"), other, &["text", "json_object", "json_schema"]));
        }
    }))
}
