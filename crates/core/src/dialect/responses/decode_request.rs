//! Decodes a request body to the canonical request, and to the dialect's own state.

use serde_json::value::RawValue;

use super::call_names::CallNames;
use super::decode_input::{Reference, Turns};
use super::decode_tools;
use super::extra::{Extra, carry, carry_unknown, unsupported};
use super::input_items;
use super::settings::Settings;
use super::stored::{StoredResponse, history};
use crate::dialect::canonical::{ChatRequest, Json, Message, Part, Reasoning, Role};
use crate::error::ApiError;
use crate::json::error::{unknown_value, wrong_type};
use crate::json::fields::{Fields, Policy};
use crate::json::object::{Kind, as_str};

/// The known parameters; all others go into `extra`.
const KNOWN: &[&str] = &[
    "background",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// A decoded request.
#[derive(Debug, Clone)]
pub struct ResponsesRequest {
    /// The request in the canonical model. Until it is [resolved](Self::resolve), it lacks the turns before it.
    pub request: ChatRequest,
    /// The response that this one continues.
    pub previous_response_id: Option<String>,
    /// Whether the answer is to be stored, which is the default.
    pub store: bool,
    /// The input of this request only, each item in its long form and with an id. Empty if it is not needed: the
    /// answer is not stored, nothing is continued and nothing referred to.
    pub input_items: Vec<Json>,
    pub(super) settings: Settings,
    pub(super) names: CallNames,
    references: Vec<Reference>,
}

impl ResponsesRequest {
    /// Decodes a body. The error names the invalid field. `unique` consists of letters and digits and is the same as
    /// in the context of the answer; ids of items are derived from it.
    pub fn parse(body: &[u8], unique: &str) -> Result<Self, ApiError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(ApiError::invalid_json("The request body is empty; a JSON object is expected."));
        }
        let top = Policy::PLAIN.of_body(body)?;
        let previous_response_id = check_state(&top)?;
        let mut names = CallNames::default();
        let mut request = canonical(&top, &mut names)?;
        let settings = Settings::of(&top)?;
        let store = top.boolean("store")?.unwrap_or(true);
        let input = Input::of(&top, previous_response_id.is_some())?;
        let turns = input.turns()?;
        let is_kept = store || previous_response_id.is_some() || !turns.references.is_empty();
        request.messages.extend(turns.messages);
        request.extra.extend(turns.extra);
        Ok(Self {
            request,
            previous_response_id,
            store,
            input_items: if is_kept { input.items(unique) } else { Vec::new() },
            settings,
            names,
            references: turns.references,
        })
    }

    /// Answers as if `store` were `false`: nothing may be kept of the caller.
    pub fn do_not_store(&mut self) {
        self.store = false;
        self.settings.do_not_store();
    }

    /// The ids of items that the input refers to.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.references.iter().map(|reference| reference.id.as_str())
    }

    /// Prepends the earlier turns. `chain` are the responses that it continues, oldest first; items that are referred
    /// to are looked up there and in `others`. The error names an unknown reference. Instructions of earlier requests
    /// are not carried over.
    pub fn resolve(mut self, chain: &[StoredResponse], others: &[StoredResponse]) -> Result<Self, ApiError> {
        if chain.is_empty() && self.references.is_empty() {
            return Ok(self);
        }
        for Reference { index, id } in std::mem::take(&mut self.references) {
            let found = chain.iter().chain(others).find_map(|stored| stored.item(&id));
            let (Some(found), Some(item)) = (found, self.input_items.get_mut(index)) else {
                let shown: String = id.chars().take(100).collect();
                return Err(ApiError::invalid(
                    "item_not_found",
                    format!("input[{index}].id"),
                    format!("There is no stored item with the id `{shown}`. Send the item itself instead."),
                ));
            };
            *item = found;
        }
        let mut messages: Vec<Message> = self.settings.instructions().map(instructions).into_iter().collect();
        let mut turns = Turns::default();
        for (index, item) in history(chain, &self.input_items).iter().enumerate() {
            turns.item(index, item.raw())?;
        }
        messages.extend(turns.finish().messages);
        self.request.messages = messages;
        Ok(self)
    }
}

/// The input in either form.
enum Input<'a> {
    Text(String),
    Items(Vec<&'a RawValue>),
}

impl<'a> Input<'a> {
    fn of(top: &Fields<'a>, is_continuation: bool) -> Result<Self, ApiError> {
        let Some(value) = top.get("input") else {
            return if is_continuation { Ok(Self::Items(Vec::new())) } else { Err(top.missing("input")) };
        };
        if Kind::of(value) == Kind::String {
            return top.required_string("input").map(Self::Text);
        }
        if Kind::of(value) != Kind::Array {
            return Err(wrong_type("input", "a string or an array", Kind::of(value)));
        }
        let items = top.array("input")?;
        if items.is_empty() && !is_continuation {
            return Err(top.invalid("input", "must contain at least one item"));
        }
        Ok(Self::Items(items.into_iter().map(|(_, item)| item).collect()))
    }

