//! Decodes the flat list of input items to messages.
//!
//! One turn of the assistant is several items (reasoning, text, tool calls); they become one message, as in other
//! dialects. Items of server tools are left out and recorded by their path.

use serde_json::value::RawValue;

use super::call_names::{arguments_of_input, upstream_name};
use super::decode_content::{self, Content};
use super::extra::{Extra, carry};
use super::opaque::{self, Opaque};
use crate::dialect::canonical::{Json, Media, Message, Part, Role};
use crate::error::ApiError;
use crate::json::error::unknown_value;
use crate::json::fields::{Fields, Policy};

/// A reference to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Its index in the input.
    pub(super) index: usize,
    /// The id of the item that it refers to.
    pub(super) id: String,
}

/// The messages so far.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) messages: Vec<Message>,
    pub(super) extra: Extra,
    pub(super) references: Vec<Reference>,
    /// Signatures of tool calls, attached when all calls are known: call id and signature.
    signatures: Vec<(String, String)>,
}

impl Turns {
    /// Decodes the item at this index of the input.
    pub(super) fn item(&mut self, index: usize, item: &RawValue) -> Result<(), ApiError> {
        let fields = Policy::PLAIN.read(item, format!("input[{index}]"))?;
        let kind = fields.string("type")?;
        match kind.as_deref() {
            Some("message") => self.message(&fields),
            Some("function_call") => self.function_call(&fields),
            Some("function_call_output" | "custom_tool_call_output") => self.call_output(&fields),
            Some("custom_tool_call") => self.custom_call(&fields),
            Some("image_generation_call") if fields.get("result").is_some() => self.picture(&fields),
            Some("reasoning") => self.reasoning(&fields),
            // Its tools are among those of the request.
            Some("additional_tools") => Ok(()),
            Some("item_reference") => self.reference(index, &fields),
            None if fields.get("role").is_some() => self.message(&fields),
            None if fields.get("id").is_some() => self.reference(index, &fields),
            None => Err(fields.missing("type")),
            Some(_) => {
                self.extra.insert(fields.own_path().to_owned(), Json::carried(item));
                Ok(())
            }
        }
    }

    /// Attaches signatures to earlier items.
    pub(super) fn finish(mut self) -> Self {
        for (id, value) in std::mem::take(&mut self.signatures) {
            let parts = self.messages.iter_mut().flat_map(|message| &mut message.parts);
            for part in parts {
                if let Part::ToolCall { id: call, signature, .. } = part
                    && *call == id
                {
                    *signature = Some(value.clone());
                }
            }
        }
        self
    }

