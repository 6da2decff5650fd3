//! An item of an answer's `output`, as far as other dialects can express it.
//!
//! Complete answers and streams read items with the same functions, so that both say the same. Items of server tools
//! (a search, executed code) are left out: the model's text about them is ordinary text with citations.

use std::borrow::Cow;

use serde_json::json;
use serde_json::value::RawValue;

use super::reasoning_seal::Seal;
use crate::dialect::canonical::{Citation, Json, Media, Part};
use crate::dialect::upstream::call_id;
use crate::json::lenient::{self, Object};
use crate::json::object::Kind;

/// The content of an item.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    /// Texts and refusals.
    Message(Vec<Piece>),
    /// Reasoning: its text, and its sealed form if the service gave one.
    Thought { text: String, seal: Option<String> },
    /// A call of a function, or of a tool with free-text input. The id is empty if there is none.
    Call { id: String, name: String, arguments: String },
    /// An image that the model made.
    Image(Media),
    /// Anything else.
    Other,
}

/// A piece of a message.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) is_refusal: bool,
    pub(super) text: String,
    pub(super) citations: Vec<Citation>,
    pub(super) logprobs: Vec<Json>,
}

/// A field that is a text; empty if it is absent.
pub(super) fn text_at(from: &Object<'_>, name: &str) -> String {
    word_at(from, name).unwrap_or_default()
}

/// A field that is a text and not empty.
pub(super) fn word_at(from: &Object<'_>, name: &str) -> Option<String> {
    from.text(name).map(Cow::into_owned)
}

/// The arguments of a call: text, or the JSON itself.
fn arguments_at(item: &Object<'_>, name: &str) -> String {
    match item.get_set(name) {
        Some(value) if Kind::of(value) == Kind::String => text_at(item, name),
        Some(value) => lenient::clean(value.get()).into_owned(),
        None => String::new(),
    }
}

/// Whether an item of this type is a call that the caller has to answer.
pub(super) fn is_call(kind: &str) -> bool {
    matches!(kind, "function_call" | "custom_tool_call")
}

/// Reads an item. `host` is the service that answers: only it can read its sealed reasoning back.
pub(super) fn read(item: &Object<'_>, host: &str) -> Content {
    let kind = text_at(item, "type");
    match kind.as_str() {
        "message" => Content::Message(message(item)),
        "reasoning" => {
            Content::Thought { text: thought(item), seal: seal(item).map(|seal| seal.write(host)) }
        }
        kind if is_call(kind) => {
            let input = if kind == "function_call" { "arguments" } else { "input" };
            Content::Call {
                id: id_of_call(item),
                name: name_of_call(item),
                arguments: arguments_at(item, input),
            }
        }
        "image_generation_call" => image(item).map_or(Content::Other, Content::Image),
        _ => Content::Other,
    }
}

/// The id of a call; some services name only the item.
pub(super) fn id_of_call(item: &Object<'_>) -> String {
    word_at(item, "call_id").or_else(|| word_at(item, "id")).unwrap_or_default()
}

/// The name of the called tool, with its group in front.
pub(super) fn name_of_call(item: &Object<'_>) -> String {
    super::call_names::upstream_name(word_at(item, "namespace").as_deref(), &text_at(item, "name"))
}

fn message(item: &Object<'_>) -> Vec<Piece> {
    if item.get_set("content").is_some_and(|content| Kind::of(content) == Kind::String) {
        let text = text_at(item, "content");
        return vec![Piece { is_refusal: false, text, citations: Vec::new(), logprobs: Vec::new() }];
    }
    item.objects("content").map(|content| piece(&content)).collect()
}

/// A piece of a message; of an unknown kind if it has no text.
pub(super) fn piece(content: &Object<'_>) -> Piece {
    let refusal = word_at(content, "refusal");
    Piece {
        is_refusal: refusal.is_some(),
        text: refusal.unwrap_or_else(|| text_at(content, "text")),
        citations: content.items("annotations").into_iter().filter_map(citation).collect(),
        logprobs: logprobs(content),
    }
}

