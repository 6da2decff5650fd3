//! The tokens of a request.
//!
//! Text is counted with the model's encoding; framing by the rules that vendors document (`nexus_edge_tokens::chat`).
//! Only plain text messages to a model whose vocabulary is in the build are exact.

use nexus_edge_core::dialect::canonical::{ChatRequest, Message, Part, ResponseFormat, Role, Tool};
use nexus_edge_tokens::chat::{self, ToolCall, images::Image};

use crate::tokenizer::Share;
use crate::{Counted, Tokenizer, media};

/// Bytes of encrypted reasoning per token, roughly: base64 of barely compressed data.
const BYTES_PER_HIDDEN_TOKEN: usize = 6;

/// Number of tokens of a request for the model that its provider knows by this name. About `limit` bytes of its text
/// are counted, and extrapolated.
#[must_use]
pub fn count(model: &str, request: &ChatRequest, limit: usize) -> Counted {
    let documents = documents_of(&request.messages);
    let mut said = Said { documents: documents.iter(), ..Said::default() };
    for message in &request.messages {
        said.message(message);
    }
    for tool in &request.tools {
        said.tool(tool);
    }
    if let Some(ResponseFormat::JsonSchema { schema, .. }) = &request.response_format {
        said.text_apart(schema.text());
    }
    said.count(model, limit)
}

/// The texts and pages of all documents in the order of the messages; they must outlive their borrowers.
fn documents_of(messages: &[Message]) -> Vec<media::Document> {
    fn collect(parts: &[Part], documents: &mut Vec<media::Document>) {
        for part in parts {
            match part {
                Part::File { media, .. } => documents.push(media::document(media)),
                Part::ToolResult { parts, .. } => collect(parts, documents),
                _ => {}
            }
        }
    }
    let mut documents = Vec::new();
    for message in messages {
        collect(&message.parts, &mut documents);
    }
    documents
}

/// The messages in the form of [`chat`].
#[derive(Default)]
struct Said<'a> {
    documents: std::slice::Iter<'a, media::Document>,
    messages: Vec<chat::Message<'a>>,
    tools: Vec<chat::Tool<'a>>,
    /// Text outside of messages.
    apart: Vec<&'a str>,
    /// Tokens of other content than text.
    other: u64,
    /// Whether there is content whose tokens are not documented.
    is_guess: bool,
}

impl<'a> Said<'a> {
    fn message(&mut self, message: &'a Message) {
        let role = match message.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        let mut into = chat::Message { role, name: message.name.as_deref(), ..chat::Message::default() };
        let results_before = self.messages.len();
        for part in &message.parts {
            self.part(part, &mut into);
        }
        // A message with only tool results became one message for each of them.
        if self.messages.len() == results_before || !is_empty(&into) {
            self.messages.push(into);
        }
    }

    fn part(&mut self, part: &'a Part, into: &mut chat::Message<'a>) {
        match part {
            Part::Text { text, .. } => into.text.push(text),
            Part::Refusal { text } | Part::Thinking { text, .. } => {
                into.text.push(text);
                self.is_guess = true;
            }
            Part::RedactedThinking { data } => self.guess((data.len() / BYTES_PER_HIDDEN_TOKEN) as u64),
            Part::ProviderBlock { block, .. } => {
                self.guess((block.text().len() / BYTES_PER_HIDDEN_TOKEN) as u64);
            }
            Part::Image { media, detail, .. } => into.images.push(media::image(media, detail.as_deref())),
            Part::Audio { media } => into.audio_milliseconds += media::audio_milliseconds(media),
            Part::File { .. } => match self.documents.next() {
                Some(media::Document::Text(text)) => self.text_apart(text),
                Some(media::Document::Pages(tokens)) => self.guess(*tokens),
                None => {}
            },
            Part::ToolCall { name, arguments, .. } => into.tool_calls.push(ToolCall { name, arguments }),
            Part::ToolResult { parts, name, .. } => {
                let mut result =
                    chat::Message { role: "tool", name: name.as_deref(), ..chat::Message::default() };
                for part in parts {
                    self.part(part, &mut result);
                }
                self.messages.push(result);
                self.is_guess = true;
            }
        }
    }