    /// Adds to the turn of this role, which is started if necessary.
    fn add(&mut self, role: Role, parts: Vec<Part>) {
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.parts.extend(parts),
            _ => self.messages.push(Message::new(role, parts)),
        }
    }

    fn message(&mut self, fields: &Fields<'_>) -> Result<(), ApiError> {
        const ROLES: &[&str] = &["user", "assistant", "system", "developer"];
        let role = match fields.required_string("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            other => return Err(unknown_value(fields.path("role"), other, ROLES)),
        };
        let kind = if role == Role::Assistant { Content::Answer } else { Content::Message };
        let parts = match fields.get("content") {
            Some(content) => decode_content::parts(content, &fields.path("content"), kind, &mut self.extra)?,
            None if role == Role::Assistant => Vec::new(),
            None => return Err(fields.missing("content")),
        };
        // For `OpenAI`'s models: whether the text was a comment in between or the answer.
        carry(fields, "phase", &mut self.extra);
        if role == Role::Assistant {
            self.add(role, parts);
        } else {
            self.messages.push(Message::new(role, parts));
        }
        Ok(())
    }

    fn function_call(&mut self, fields: &Fields<'_>) -> Result<(), ApiError> {
        let arguments = fields.required_string("arguments")?;
        self.call(fields, arguments)
    }

    fn custom_call(&mut self, fields: &Fields<'_>) -> Result<(), ApiError> {
        let arguments = arguments_of_input(&fields.required_string("input")?);
        self.call(fields, arguments)
    }

    fn call(&mut self, fields: &Fields<'_>, arguments: String) -> Result<(), ApiError> {
        let call = Part::ToolCall {
            id: fields.required_string("call_id")?,
            name: upstream_name(fields.string("namespace")?.as_deref(), &fields.required_string("name")?),
            arguments,
            signature: None,
            cache: None,
        };
        self.add(Role::Assistant, vec![call]);
        Ok(())
    }

    fn call_output(&mut self, fields: &Fields<'_>) -> Result<(), ApiError> {
        let output = fields.get("output").ok_or_else(|| fields.missing("output"))?;
        let parts =
            decode_content::parts(output, &fields.path("output"), Content::ToolOutput, &mut self.extra)?;
        let name = fields.string("name")?;
        let result = Part::ToolResult {
            call_id: fields.required_string("call_id")?,
            name: name
                .map(|name| Ok(upstream_name(fields.string("namespace")?.as_deref(), &name)))
                .transpose()?,
            parts,
            is_error: false,
            cache: None,
        };
        self.add(Role::Tool, vec![result]);
        Ok(())
    }

    /// A picture that the model made.
    fn picture(&mut self, fields: &Fields<'_>) -> Result<(), ApiError> {
        let format = fields.string("output_format")?.unwrap_or_else(|| "png".to_owned());
        let media = Media::inline(&format!("image/{format}"), fields.required_string("result")?);
        self.add(Role::Assistant, vec![Part::Image { media, detail: None, cache: None }]);
        Ok(())
    }

    fn reasoning(&mut self, fields: &Fields<'_>) -> Result<(), ApiError> {
        // Open models return their reasoning itself, others a summary of it.
        let thoughts = texts(fields, "content")?.join("");
        let text = if thoughts.is_empty() { texts(fields, "summary")?.join("\n\n") } else { thoughts };
        let encrypted = fields.string("encrypted_content")?;
        let part = match encrypted.as_deref().map(opaque::read) {
            Some(Opaque::ToolCall { call_id, signature }) => {
                self.signatures.push((call_id.to_owned(), signature.to_owned()));
                return Ok(());
            }
            Some(Opaque::Redacted(data)) => Part::RedactedThinking { data: data.to_owned() },
            Some(Opaque::Signature(signature)) => {
                Part::Thinking { text, signature: Some(signature.to_owned()) }
            }
            // An empty item has no meaning, and some upstreams refuse it.
            None if text.is_empty() => return Ok(()),
            None => Part::Thinking { text, signature: None },
        };
        self.add(Role::Assistant, vec![part]);
        Ok(())
    }

    fn reference(&mut self, index: usize, fields: &Fields<'_>) -> Result<(), ApiError> {
        self.references.push(Reference { index, id: fields.required_string("id")? });
        Ok(())
    }
}

