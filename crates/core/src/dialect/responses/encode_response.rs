//! The response object of an answer.

use super::call_names::CallNames;
use super::decode_request::ResponsesRequest;
use super::error::code_of;
use super::input_items::response_id;
use super::output::{Output, generated, outcome, token_logprobs};
use super::settings::Settings;
use super::wire::{Failure, Incomplete, Item, Response, Status, Usage};
use crate::dialect::canonical::{ChatResponse, ErrorInfo, Part, PartStart, ReplyContext, openai_tier};
use crate::tokens::TokenUsage;

/// Encodes the answer to one request, streamed or not.
#[derive(Debug, Clone)]
pub struct ResponsesEncoder {
    pub(super) settings: Settings,
    pub(super) names: CallNames,
    pub(super) context: ReplyContext,
    pub(super) wants_logprobs: bool,
    service_tier: Option<String>,
}

/// The fields of a response besides its items.
#[derive(Debug)]
pub(super) struct State<'a> {
    pub(super) created: Option<u64>,
    pub(super) model: Option<&'a str>,
    pub(super) status: Status,
    pub(super) incomplete: Option<Incomplete>,
    pub(super) error: Option<&'a ErrorInfo>,
    pub(super) usage: Option<TokenUsage>,
    pub(super) service_tier: Option<&'a str>,
}

impl ResponsesEncoder {
    /// An encoder of the answer to this request. `context.unique` must be the one that the request was decoded with.
    #[must_use]
    pub fn new(request: &ResponsesRequest, context: &ReplyContext) -> Self {
        Self {
            settings: request.settings.clone(),
            names: request.names.clone(),
            context: context.clone(),
            wants_logprobs: request.request.sampling.logprobs == Some(true),
            service_tier: request.request.service_tier.clone(),
        }
    }

    /// An encoder without a request; the answer repeats defaults.
    #[must_use]
    pub fn without_request(context: &ReplyContext) -> Self {
        Self {
            settings: Settings::default(),
            names: CallNames::default(),
            context: context.clone(),
            wants_logprobs: false,
            service_tier: None,
        }
    }

    /// The id of the response.
    #[must_use]
    pub fn response_id(&self) -> String {
        response_id(&self.context.unique)
    }

    /// Encodes an unstreamed answer.
    #[must_use]
    pub fn encode(&self, response: &ChatResponse) -> Vec<u8> {
        let mut output = Output::new(&self.context.unique, self.names.clone());
        let choice = response.choices.first();
        let parts = choice.map(|choice| choice.parts.as_slice()).unwrap_or_default();
        let last_text = parts.iter().rposition(|part| matches!(part, Part::Text { .. }));
        for (index, part) in parts.iter().enumerate() {
            if !add(&mut output, index, part) {
                continue;
            }
            if last_text == Some(index)
                && let Some(logprobs) = choice.and_then(|choice| choice.logprobs.as_ref())
            {
                output.add_logprobs(token_logprobs(logprobs));
            }
            output.end(index);
        }
        let finish = choice.and_then(|choice| choice.finish.as_ref());
        if let Some(words) = output.missing_refusal(finish) {
            output.start(parts.len(), PartStart::Refusal);
            output.append(parts.len(), words);
            output.end(parts.len());
        }
        let (status, incomplete) = outcome(finish);
        for item in &mut output.items {
            item.set_status(Status::Completed);
        }
        if let Some(last) = output.items.last_mut() {
            last.set_status(status);
        }
        output.add_signatures();
        let state = State {
            created: response.created,
            model: response.model.as_deref(),
            status,
            incomplete,
            error: None,
            usage: response.usage,
            service_tier: response.service_tier.as_deref(),
        };
        let id = self.response_id();
        serde_json::to_vec(&self.body(&id, &state, &output.items)).unwrap_or_default()
    }

    /// The response object.
    pub(super) fn body<'a>(&'a self, id: &'a str, state: &State<'a>, output: &'a [Item]) -> Response<'a> {
        Response {
            id,
            object: "response",
            created_at: state.created.unwrap_or(self.context.created),
            status: state.status,
            background: false,
            completed_at: None,
            error: state.error.map(|error| Failure { code: code_of(error), message: &error.message }),
            incomplete_details: state.incomplete,
            model: state.model.unwrap_or(&self.context.model),
            output,
            service_tier: state.service_tier.and_then(openai_tier).or(self.service_tier.as_deref()),
            usage: state.usage.map(Usage::from),
            settings: &self.settings,
        }
    }
}

/// Adds a part of an unstreamed answer; `false` for parts that cannot be in an answer of this dialect.
fn add(output: &mut Output, index: usize, part: &Part) -> bool {
    match part {
        Part::Text { text, citations, .. } => {
            output.start(index, PartStart::Text);
            output.append(index, text);
            for citation in citations {
                output.cite(index, citation.clone());
            }
        }
        Part::Refusal { text } => {
            output.start(index, PartStart::Refusal);
            output.append(index, text);
        }
        Part::Thinking { text, signature } => {
            output.start(index, PartStart::Thinking);
            output.append(index, text);
            output.sign(index, signature.as_deref().unwrap_or_default());
        }
        Part::RedactedThinking { data } => {
            output.start(index, PartStart::RedactedThinking { data: data.clone() });
        }
        Part::ProviderBlock { origin, block } => {
            output.start(index, PartStart::ProviderBlock { origin: *origin, block: block.clone() });
        }
        Part::ToolCall { id, name, arguments, signature, .. } => {
            output.start(index, PartStart::ToolCall { id: id.clone(), name: name.clone() });
            output.append(index, arguments);
            output.sign(index, signature.as_deref().unwrap_or_default());
        }
        Part::Image { media, .. } if generated(media).is_some() => {
            output.start(index, PartStart::Image { media: media.clone() });
        }
        Part::Image { media, .. } | Part::Audio { media } | Part::File { media, .. } => {
            output.start(index, PartStart::Text);
            output.append(index, &media.in_words().unwrap_or_default());
        }
        Part::ToolResult { .. } => return false,
    }
    true
}