    fn turns(&self) -> Result<Turns, ApiError> {
        let mut turns = Turns::default();
        match self {
            Self::Text(text) => {
                turns.messages.push(Message::new(Role::User, vec![Part::text(text.as_str())]));
            }
            Self::Items(items) => {
                for (index, item) in items.iter().enumerate() {
                    turns.item(index, item)?;
                }
            }
        }
        Ok(turns.finish())
    }

    fn items(&self, unique: &str) -> Vec<Json> {
        match self {
            Self::Text(text) => vec![input_items::of_text(text, unique)],
            Self::Items(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| input_items::normalise(item, unique, index))
                .collect(),
        }
    }
}

/// Refuses parameters that need state or work that the gateway does not support, instead of ignoring them.
fn check_state(top: &Fields<'_>) -> Result<Option<String>, ApiError> {
    if top.boolean("background")? == Some(true) {
        return Err(unsupported(
            "background",
            "`background` is not supported: responses are made while the caller waits. Use `stream` for long ones.",
        ));
    }
    if top.get("conversation").is_some() {
        return Err(unsupported(
            "conversation",
            "`conversation` is not supported. Continue a conversation with `previous_response_id`.",
        ));
    }
    if top.get("prompt").is_some() {
        return Err(unsupported(
            "prompt",
            "`prompt` is not supported: the gateway keeps no prompt templates. Send `instructions` and `input`.",
        ));
    }
    top.string("previous_response_id")
}

fn instructions(text: impl Into<String>) -> Message {
    Message::new(Role::System, vec![Part::text(text)])
}

/// Everything but the input.
fn canonical(top: &Fields<'_>, names: &mut CallNames) -> Result<ChatRequest, ApiError> {
    let model = top.required_string("model")?;
    if model.trim().is_empty() {
        return Err(top.invalid("model", "must not be empty"));
    }
    let mut extra = Extra::new();
    let mut request = ChatRequest {
        model,
        messages: top.string("instructions")?.map(instructions).into_iter().collect(),
        tools: decode_tools::tools(top, names, &mut extra)?,
        tool_choice: decode_tools::tool_choice(top, &mut extra)?,
        parallel_tool_calls: top.boolean("parallel_tool_calls")?,
        max_tokens: top.unsigned("max_output_tokens")?,
        stream: top.boolean("stream")?.unwrap_or_default(),
        // Usage is part of every answer in this dialect.
        include_usage: true,
        metadata: top.object("metadata")?.and_then(|_| top.get("metadata").map(Json::carried)),
        service_tier: top.string("service_tier")?,
        prompt_cache_key: top.string("prompt_cache_key")?,
        reasoning: reasoning(top, &mut extra)?,
        ..ChatRequest::default()
    };
    request.sampling.temperature = top.number("temperature")?;
    request.sampling.top_p = top.number("top_p")?;
    request.sampling.top_logprobs = top.unsigned("top_logprobs")?;
    request.sampling.logprobs = includes_logprobs(top, &mut extra)?
        .then_some(true)
        .or(request.sampling.top_logprobs.map(|number| number > 0));
    if let Some(text) = top.object("text")? {
        request.response_format = decode_tools::response_format(&text)?;
        request.verbosity = text.string("verbosity")?;
        carry_unknown(&text, &["format", "verbosity"], &mut extra);
    }
    let (new_name, old_name) = (top.string("safety_identifier")?, top.string("user")?);
    if new_name.is_some() && old_name.is_some() && new_name != old_name {
        carry(top, "user", &mut extra);
    }
    request.user = new_name.or(old_name);
    if let Some(options) = top.object("stream_options")? {
        // Padding against observers who count bytes; the gateway never adds it.
        options.boolean("include_obfuscation")?;
        carry_unknown(&options, &["include_obfuscation"], &mut extra);
    }
    match top.string("truncation")?.as_deref() {
        None | Some("disabled") => {}
        Some("auto") => carry(top, "truncation", &mut extra),
        Some(other) => return Err(unknown_value("truncation", other, &["auto", "disabled"])),
    }
    carry_unknown(top, KNOWN, &mut extra);
    request.extra = extra;
    Ok(request)
}

fn reasoning(top: &Fields<'_>, extra: &mut Extra) -> Result<Option<Reasoning>, ApiError> {
    let Some(fields) = top.object("reasoning")? else { return Ok(None) };
    let summary = match fields.string("summary")? {
        None => fields.string("generate_summary")?,
        summary => summary,
    };
    carry_unknown(&fields, &["effort", "summary", "generate_summary"], extra);
    let effort = fields.string("effort")?;
    let include = summary.as_ref().map(|_| true);
    let is_set = effort.is_some() || summary.is_some();
    Ok(is_set.then(|| Reasoning { effort, include, summary, ..Reasoning::default() }))
}

/// Decodes `include`: whether it requests log probabilities. Encrypted reasoning is always part of the answer.
fn includes_logprobs(top: &Fields<'_>, extra: &mut Extra) -> Result<bool, ApiError> {
    let mut logprobs = false;
    for (path, value) in top.array("include")? {
        match as_str(value).as_deref() {
            Some("message.output_text.logprobs") => logprobs = true,
            Some("reasoning.encrypted_content") => {}
            Some(_) => {
                extra.insert(path, Json::carried(value));
            }
            None => return Err(wrong_type(path, "a string", Kind::of(value))),
        }
    }
    Ok(logprobs)
}
