//! `groundingMetadata` (<https://ai.google.dev/api/generate-content#GroundingMetadata>) and `citationMetadata`.
//!
//! Grounding lists sources and, by byte, which ranges of the answer they support. In the canonical model each pair of
//! range and source is one citation, in characters.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::dialect::canonical::{Citation, Json, Place, Unit};
use crate::json::lenient;

/// Most citations of one answer.
pub(super) const MAX_CITATIONS: usize = 512;

/// Fields of a grounding chunk that contain its source.
const SOURCE_KINDS: &[&str] = &["web", "retrievedContext", "maps"];

/// A decoded citation, its range still in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    // First, because two that differ mostly differ here.
    bytes: Option<(u64, u64)>,
    citation: Citation,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Grounding {
    grounding_chunks: Vec<Value>,
    grounding_supports: Vec<Support>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Support {
    segment: Segment,
    grounding_chunk_indices: Vec<usize>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Segment {
    start_index: u64,
    end_index: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct CitationMetadata {
    /// The name on Vertex AI.
    citations: Vec<Value>,
    citation_sources: Vec<Value>,
}

/// The citations of grounding metadata. Invalid ones are left out rather than failing the answer.
pub(super) fn read_grounding(metadata: &Json) -> Vec<Found> {
    let grounding: Grounding = lenient::nested(metadata.raw()).unwrap_or_default();
    let mut used = vec![false; grounding.grounding_chunks.len()];
    let mut found = Vec::new();
    for support in &grounding.grounding_supports {
        let bytes = support.segment.end_index.map(|end| (support.segment.start_index, end));
        for index in &support.grounding_chunk_indices {
            let Some(chunk) = grounding.grounding_chunks.get(*index) else { continue };
            if found.len() >= MAX_CITATIONS {
                return found;
            }
            if let Some(used) = used.get_mut(*index) {
                *used = true;
            }
            found.push(Found { citation: of_chunk(chunk, *index), bytes });
        }
    }
    let chunks = grounding.grounding_chunks.iter().enumerate().zip(&used);
    let unused = chunks.filter(|(_, used)| !**used).map(|(chunk, _)| chunk);
    found.extend(unused.map(|(index, chunk)| Found { citation: of_chunk(chunk, index), bytes: None }));
    found
}

fn of_chunk(chunk: &Value, index: usize) -> Citation {
    let source = SOURCE_KINDS.iter().find_map(|kind| chunk.get(kind));
    let text = |field: &str| source.and_then(|source| source.get(field)?.as_str()).map(str::to_owned);
    let passage = source.and_then(|source| source.get("ragChunk"));
    Citation {
        url: text("uri"),
        title: text("title"),
        cited_text: text("text").or_else(|| passage?.get("text")?.as_str().map(str::to_owned)),
        place: passage.and_then(|passage| pages(passage, index)),
        source: ["documentName", "placeId", "fileSearchStore"].into_iter().find_map(text),
        original: Some(Json::of(chunk)),
        ..Citation::default()
    }
}

/// The pages of a passage, of which the service counts the last one in.
fn pages(passage: &Value, document: usize) -> Option<Place> {
    let page = |name: &str| passage.get("pageSpan")?.get(name)?.as_u64();
    let (start, last) = (page("firstPage")?, page("lastPage")?);
    Some(Place { unit: Unit::Pages, document: document as u64, start, end: last.saturating_add(1) })
}

/// The citations of citation metadata: passages that the answer repeats.
pub(super) fn read_sources(metadata: &Json) -> Vec<Found> {
    let metadata: CitationMetadata = lenient::nested(metadata.raw()).unwrap_or_default();
    let sources = metadata.citation_sources.iter().chain(&metadata.citations);
    sources
        .map(|source| {
            let text = |field: &str| source.get(field).and_then(Value::as_str).map(str::to_owned);
            let start = source.get("startIndex").and_then(Value::as_u64).unwrap_or(0);
            let end = source.get("endIndex").and_then(Value::as_u64);
            let citation = Citation {
                url: text("uri"),
                title: text("title"),
                original: Some(Json::of(source)),
                ..Citation::default()
            };
            Found { citation, bytes: end.map(|end| (start, end)) }
        })
        .collect()
}

impl Found {
    /// The citation, its range in characters of its text.
    pub(super) fn within(self, text: &str) -> Citation {
        let character = |byte: u64| -> Option<u64> {
            let head = text.get(..usize::try_from(byte).ok()?)?;
            Some(head.chars().count() as u64)
        };
        let span = self.bytes.and_then(|(start, end)| Some((character(start)?, character(end)?)));
        Citation { span, ..self.citation }
    }
}

/// `citationMetadata` and `groundingMetadata` for the citations of a text.
pub(super) fn write<'a>(
    texts: impl IntoIterator<Item = (&'a str, &'a [Citation])>,
) -> (Option<Value>, Option<Value>) {
    let (mut sources, mut chunks, mut supports) = (Vec::new(), Vec::<Value>::new(), Vec::<Value>::new());
    for (text, citations) in texts {
        for citation in citations {
            let bytes =
                citation.span.and_then(|(start, end)| Some((byte_of(text, start)?, byte_of(text, end)?)));
            let original = citation.original.as_ref().map(Json::to_value).unwrap_or_default();
            if let Some(source) = as_source(&original) {
                sources.push(source);
                continue;
            }
            let chunk = as_chunk(original).unwrap_or_else(|| make_chunk(citation));
            let index = chunks.iter().position(|known| *known == chunk).unwrap_or_else(|| {
                chunks.push(chunk);
                chunks.len() - 1
            });
            if let Some((start, end)) = bytes {
                let quoted = text.get(start..end).unwrap_or_default();
                let segment = json!({"startIndex": start, "endIndex": end, "text": quoted});
                supports.push(json!({"segment": segment, "groundingChunkIndices": [index]}));
            }
        }
    }
    let citation_metadata = (!sources.is_empty()).then(|| json!({"citationSources": sources}));
    let grounding = (!chunks.is_empty()).then(|| {
        let mut grounding = Map::new();
        grounding.insert("groundingChunks".into(), chunks.into());
        if !supports.is_empty() {
            grounding.insert("groundingSupports".into(), supports.into());
        }
        Value::Object(grounding)
    });
    (citation_metadata, grounding)
}

/// The original citation, if it is one of citation metadata. Those of other dialects have a `type`.
fn as_source(original: &Value) -> Option<Value> {
    let is_source = original.get("type").is_none()
        && (original.get("uri").is_some() || original.get("endIndex").is_some());
    is_source.then(|| original.clone())
}

fn as_chunk(original: Value) -> Option<Value> {
    SOURCE_KINDS.iter().any(|kind| original.get(kind).is_some()).then_some(original)
}

fn make_chunk(citation: &Citation) -> Value {
    let mut source = Map::new();
    let name = || citation.name().filter(|_| citation.url.is_none());
    for (name, value) in [("uri", citation.url.clone()), ("title", citation.title.clone().or_else(name))] {
        if let Some(value) = value {
            source.insert(name.into(), value.into());
        }
    }
    match &citation.cited_text {
        // Only a retrieved document has a text, and a page of the web always has an address: clients refuse one without.
        Some(text) => {
            source.insert("text".into(), text.as_str().into());
            json!({"retrievedContext": source})
        }
        None if citation.url.is_none() => json!({"retrievedContext": source}),
        None => json!({"web": source}),
    }
}

/// The byte offset of a character of a text, or its end.
fn byte_of(text: &str, character: u64) -> Option<usize> {
    let character = usize::try_from(character).ok()?;
    let ends = std::iter::once(text.len());
    text.char_indices().map(|(byte, _)| byte).chain(ends).nth(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_characters_and_come_back() {
        let text = "é is a letter.";
        let metadata =
            Json::of(&json!({"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}},
                {"web": {"uri": "https://b.example"}}],
            "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 5, "text": "é is"},
                "groundingChunkIndices": [0, 7]}]}));
        let found = read_grounding(&metadata);
        let citations: Vec<Citation> = found.into_iter().map(|found| found.within(text)).collect();
        assert_eq!(citations.len(), 2);
        assert_eq!(citations[0].span, Some((0, 4)));
        assert_eq!(citations[0].url.as_deref(), Some("https://a.example"));
        assert_eq!(citations[1].span, None);
        let (sources, grounding) = write([(text, citations.as_slice())]);
        assert_eq!(sources, None);
        let again = read_grounding(&Json::of(&grounding.unwrap()));
        let again: Vec<Citation> = again.into_iter().map(|found| found.within(text)).collect();
        assert_eq!(again, citations);
    }

    #[test]
    fn documents_keep_their_names_and_texts() {
        let metadata = json!({"groundingChunks": [
            {"retrievedContext": {"title": "facts", "text": "Paris.", "fileSearchStore": "stores/1"}},
            {"retrievedContext": {"documentName": "documents/7",
                "ragChunk": {"text": "Rome.", "pageSpan": {"firstPage": 2, "lastPage": 2}}}}]});
        let found: Vec<_> =
            read_grounding(&Json::of(&metadata)).into_iter().map(|found| found.within("a")).collect();
        assert_eq!(found[1].place, Some(Place { unit: Unit::Pages, document: 1, start: 2, end: 3 }));
        let found = found.into_iter();
        let told: Vec<_> = found.map(|one| (one.name(), one.address(), one.cited_text)).collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                (text("facts"), text("document:stores%2F1"), text("Paris.")),
                (text("documents/7"), text("document:documents%2F7"), text("Rome.")),
            ]
        );
    }

    #[test]
    fn repeated_passages_keep_their_form() {
        let source = json!({"startIndex": 1, "endIndex": 3, "uri": "https://a.example", "license": "mit"});
        let found = read_sources(&Json::of(&json!({"citationSources": [source]})));
        let citation = found[0].clone().within("abcd");
        assert_eq!(citation.span, Some((1, 3)));
        let (sources, grounding) = write([("abcd", [citation].as_slice())]);
        assert_eq!((sources, grounding), (Some(json!({"citationSources": [source]})), None));
    }

    #[test]
    fn other_dialects_citations_become_chunks() {
        let citation = Citation {
            url: Some("https://a.example".into()),
            title: None,
            cited_text: None,
            span: Some((0, 2)),
            original: Some(Json::of(&json!({"type": "url_citation", "uri": "x"}))),
            ..Citation::default()
        };
        let (_, grounding) = write([("ab", [citation].as_slice())]);
        assert_eq!(
            grounding,
            Some(json!({"groundingChunks": [{"web": {"uri": "https://a.example"}}],
                "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 2, "text": "ab"},
                    "groundingChunkIndices": [0]}]}))
        );
        assert!(read_grounding(&Json::of(&"nonsense")).is_empty());
        assert_eq!(byte_of("é", 1), Some(2));
        assert_eq!(byte_of("é", 2), None);
    }
}