/// The reasoning in its own words, where the service shows them; otherwise its summary.
fn thought(item: &Object<'_>) -> String {
    let texts = |name| item.objects(name).filter_map(|part| word_at(&part, "text")).collect::<Vec<_>>();
    let own = texts("content").join("");
    if own.is_empty() { texts("summary").join(SUMMARY_SEPARATOR) } else { own }
}

/// Between the parts of a summary.
pub(super) const SUMMARY_SEPARATOR: &str = "\n\n";

/// The encrypted form of reasoning, if there is one.
fn seal(item: &Object<'_>) -> Option<Seal> {
    Some(Seal { encrypted: word_at(item, "encrypted_content")?, id: text_at(item, "id") })
}

fn image(item: &Object<'_>) -> Option<Media> {
    let data = word_at(item, "result")?;
    let format = word_at(item, "output_format").unwrap_or_else(|| "png".to_owned());
    Some(Media::inline(&format!("image/{format}"), data))
}

/// The source of a text.
pub(super) fn citation(value: &RawValue) -> Option<Citation> {
    let annotation = Object::of(value)?;
    // A file is named after the word at which it stands.
    let point = annotation.integer("index").map(|index| (index, index));
    Some(Citation {
        url: word_at(&annotation, "url"),
        title: word_at(&annotation, "title").or_else(|| word_at(&annotation, "filename")),
        cited_text: None,
        span: annotation.integer("start_index").zip(annotation.integer("end_index")).or(point),
        source: word_at(&annotation, "file_id"),
        place: None,
        original: Json::parse(&lenient::clean(value.get())),
    })
}

/// Log probabilities in the form of Chat Completions, which also has the bytes of each token.
pub(super) fn logprobs(from: &Object<'_>) -> Vec<Json> {
    let complete = |mut token: serde_json::Value| {
        let alternatives = token.get_mut("top_logprobs").and_then(serde_json::Value::as_array_mut);
        for alternative in alternatives.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
            alternative.entry("bytes").or_insert(json!(null));
        }
        let token = token.as_object_mut()?;
        token.entry("bytes").or_insert(json!(null));
        token.entry("top_logprobs").or_insert(json!([]));
        Some(Json::of(&token))
    };
    from.items("logprobs")
        .into_iter()
        .filter_map(|token| serde_json::from_str(&lenient::clean(token.get())).ok().and_then(complete))
        .collect()
}

/// Log probabilities of a whole choice; `None` if there are none.
pub(super) fn all_logprobs(tokens: &[Json]) -> Option<Json> {
    (!tokens.is_empty()).then(|| Json::of(&json!({ "content": tokens, "refusal": null })))
}

/// Appends the parts of an item. `unique` is for the ids of calls without one.
pub(super) fn append_parts(content: Content, unique: &str, parts: &mut Vec<Part>, tokens: &mut Vec<Json>) {
    match content {
        Content::Message(pieces) => {
            for piece in pieces {
                tokens.extend(piece.logprobs);
                if piece.is_refusal {
                    parts.push(Part::Refusal { text: piece.text });
                } else if !piece.text.is_empty() || !piece.citations.is_empty() {
                    parts.push(Part::Text { text: piece.text, citations: piece.citations, cache: None });
                }
            }
        }
        Content::Thought { text, seal } => {
            if !text.is_empty() || seal.is_some() {
                parts.push(Part::Thinking { text, signature: seal });
            }
        }
        Content::Call { id, name, arguments } => {
            let id = if id.is_empty() { call_id(unique, 0, parts.len()) } else { id };
            parts.push(Part::ToolCall { id, name, arguments, signature: None, cache: None });
        }
        Content::Image(media) => parts.push(Part::Image { media, detail: None, cache: None }),
        Content::Other => {}
    }
}
