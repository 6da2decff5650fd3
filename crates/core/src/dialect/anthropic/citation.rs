//! Citations (<https://platform.claude.com/docs/en/build-with-claude/citations>).
//!
//! The service verifies the citations of a history against its documents, so only its own may be sent back. Those that are
//! written for the source of another service are told by [`is_translated`].

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::dialect::canonical::{Citation, Json, Place, Unit};
use crate::json::lenient;

/// The fields of all types of citations.
#[derive(Deserialize, Default)]
struct Wire {
    r#type: Option<String>,
    url: Option<String>,
    title: Option<String>,
    document_title: Option<String>,
    source: Option<String>,
    cited_text: Option<String>,
    file_id: Option<String>,
    document_index: Option<u64>,
    search_result_index: Option<u64>,
    start_char_index: Option<u64>,
    end_char_index: Option<u64>,
    start_page_number: Option<u64>,
    end_page_number: Option<u64>,
    start_block_index: Option<u64>,
    end_block_index: Option<u64>,
}

/// Decodes a citation.
pub fn read(raw: &RawValue) -> Citation {
    let wire: Wire = lenient::nested(raw).unwrap_or_default();
    let place = place(&wire);
    let (address, source) = match wire.source {
        Some(source) if source.starts_with("http") => (Some(source), None),
        Some(source) => (None, Citation::document_at(&source).map(Cow::into_owned).or(Some(source.clone()))),
        None => (None, None),
    };
    Citation {
        url: wire.url.or(address),
        title: wire.title.or(wire.document_title),
        cited_text: wire.cited_text,
        span: None,
        source: source.or(wire.file_id),
        place,
        original: Some(Json::answered(raw)),
    }
}

fn place(wire: &Wire) -> Option<Place> {
    let blocks = (wire.start_block_index, wire.end_block_index);
    let (unit, document, (start, end)) = match wire.r#type.as_deref()? {
        "char_location" => {
            (Unit::Characters, wire.document_index, (wire.start_char_index, wire.end_char_index))
        }
        "page_location" => (Unit::Pages, wire.document_index, (wire.start_page_number, wire.end_page_number)),
        "content_block_location" => (Unit::Blocks, wire.document_index, blocks),
        "search_result_location" => (Unit::ResultBlocks, wire.search_result_index, blocks),
        _ => return None,
    };
    Some(Place { unit, document: document?, start: start?, end: end? })
}

/// A citation in this dialect: the original if it comes from there, else one of a web page for a source with an address, of a
/// document for one with a place in it, and of a search result for any other. `None` if nothing is known of the source.
pub fn write(citation: &Citation) -> Option<Json> {
    if let Some(original) = own(citation) {
        return Some(original.clone());
    }
    let cited_text = citation.cited_text.as_deref().unwrap_or_default();
    if let Some(url) = &citation.url {
        return Some(Json::of(&json!({
            "type": "web_search_result_location",
            "url": url,
            "title": citation.title,
            "cited_text": cited_text,
            "encrypted_index": "",
        })));
    }
    let name = citation.name()?;
    let document = |kind: &str, place: &Place, start: &str, end: &str| {
        json!({
            "type": kind,
            "cited_text": cited_text,
            "document_index": place.document,
            "document_title": name,
            "file_id": citation.source,
            start: place.start,
            end: place.end,
        })
    };
    let location = match citation.place {
        Some(place) if place.unit == Unit::Characters => {
            document("char_location", &place, "start_char_index", "end_char_index")
        }
        Some(place) if place.unit == Unit::Pages => {
            document("page_location", &place, "start_page_number", "end_page_number")
        }
        Some(place) if place.unit == Unit::Blocks => {
            document("content_block_location", &place, "start_block_index", "end_block_index")
        }
        place => json!({
            "type": "search_result_location",
            "cited_text": cited_text,
            "search_result_index": place.map_or(0, |place| place.document),
            "source": citation.address()?,
            "title": name,
            "start_block_index": place.map_or(0, |place| place.start),
            "end_block_index": place.map_or(1, |place| place.end),
        }),
    };
    Some(Json::of(&location))
}

/// The original citation of this dialect.
pub fn own(citation: &Citation) -> Option<&Json> {
    let original = citation.original.as_ref()?;
    let kind = original.to_value();
    kind.get("type")?.as_str()?.ends_with("_location").then_some(original)
}

/// The original citation of this dialect, if the service may have issued it.
pub fn issued(citation: &Citation) -> Option<&Json> {
    own(citation).filter(|original| !is_translated(&original.to_value()))
}

/// Whether a citation was written by [`write`] for the source of another service, as far as that shows.
fn is_translated(citation: &Value) -> bool {
    let text = |name: &str| citation.get(name).and_then(Value::as_str);
    text("encrypted_index") == Some("")
        || text("source").is_some_and(|source| Citation::document_at(source).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(citation: &Citation) -> Value {
        write(citation).unwrap().to_value()
    }

    #[test]
    fn sources_without_an_address_are_documents_and_results() {
        let text = |text: &str| Some(text.to_owned());
        let at = |unit| Some(Place { unit, document: 1, start: 2, end: 3 });
        let cited =
            |place| Citation { title: text("T"), cited_text: text("c"), place, ..Citation::default() };
        let document = |kind: &str, start: &str, end: &str| {
            json!({"type": kind, "cited_text": "c", "document_index": 1, "document_title": "T", "file_id": null,
                start: 2, end: 3})
        };
        for (place, expected) in [
            (at(Unit::Characters), document("char_location", "start_char_index", "end_char_index")),
            (at(Unit::Pages), document("page_location", "start_page_number", "end_page_number")),
            (at(Unit::Blocks), document("content_block_location", "start_block_index", "end_block_index")),
            (
                at(Unit::ResultBlocks),
                json!({"type": "search_result_location", "cited_text": "c", "search_result_index": 1,
                    "source": "document:T", "title": "T", "start_block_index": 2, "end_block_index": 3}),
            ),
            (
                None,
                json!({"type": "search_result_location", "cited_text": "c", "search_result_index": 0,
                    "source": "document:T", "title": "T", "start_block_index": 0, "end_block_index": 1}),
            ),
        ] {
            let citation = cited(place);
            assert_eq!(written(&citation), expected);
            let read_again = read(write(&citation).unwrap().raw());
            assert_eq!(
                (read_again.title.as_deref(), read_again.cited_text.as_deref()),
                (Some("T"), Some("c"))
            );
            assert!(read_again.place.is_some_and(|read| place.is_none_or(|place| read == place)));
        }
        assert_eq!(write(&Citation::default()), None);
    }

    #[test]
    fn only_what_the_service_issued_goes_back_to_it() {
        let of = |value: Value| Citation { original: Some(Json::of(&value)), ..Citation::default() };
        assert!(issued(&of(json!({"type": "page_location", "document_index": 0}))).is_some());
        for translated in [
            json!({"type": "web_search_result_location", "url": "u", "encrypted_index": ""}),
            json!({"type": "search_result_location", "source": "document:a"}),
            json!({"type": "url_citation"}),
        ] {
            assert_eq!(issued(&of(translated)), None);
        }
    }
}
