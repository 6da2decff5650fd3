//! Images, audio and documents as blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wire::{self, Block, Source};
use crate::dialect::canonical::Media;
use crate::dialect::canonical::limits::MediaForm;
use crate::dialect::upstream::constraints::BEDROCK;

/// Most characters of a document's name.
const MAX_NAME: usize = 200;

/// The block of an image, audio or document; `None` if the service does not support it or cannot access it. `names`
/// are those of earlier documents, which a new one must differ from.
pub fn block<'a>(media: &'a Media, name: Option<&str>, names: &mut Vec<String>) -> Option<Block<'a>> {
    let (source, (form, format)) = match media {
        Media::Base64 { media_type, data } => {
            // A request with invalid base64 is refused as a whole.
            STANDARD.decode(data).ok()?;
            (Source::Bytes(data), BEDROCK.media.find(media_type)?)
        }
        Media::Url { url, media_type } => {
            let form = media_type.as_deref().and_then(|kind| BEDROCK.media.find(kind));
            let form = form.or_else(|| form_of_ending(url.rsplit_once('.')?.1))?;
            (Source::S3Location { uri: Some(url.as_str()).filter(|url| url.starts_with("s3://"))? }, form)
        }
        Media::FileId { .. } => return None,
    };
    let media = |format, source| wire::Media { format, source };
    Some(match form {
        MediaForm::Picture => Block::Image(media(format, source)),
        MediaForm::Recording => Block::Audio(media(format, source)),
        MediaForm::Film => Block::Video(media(format, source)),
        MediaForm::Document => {
            Block::Document(wire::Document { format, name: new_name(name, names), source })
        }
    })
}

/// The media type of an image in an answer.
pub fn picture_type(format: &str) -> String {
    format!("image/{format}")
}

fn form_of_ending(ending: &str) -> Option<(MediaForm, &'static str)> {
    let ending = ending.to_ascii_lowercase();
    let ending = match ending.as_str() {
        "jpg" => "jpeg",
        "3gp" => "three_gp",
        "mpg" => "mpeg",
        other => other,
    };
    let types = BEDROCK.media;
    [
        (MediaForm::Picture, types.pictures.unwrap_or_default()),
        (MediaForm::Film, types.films),
        (MediaForm::Recording, types.recordings.unwrap_or_default()),
        (MediaForm::Document, types.documents.unwrap_or_default()),
    ]
    .into_iter()
    .find_map(|(form, names)| Some((form, names.iter().find(|(_, format)| *format == ending)?.1)))
    .or_else(|| {
        types.plain_text.filter(|format| *format == ending).map(|format| (MediaForm::Document, format))
    })
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
