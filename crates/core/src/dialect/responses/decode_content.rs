//! The content of messages and tool outputs: a string, or a list of parts.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::extra::{Extra, carry};
use crate::dialect::canonical::{CacheControl, Citation, Json, Media, Part};
use crate::error::ApiError;
use crate::json::error::{unknown_value, wrong_type};
use crate::json::fields::{Fields, Policy};
use crate::json::lenient::{self, Object};
use crate::json::object::Kind;

/// The context of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A message of the caller.
    Message,
    /// A message of the assistant: it was written by a provider, of any kind, and comes back as it was. Nothing in it
    /// is a reason to refuse the request; what has no canonical form is reported as dropped.
    Answer,
    ToolOutput,
}

const MESSAGE_PARTS: &[&str] =
    &["input_text", "input_image", "input_file", "input_audio", "output_text", "refusal"];
const OUTPUT_PARTS: &[&str] = &["input_text", "input_image", "input_file"];

/// Decodes content. What has no canonical form goes into `extra`.
pub(super) fn parts(
    value: &RawValue,
    path: &str,
    content: Content,
    extra: &mut Extra,
) -> Result<Vec<Part>, ApiError> {
    match Kind::of(value) {
        // Half of a UTF-16 pair in what a provider wrote is no fault of the caller's.
        Kind::String if content == Content::Answer => {
            Ok(lenient::string(value).map(|text| vec![Part::text(text)]).unwrap_or_default())
        }
        Kind::String => Ok(vec![Part::text(Policy::PLAIN.string(value, path)?)]),
        Kind::Array => {
            let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
            let items = items.into_iter().enumerate();
            let mut parts = Vec::new();
            for (index, item) in items {
                let path = format!("{path}[{index}]");
                if content == Content::Answer {
                    match said_part(item, &path, extra) {
                        Some(part) => parts.push(part),
                        None => _ = extra.insert(path, Json::carried(item)),
                    }
                } else {
                    parts.push(part(item, path, content, extra)?);
                }
            }
            Ok(parts)
        }
        found => Err(wrong_type(path, "a string or an array", found)),
    }
}

/// A part of an earlier answer; `None` if it has no canonical form.
fn said_part(value: &RawValue, path: &str, extra: &mut Extra) -> Option<Part> {
    let object = Object::of(value)?;
    let field = |name: &str| object.get(name).and_then(lenient::string).map(Cow::into_owned);
    match field("type")?.as_str() {
        "text" => field("text").map(Part::text),
        "reasoning_text" | "summary_text" => Some(Part::Thinking { text: field("text")?, signature: None }),
        _ => part(Json::answered(value).raw(), path.to_owned(), Content::Answer, extra).ok(),
    }
}

fn part(value: &RawValue, path: String, content: Content, extra: &mut Extra) -> Result<Part, ApiError> {
    let fields = Policy::PLAIN.read(value, path)?;
    let kind = fields.required_string("type")?;
    match (kind.as_str(), content) {
        ("input_text", _) | ("text" | "output_text", Content::ToolOutput) => Ok(Part::Text {
            text: fields.required_string("text")?,
            citations: Vec::new(),
            cache: cache(&fields)?,
        }),
        ("output_text", _) => Ok(Part::Text {
            text: fields.required_string("text")?,
            citations: citations(&fields),
            cache: cache(&fields)?,
        }),
        ("refusal", Content::Message | Content::Answer) => {
            Ok(Part::Refusal { text: fields.required_string("refusal")? })
        }
        ("input_image", _) => image(&fields),
        ("input_file", _) => file(&fields, extra),
        ("input_audio", Content::Message | Content::Answer) => audio(&fields),
        (other, Content::Message | Content::Answer) => {
            Err(unknown_value(fields.path("type"), other, MESSAGE_PARTS))
        }
        (other, Content::ToolOutput) => Err(unknown_value(fields.path("type"), other, OUTPUT_PARTS)),
    }
}

/// A cache mark. `OpenAI` has half an hour and half a day, others five minutes and an hour: the short lifetime is the
/// default everywhere, the long one the longest that there is.
fn cache(fields: &Fields<'_>) -> Result<Option<CacheControl>, ApiError> {
    let Some(mark) = fields.object("prompt_cache_breakpoint")? else { return Ok(None) };
    let ttl = mark.string("ttl")?.filter(|ttl| ttl != "30m");
    Ok(Some(CacheControl { ttl: ttl.map(|_| "1h".to_owned()) }))
}

fn image(fields: &Fields<'_>) -> Result<Part, ApiError> {
    let media = match (fields.string("image_url")?, fields.string("file_id")?) {
        (Some(url), _) => Media::from_url(&url),
        (None, Some(id)) => Media::FileId { id },
        (None, None) => return Err(fields.missing("image_url")),
    };
    Ok(Part::Image { media, detail: fields.string("detail")?, cache: cache(fields)? })
}

fn file(fields: &Fields<'_>, extra: &mut Extra) -> Result<Part, ApiError> {
    let name = fields.string("filename")?;
    let media = match (fields.string("file_data")?, fields.string("file_url")?, fields.string("file_id")?) {
        (Some(data), _, _) => inline_file(data, name.as_deref()),
        (None, Some(url), _) => Media::from_url(&url),
        (None, None, Some(id)) => Media::FileId { id },
        (None, None, None) => return Err(fields.missing("file_data")),
    };
    // The resolution of a document's pages; no other dialect has it.
    carry(fields, "detail", extra);
    Ok(Part::File { media, name, cache: cache(fields)? })
}

/// File data is a `data:` URL, or plain base64 whose type only the name tells.
fn inline_file(data: String, name: Option<&str>) -> Media {
    match Media::from_url(&data) {
        media @ Media::Base64 { .. } => media,
        _ => Media::inline(media_type_of(name), data),
    }
}

