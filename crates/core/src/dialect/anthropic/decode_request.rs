//! Decodes a caller's request (<https://platform.claude.com/docs/en/api/messages/create>).
//!
//! The shape is validated as far as it is translated, and an error names the invalid field. Ranges are left to the
//! upstream.

use serde_json::value::RawValue;

use super::decode_content::{self, Extra};
use super::fields::{self, Path};
use super::thinking;
use crate::dialect::canonical::{
    ChatRequest, Function, Json, Message, Reasoning, ResponseFormat, Role, Tool, ToolChoice,
};
use crate::error::ApiError;
use crate::json::error::not_an_object;
use crate::json::error::{invalid_value, missing, wrong_type};
use crate::json::object::{JsonObject, Kind};

/// What the request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An answer.
    Answer,
    /// A count of its tokens; `max_tokens` may be missing.
    Count,
}

/// Decodes a request body.
pub fn decode(body: &[u8], purpose: Purpose) -> Result<ChatRequest, ApiError> {
    let root = Path::Root;
    let object: JsonObject<'_> = serde_json::from_slice(body).map_err(|error| not_an_object(body, &error))?;
    // Usage is part of every stream of this dialect.
    let mut request = ChatRequest { include_usage: true, ..ChatRequest::default() };
    request.model = fields::required(&object, "model", root, fields::string)?;
    if request.model.trim().is_empty() {
        return Err(invalid_value(root.field("model"), "must not be empty"));
    }
    let messages = fields::required(&object, "messages", root, fields::array)?;
    if messages.is_empty() {
        return Err(invalid_value(root.field("messages"), "must not be empty"));
    }
    if purpose == Purpose::Answer && object.get_set("max_tokens").is_none() {
        return Err(missing(root.field("max_tokens")));
    }
    if let Some(system) = object.get_set("system") {
        let parts = decode_content::texts(system, root.field("system"))?;
        if !parts.is_empty() {
            request.messages.push(Message::new(Role::System, parts));
        }
    }
    for (index, item) in messages.into_iter().enumerate() {
        let path = Path::Field(&root, "messages");
        decode_content::message(item, path.item(index), &mut request.messages, &mut request.extra)?;
    }
    let mut reasoning = Reasoning::default();
    for (name, value) in object.iter().filter(|(_, value)| Kind::of(value) != Kind::Null) {
        let path = root.field(name);
        match name {
            "model" | "messages" | "system" => {}
            "max_tokens" => request.max_tokens = Some(fields::integer(value, path)?),
            "stream" => request.stream = fields::boolean(value, path)?,
            "temperature" => request.sampling.temperature = Some(fields::number(value, path)?),
            "top_p" => request.sampling.top_p = Some(fields::number(value, path)?),
            "top_k" => request.sampling.top_k = Some(fields::integer(value, path)?),
            "stop_sequences" => request.sampling.stop = strings(value, path)?,
            "service_tier" => request.service_tier = Some(tier(fields::string(value, path)?)),
            "metadata" => metadata(value, path, &mut request)?,
            "tools" => request.tools = tools(value, path, &mut request.extra)?,
            "tool_choice" => tool_choice(value, path, &mut request)?,
            "thinking" => thinking::read(value, path, &mut reasoning)?,
            "output_config" => output_config(value, path, &mut request, &mut reasoning)?,
            // Its name before it moved into `output_config`.
            "output_format" => request.response_format = Some(format(value, path)?),
            _ => {
                request.extra.insert(name.to_owned(), Json::of(&value));
            }
        }
    }
    request.reasoning = (reasoning != Reasoning::default()).then_some(reasoning);
    Ok(request)
}

fn strings(value: &RawValue, path: Path<'_>) -> Result<Vec<String>, ApiError> {
    let items = fields::array(value, path)?.into_iter().enumerate();
    items.map(|(index, item)| fields::string(item, path.item(index))).collect()
}

/// The service tier, under the name of most dialects.
fn tier(name: String) -> String {
    if name == "standard_only" { "default".to_owned() } else { name }
}

