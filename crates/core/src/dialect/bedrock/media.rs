//! Images, audio and documents as blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wire::{self, Block, Source};
use crate::dialect::canonical::Media;

/// Media types of each kind of content, with the service's names of their formats.
const PICTURES: &[(&str, &str)] = &[
    ("image/png", "png"),
    ("image/jpeg", "jpeg"),
    ("image/jpg", "jpeg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
];
const RECORDINGS: &[(&str, &str)] = &[
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/flac", "flac"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/aac", "aac"),
    ("audio/mp4", "m4a"),
    ("audio/m4a", "m4a"),
    ("audio/webm", "webm"),
    ("audio/pcm", "pcm"),
];
const FILMS: &[(&str, &str)] = &[
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/x-matroska", "mkv"),
    ("video/webm", "webm"),
    ("video/x-flv", "flv"),
    ("video/mpeg", "mpeg"),
    ("video/x-ms-wmv", "wmv"),
    ("video/3gpp", "three_gp"),
];
const DOCUMENTS: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("text/html", "html"),
    ("text/markdown", "md"),
    ("application/json", "txt"),
    ("application/xml", "txt"),
    ("application/yaml", "txt"),
    ("application/javascript", "txt"),
];

/// Most characters of a document's name.
const MAX_NAME: usize = 200;

/// The block of a kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Picture(&'static str),
    Recording(&'static str),
    Film(&'static str),
    Document(&'static str),
}

/// The block of an image, audio or document; `None` if the service does not support it or cannot access it. `names`
/// are those of earlier documents, which a new one must differ from.
pub fn block<'a>(media: &'a Media, name: Option<&str>, names: &mut Vec<String>) -> Option<Block<'a>> {
    let (source, form) = match media {
        Media::Base64 { media_type, data } => {
            // A request with invalid base64 is refused as a whole.
            STANDARD.decode(data).ok()?;
            (Source::Bytes(data), form_of_type(media_type)?)
        }
        Media::Url { url, media_type } => {
            let form = media_type.as_deref().and_then(form_of_type);
            let form = form.or_else(|| form_of_ending(url.rsplit_once('.')?.1))?;
            (Source::S3Location { uri: Some(url.as_str()).filter(|url| url.starts_with("s3://"))? }, form)
        }
        Media::FileId { .. } => return None,
    };
    let media = |format, source| wire::Media { format, source };
    Some(match form {
        Form::Picture(format) => Block::Image(media(format, source)),
        Form::Recording(format) => Block::Audio(media(format, source)),
        Form::Film(format) => Block::Video(media(format, source)),
        Form::Document(format) => {
            Block::Document(wire::Document { format, name: new_name(name, names), source })
        }
    })
}

/// The media type of an image in an answer.
pub fn picture_type(format: &str) -> String {
    format!("image/{format}")
}

fn form_of_type(media_type: &str) -> Option<Form> {
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let find = |table: &'static [(&str, &'static str)]| {
        table.iter().find(|(name, _)| *name == kind).map(|(_, format)| *format)
    };
    find(PICTURES)
        .map(Form::Picture)
        .or_else(|| find(RECORDINGS).map(Form::Recording))
        .or_else(|| find(FILMS).map(Form::Film))
        .or_else(|| find(DOCUMENTS).map(Form::Document))
        .or_else(|| kind.starts_with("text/").then_some(Form::Document("txt")))
}

fn form_of_ending(ending: &str) -> Option<Form> {
    let ending = ending.to_ascii_lowercase();
    let ending = match ending.as_str() {
        "jpg" => "jpeg",
        "3gp" => "three_gp",
        "mpg" => "mpeg",
        other => other,
    };
    let find = |table: &'static [(&'static str, &'static str)]| {
        table.iter().find(|(_, format)| *format == ending).map(|(_, format)| *format)
    };
    find(PICTURES)
        .map(Form::Picture)
        .or_else(|| find(FILMS).map(Form::Film))
        .or_else(|| find(RECORDINGS).map(Form::Recording))
        .or_else(|| find(DOCUMENTS).map(Form::Document))
}

/// A name of accepted characters that no earlier document has: letters, digits, single spaces, hyphens and brackets.
fn new_name(name: Option<&str>, names: &mut Vec<String>) -> String {
    let name = name.map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem)).unwrap_or_default();
    let is_accepted =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '(' | ')' | '[' | ']');
    let spelled: String =
        name.chars().map(|letter| if is_accepted(letter) { letter } else { ' ' }).take(MAX_NAME).collect();
    let mut name = spelled.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        "document".clone_into(&mut name);
    }
    let base = name.clone();
    let mut number = 2;
    while names.contains(&name) {
        name = format!("{base} ({number})");
        number += 1;
    }
    names.push(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_accepted_and_different() {
        let mut names = Vec::new();
        for (given, name) in [
            (Some("Q3_report: final.pdf"), "Q3 report final"),
            (None, "document"),
            (Some("Q3/report  final.docx"), "Q3 report final (2)"),
            (Some("…"), "document (2)"),
            (Some("a [1] (b)-c"), "a [1] (b)-c"),
        ] {
            assert_eq!(new_name(given, &mut names), name);
        }
    }

    #[test]
    fn what_the_service_cannot_get_at_is_no_block() {
        let url = |url: &str| Media::Url { url: url.into(), media_type: None };
        let json = |media: &Media| {
            block(media, None, &mut Vec::new()).map(|block| serde_json::to_value(block).unwrap())
        };
        assert_eq!(json(&url("https://a.example/x.png")), None);
        assert_eq!(
            json(&url("s3://bucket/x.JPG")),
            Some(
                serde_json::json!({"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/x.JPG"}}}})
            )
        );
        assert_eq!(json(&Media::Base64 { media_type: "image/tiff".into(), data: "AAAA".into() }), None);
        assert_eq!(json(&Media::Base64 { media_type: "image/png".into(), data: "no base64".into() }), None);
    }
}