/// The texts of a list of parts.
fn texts(fields: &Fields<'_>, name: &str) -> Result<Vec<String>, ApiError> {
    fields.objects(name)?.iter().map(|part| part.required_string("text")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(items: &serde_json::Value) -> Result<Turns, ApiError> {
        let mut turns = Turns::default();
        for (index, item) in items.as_array().unwrap().iter().enumerate() {
            turns.item(index, Json::of(item).raw())?;
        }
        Ok(turns.finish())
    }

    #[test]
    fn one_turn_of_the_assistant_is_one_message() {
        let turns = read(&serde_json::json!([
            {"role": "user", "content": "Weather?"},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
             "encrypted_content": "c2ln"},
            {"type": "reasoning", "summary": [], "encrypted_content": opaque::redacted("ZGF0YQ==")},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
             "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{\"city\":\"Oslo\"}"},
            {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": ""},
            {"type": "reasoning", "summary": [], "encrypted_content": opaque::tool_call("c2", "proof")},
            {"type": "function_call_output", "call_id": "c1", "output": "7°"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "8°"}]},
            {"role": "user", "content": "Thanks"},
        ]))
        .unwrap();
        let roles: Vec<Role> = turns.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::User]);
        let said = &turns.messages[1].parts;
        assert_eq!(said[0], Part::Thinking { text: "a\n\nb".into(), signature: Some("c2ln".into()) });
        assert_eq!(said[1], Part::RedactedThinking { data: "ZGF0YQ==".into() });
        assert_eq!(said[2].as_text(), Some("Let me look."));
        assert!(matches!(&said[3], Part::ToolCall { id, signature: None, .. } if id == "c1"));
        assert!(
            matches!(&said[4], Part::ToolCall { signature: Some(proof), arguments, .. } if proof == "proof" && arguments.is_empty())
        );
        assert_eq!(said.len(), 5);
        assert_eq!(turns.messages[2].parts.len(), 2);
        assert!(turns.extra.is_empty());
    }

    #[test]
    fn open_thoughts_are_preferred_and_empty_ones_left_out() {
        let turns = read(&serde_json::json!([
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "short"}],
             "content": [{"type": "reasoning_text", "text": "long"}]},
            {"type": "reasoning", "summary": [], "encrypted_content": null},
            {"type": "reasoning", "summary": [], "encrypted_content": "sig"},
        ]))
        .unwrap();
        assert_eq!(
            turns.messages[0].parts,
            [
                Part::Thinking { text: "long".into(), signature: None },
                Part::Thinking { text: String::new(), signature: Some("sig".into()) },
            ]
        );
    }

    #[test]
    fn native_items_are_left_out_by_name() {
        let turns = read(&serde_json::json!([
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
            {"role": "assistant", "content": "Found.", "phase": "final_answer"},
            {"type": "a_future_item"},
        ]))
        .unwrap();
        let names: Vec<&str> = turns.extra.keys().map(String::as_str).collect();
        assert_eq!(names, ["input[0]", "input[1].phase", "input[2]"]);
        assert_eq!(turns.messages.len(), 1);
    }

    #[test]
    fn custom_and_grouped_calls_become_functions() {
        let turns = read(&serde_json::json!([
            {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": "*** \"x\""},
            {"type": "function_call", "call_id": "c2", "namespace": "files", "name": "read", "arguments": "{}"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
            {"type": "function_call_output", "call_id": "c2", "namespace": "files", "name": "read", "output": ""},
        ]))
        .unwrap();
        let [Part::ToolCall { arguments, .. }, Part::ToolCall { name, .. }] = &turns.messages[0].parts[..]
        else {
            panic!("two calls");
        };
        assert_eq!((arguments.as_str(), name.as_str()), (r#"{"input":"*** \"x\""}"#, "files__read"));
        assert!(
            matches!(&turns.messages[1].parts[1], Part::ToolResult { name: Some(name), .. } if name == "files__read")
        );
    }

    #[test]
    fn errors_name_the_field() {
        for (item, code, param) in [
            (serde_json::json!(3), "invalid_type", "input[0]"),
            (serde_json::json!({}), "missing_required_parameter", "input[0].type"),
            (serde_json::json!({"type": 3}), "invalid_type", "input[0].type"),
            (serde_json::json!({"role": "tool", "content": "x"}), "invalid_value", "input[0].role"),
            (serde_json::json!({"role": "user"}), "missing_required_parameter", "input[0].content"),
            (
                serde_json::json!({"type": "function_call", "name": "f", "arguments": "{}"}),
                "missing_required_parameter",
                "input[0].call_id",
            ),
            (
                serde_json::json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}),
                "invalid_type",
                "input[0].arguments",
            ),
            (
                serde_json::json!({"type": "function_call_output", "call_id": "c"}),
                "missing_required_parameter",
                "input[0].output",
            ),
            (
                serde_json::json!({"type": "reasoning", "summary": [{"type": "summary_text"}]}),
                "missing_required_parameter",
                "input[0].summary[0].text",
            ),
        ] {
            let error = read(&serde_json::json!([item])).unwrap_err();
            assert_eq!(
                (error.code, error.param.as_deref(), error.status),
                (code, Some(param), 400),
                "{item}"
            );
        }
    }
}