/// The API has only `user_id`; other fields are the caller's own labels.
fn metadata(value: &RawValue, path: Path<'_>, request: &mut ChatRequest) -> Result<(), ApiError> {
    let object = fields::object(value, path)?;
    request.user = fields::optional(&object, "user_id", path, fields::string)?;
    let labels: serde_json::Map<String, serde_json::Value> = object
        .iter()
        .filter(|(name, _)| *name != "user_id")
        .filter_map(|(name, value)| Some((name.to_owned(), serde_json::from_str(value.get()).ok()?)))
        .collect();
    if !labels.is_empty() {
        request.metadata = Some(Json::of(&labels));
    }
    Ok(())
}

fn tools(value: &RawValue, path: Path<'_>, extra: &mut Extra) -> Result<Vec<Tool>, ApiError> {
    let items = fields::array(value, path)?.into_iter().enumerate();
    items.map(|(index, item)| tool(item, path.item(index), extra)).collect()
}

fn tool(item: &RawValue, path: Path<'_>, extra: &mut Extra) -> Result<Tool, ApiError> {
    let object = fields::object(item, path)?;
    let kind = fields::optional(&object, "type", path, fields::string)?;
    if kind.is_some_and(|kind| kind != "custom") {
        return Ok(Tool::Native(Json::of(&item)));
    }
    let schema = object.get_set("input_schema");
    let schema = schema.ok_or_else(|| missing(path.field("input_schema")))?;
    if Kind::of(schema) != Kind::Object {
        return Err(wrong_type(path.field("input_schema"), "an object", Kind::of(schema)));
    }
    for (name, value) in object.iter() {
        let is_known =
            matches!(name, "type" | "name" | "description" | "input_schema" | "strict" | "cache_control");
        if !is_known && Kind::of(value) != Kind::Null {
            extra.insert(path.field(name).to_string(), Json::of(&value));
        }
    }
    Ok(Tool::Function(Function {
        name: fields::required(&object, "name", path, fields::string)?,
        description: fields::optional(&object, "description", path, fields::string)?,
        parameters: Some(Json::of(&schema)),
        strict: fields::optional(&object, "strict", path, fields::boolean)?,
        cache: decode_content::cache(&object, path)?,
    }))
}

fn tool_choice(value: &RawValue, path: Path<'_>, request: &mut ChatRequest) -> Result<(), ApiError> {
    let object = fields::object(value, path)?;
    request.tool_choice = Some(match fields::required(&object, "type", path, fields::string)?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(fields::required(&object, "name", path, fields::string)?),
        _ => {
            return Err(invalid_value(path.field("type"), "must be `auto`, `any`, `tool` or `none`"));
        }
    });
    let alone = fields::optional(&object, "disable_parallel_tool_use", path, fields::boolean)?;
    request.parallel_tool_calls = alone.map(|alone| !alone);
    Ok(())
}

fn output_config(
    value: &RawValue,
    path: Path<'_>,
    request: &mut ChatRequest,
    reasoning: &mut Reasoning,
) -> Result<(), ApiError> {
    for (name, value) in fields::object(value, path)?.iter() {
        if Kind::of(value) == Kind::Null {
            continue;
        }
        let path = path.field(name);
        match name {
            "effort" => reasoning.effort = Some(fields::string(value, path)?),
            "format" => request.response_format = Some(format(value, path)?),
            _ => {
                request.extra.insert(path.to_string(), Json::of(&value));
            }
        }
    }
    Ok(())
}

/// The API always enforces the schema, but without keywords that others require for that; so strictness elsewhere is
/// left open.
fn format(value: &RawValue, path: Path<'_>) -> Result<ResponseFormat, ApiError> {
    let object = fields::object(value, path)?;
    if fields::required(&object, "type", path, fields::string)? != "json_schema" {
        return Err(invalid_value(path.field("type"), "must be `json_schema`"));
    }
    let schema = object.get_set("schema").ok_or_else(|| missing(path.field("schema")))?;
    if Kind::of(schema) != Kind::Object {
        return Err(wrong_type(path.field("schema"), "an object", Kind::of(schema)));
    }
    Ok(ResponseFormat::JsonSchema { name: None, description: None, schema: Json::of(&schema), strict: None })
}