fn media_type_of(name: Option<&str>) -> &'static str {
    let extension = name.and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
    match extension.as_deref() {
        Some("txt" | "log" | "rs" | "py" | "js" | "ts") => "text/plain",
        Some("md") => "text/markdown",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some("pptx") => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => "application/pdf",
    }
}

fn audio(fields: &Fields<'_>) -> Result<Part, ApiError> {
    let audio = fields.required_object("input_audio")?;
    let media_type = match audio.required_string("format")?.as_str() {
        "mp3" => "audio/mpeg".to_owned(),
        format => format!("audio/{format}"),
    };
    Ok(Part::Audio { media: Media::inline(&media_type, audio.required_string("data")?) })
}

/// The citations of text in earlier answers. Services write them in many shapes; what is not understood is carried.
fn citations(fields: &Fields<'_>) -> Vec<Citation> {
    let annotations = fields.array("annotations").unwrap_or_default();
    let annotations = annotations.into_iter().map(|(path, value)| {
        let annotation = Policy::PLAIN.read(value, path).ok();
        let text = |name| annotation.as_ref().and_then(|fields| fields.string(name).ok().flatten());
        let place = |name| annotation.as_ref().and_then(|fields| fields.unsigned(name).ok().flatten());
        Citation {
            url: text("url"),
            title: text("title").or_else(|| text("filename")),
            cited_text: None,
            span: place("start_index").zip(place("end_index")),
            source: text("file_id"),
            place: None,
            original: Some(Json::carried(value)),
        }
    });
    annotations.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(content: &serde_json::Value, kind: Content) -> Result<(Vec<Part>, Extra), ApiError> {
        let mut extra = Extra::new();
        let parts = parts(Json::of(content).raw(), "c", kind, &mut extra)?;
        Ok((parts, extra))
    }

    #[test]
    fn media_come_as_address_data_or_id() {
        let (parts, extra) = read(
            &json!([
                {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "low"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBOR", "file_id": null},
                {"type": "input_image", "file_id": "file_1"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,JVBER", "filename": "a.pdf"},
                {"type": "input_file", "file_data": "YSxi", "filename": "t.CSV", "detail": "high"},
                {"type": "input_file", "file_url": "https://a.example/x.pdf"},
                {"type": "input_audio", "input_audio": {"data": "UklGR", "format": "wav"}},
                {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
            ]),
            Content::Message,
        )
        .unwrap();
        let base64 =
            |media_type: &str, data: &str| Media::Base64 { media_type: media_type.into(), data: data.into() };
        let url = |url: &str| Media::Url { url: url.into(), media_type: None };
        assert_eq!(
            parts,
            [
                Part::Image {
                    media: url("https://a.example/x.png"),
                    detail: Some("low".into()),
                    cache: None
                },
                Part::Image { media: base64("image/png", "iVBOR"), detail: None, cache: None },
                Part::Image { media: Media::FileId { id: "file_1".into() }, detail: None, cache: None },
                Part::File {
                    media: base64("application/pdf", "JVBER"),
                    name: Some("a.pdf".into()),
                    cache: None
                },
                Part::File { media: base64("text/csv", "YSxi"), name: Some("t.CSV".into()), cache: None },
                Part::File { media: url("https://a.example/x.pdf"), name: None, cache: None },
                Part::Audio { media: base64("audio/wav", "UklGR") },
                Part::Audio { media: base64("audio/mpeg", "SUQz") },
            ]
        );
        assert_eq!(extra.keys().collect::<Vec<_>>(), ["c[4].detail"]);
    }

    #[test]
    fn text_keeps_its_sources_and_marks() {
        let annotation = json!({"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 1, "end_index": 3});
        let (parts, _) = read(
            &json!([
                {"type": "output_text", "text": "abc", "annotations": [annotation], "logprobs": []},
                {"type": "refusal", "refusal": "No."},
                {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "input_text", "text": "y", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
            ]),
            Content::Message,
        )
        .unwrap();
        let Part::Text { citations, .. } = &parts[0] else { panic!("text") };
        assert_eq!(citations[0].span, Some((1, 3)));
        assert_eq!(citations[0].original, Some(Json::of(&annotation)));
        assert_eq!(parts[1], Part::Refusal { text: "No.".into() });
        assert!(matches!(&parts[2], Part::Text { cache: Some(CacheControl { ttl: None }), .. }));
        assert!(
            matches!(&parts[3], Part::Text { cache: Some(CacheControl { ttl: Some(ttl) }), .. } if ttl == "1h")
        );
    }

    #[test]
    fn errors_name_the_part() {
        for (content, kind, code, param) in [
            (json!(1), Content::Message, "invalid_type", "c"),
            (json!(["x"]), Content::Message, "invalid_type", "c[0]"),
            (json!([{"text": "x"}]), Content::Message, "missing_required_parameter", "c[0].type"),
            (json!([{"type": "text", "text": "x"}]), Content::Message, "invalid_value", "c[0].type"),
            (json!([{"type": "refusal", "refusal": "x"}]), Content::ToolOutput, "invalid_value", "c[0].type"),
            (json!([{"type": "input_text", "text": 1}]), Content::Message, "invalid_type", "c[0].text"),
            (
                json!([{"type": "input_image"}]),
                Content::Message,
                "missing_required_parameter",
                "c[0].image_url",
            ),
            (
                json!([{"type": "input_file"}]),
                Content::Message,
                "missing_required_parameter",
                "c[0].file_data",
            ),
            (
                json!([{"type": "input_audio", "input_audio": {"data": "x"}}]),
                Content::Message,
                "missing_required_parameter",
                "c[0].input_audio.format",
            ),
        ] {
            let error = read(&content, kind).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{content}");
        }
    }
}