    fn tool(&mut self, tool: &'a Tool) {
        match tool {
            Tool::Function(function) => self.tools.push(chat::Tool {
                name: &function.name,
                description: function.description.as_deref().unwrap_or_default(),
                parameters: function.parameters.as_ref().map_or("{}", |schema| schema.text()),
            }),
            Tool::Native(json) => self.text_apart(json.text()),
        }
    }

    fn text_apart(&mut self, text: &'a str) {
        self.apart.push(text);
        self.is_guess = true;
    }

    fn guess(&mut self, tokens: u64) {
        self.other += tokens;
        self.is_guess = true;
    }

    fn texts(&mut self) -> impl Iterator<Item = &mut &'a str> {
        let messages = self.messages.iter_mut().flat_map(|message| {
            let calls = message.tool_calls.iter_mut().map(|call| &mut call.arguments);
            message.text.iter_mut().chain(calls)
        });
        let tools = self.tools.iter_mut().flat_map(|tool| [&mut tool.description, &mut tool.parameters]);
        messages.chain(tools).chain(&mut self.apart)
    }

    fn count(mut self, model: &str, limit: usize) -> Counted {
        let share = Share::of(self.texts().map(|text| text.len()).sum(), limit);
        // Other content than text must not be scaled with it.
        let mut pictures = chat::Message::default();
        if !share.is_all() {
            for text in self.texts() {
                *text = share.beginning_of(text);
            }
            for message in &mut self.messages {
                pictures.images.append(&mut message.images);
                pictures.audio_milliseconds += std::mem::take(&mut message.audio_milliseconds);
            }
        }
        let tokenizer = Tokenizer::for_model(model);
        let counted = tokenizer.count_chat(model, &self.messages, &self.tools);
        let apart: u64 = self.apart.iter().map(|text| tokenizer.count(text)).sum();
        let looked_at = self.texts().map(|text| text.len()).sum();
        let scaled = share.scale(counted.tokens + usize::try_from(apart).unwrap_or(usize::MAX), looked_at);
        Counted {
            tokens: scaled + pictures_alone(tokenizer, model, pictures) + self.other,
            exact: counted.exact && !self.is_guess && share.is_all(),
            whole: share.is_all() && cfg!(feature = "exact-tokens"),
        }
    }
}

/// Tokens that images and audio add to an empty message.
fn pictures_alone(tokenizer: Tokenizer, model: &str, pictures: chat::Message<'_>) -> u64 {
    if pictures.images.is_empty() && pictures.audio_milliseconds == 0 {
        return 0;
    }
    let count = |message| tokenizer.count_chat(model, &[message], &[]).tokens;
    count(pictures).saturating_sub(count(chat::Message::default())) as u64
}

fn is_empty(message: &chat::Message<'_>) -> bool {
    let no_images: &[Image] = &[];
    message.text.is_empty()
        && message.images == no_images
        && message.audio_milliseconds == 0
        && message.tool_calls.is_empty()
}

#[cfg(all(test, feature = "exact-tokens"))]
mod tests {
    use nexus_edge_core::dialect::canonical::{Function, Json, Media};

    use super::*;

    fn request(messages: Vec<Message>) -> ChatRequest {
        ChatRequest { messages, ..ChatRequest::default() }
    }

    fn tokens(model: &str, request: &ChatRequest) -> Counted {
        count(model, request, usize::MAX)
    }

    fn user(text: &str) -> Message {
        Message::new(Role::User, vec![Part::text(text)])
    }

    fn result(call_id: &str, text: &str) -> Part {
        Part::ToolResult {
            call_id: call_id.into(),
            name: None,
            parts: vec![Part::text(text)],
            is_error: false,
            cache: None,
        }
    }

    // "How to count tokens with tiktoken" of OpenAI's cookbook: what its API reported for this example with tools.
    #[test]
    fn the_cookbook_example_counts_what_the_api_says() {
        let parameters = r#"{"type":"object","properties":{
            "location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
            "unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}
        },"required":["location"]}"#;
        let function = Function {
            name: "get_current_weather".into(),
            description: Some("Get the current weather in a given location".into()),
            parameters: Json::parse(parameters),
            ..Function::default()
        };
        let system = "You are a helpful assistant that can answer to questions about the weather.";
        let mut request = request(vec![
            Message::new(Role::System, vec![Part::text(system)]),
            user("What's the weather like in San Francisco?"),
        ]);
        assert!(tokens("gpt-4o", &request).exact);
        request.tools = vec![Tool::Function(function)];
        for (model, expected) in [("gpt-4", 105), ("gpt-4o", 101)] {
            assert_eq!(tokens(model, &request), Counted { tokens: expected, exact: false, whole: true });
        }
    }

    #[test]
    fn each_result_of_a_tool_is_a_message() {
        let call = Part::ToolCall {
            id: "c".into(),
            name: "look".into(),
            arguments: r#"{"at":"it"}"#.into(),
            signature: None,
            cache: None,
        };
        let one = request(vec![
            user("Look."),
            Message::new(Role::Assistant, vec![call]),
            Message::new(Role::Tool, vec![result("c", "Seen.")]),
        ]);
        let mut two = one.clone();
        if let Some(last) = two.messages.last_mut() {
            last.parts.push(result("d", "Seen."));
        }
        let (one, two) = (tokens("gpt-4o", &one), tokens("gpt-4o", &two));
        assert!(!one.exact);
        // Three around the message, one for its role, two for its text.
        assert_eq!(two.tokens - one.tokens, 6);
    }

    #[test]
    fn pictures_are_counted_once_and_never_scaled() {
        let picture =
            Part::Image { media: Media::from_url("https://example.org/a.png"), detail: None, cache: None };
        let mut seen = request(vec![user("What is this?")]);
        let plain = tokens("gpt-4o", &seen).tokens;
        if let Some(message) = seen.messages.first_mut() {
            message.parts.push(picture);
        }
        assert_eq!(tokens("gpt-4o", &seen), Counted { tokens: plain + 765, exact: false, whole: true });
        let long = "one two three four five ".repeat(10_000);
        if let Some(message) = seen.messages.first_mut() {
            message.parts.push(Part::text(long.clone()));
        }
        let capped = count("gpt-4o", &seen, 12_000);
        let whole = tokens("gpt-4o", &seen);
        assert!(!capped.whole && whole.whole);
        assert!(capped.tokens.abs_diff(whole.tokens) * 100 < whole.tokens, "{capped:?} {whole:?}");
    }

    #[test]
    fn whatever_else_a_request_holds_has_a_count() {
        let data = Media::Base64 { media_type: "text/plain".into(), data: "SGVsbG8gd29ybGQ=".into() };
        let mut request = request(vec![Message::new(
            Role::User,
            vec![
                Part::File { media: data, name: None, cache: None },
                Part::Audio { media: Media::from_url("https://example.org/a.mp3") },
            ],
        )]);
        let before = tokens("gpt-4o", &request).tokens;
        assert!(before > 100);
        request.tools = vec![Tool::Native(Json::of(&serde_json::json!({"type": "web_search"})))];
        request.messages.push(Message::new(
            Role::Assistant,
            vec![
                Part::Thinking { text: "Hm.".into(), signature: None },
                Part::RedactedThinking { data: "x".repeat(600) },
                Part::Refusal { text: "No.".into() },
            ],
        ));
        let after = tokens("gpt-4o", &request);
        assert!(after.tokens > before + 100 && !after.exact);
        assert!(tokens("claude-opus-5", &request).tokens > after.tokens);
        assert_eq!(tokens("gpt-4o", &ChatRequest::default()).tokens, 3);
    }
}
