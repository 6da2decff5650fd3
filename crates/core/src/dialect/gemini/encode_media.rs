//! Images, audio and documents: `inlineData` and `fileData` (<https://ai.google.dev/api/caching#Part>).

use std::borrow::Cow;

use super::wire::{BlobOut, FileDataOut, PartOut};
use crate::dialect::canonical::Media;
use crate::dialect::upstream::constraints;

/// Files that were uploaded to the Gemini API have URLs.
const FILES_URL: &str = "https://generativelanguage.googleapis.com/v1beta/";

/// An image, audio or document; `None` for a file that another provider stores, and for a type that the service refuses.
pub(super) fn media_part<'a>(
    media: &'a Media,
    default_type: &'static str,
    display_name: Option<&'a str>,
) -> Option<PartOut<'a>> {
    let own = |media_type: &'a str| constraints::GEMINI.media.find(media_type).map(|(_, own)| own);
    let by_address = |file_uri: Cow<'a, str>, mime_type: Option<&'a str>| {
        let mime_type = own(mime_type.or_else(|| type_of_address(&file_uri)).unwrap_or(default_type))?;
        let file_data = Some(FileDataOut { mime_type: Cow::Borrowed(mime_type), file_uri });
        Some(PartOut { file_data, ..PartOut::default() })
    };
    match media {
        Media::Base64 { media_type, data } => {
            let mime_type = match own(media_type) {
                Some(own) => own,
                // Raw samples have parameters, which say how to read them.
                None if media_type.starts_with("audio/l16;") || media_type.starts_with("audio/pcm;") => {
                    media_type
                }
                None => return None,
            };
            let inline_data = Some(BlobOut { mime_type: Cow::Borrowed(mime_type), data, display_name });
            Some(PartOut { inline_data, ..PartOut::default() })
        }
        Media::Url { url, media_type } => by_address(Cow::Borrowed(url), media_type.as_deref()),
        Media::FileId { id } if id.starts_with("files/") => {
            by_address(Cow::Owned(format!("{FILES_URL}{id}")), None)
        }
        Media::FileId { id } if id.starts_with("gs://") || id.starts_with("https://") => {
            by_address(Cow::Borrowed(id), None)
        }
        Media::FileId { .. } => None,
    }
}

/// The media type by the extension of a URL.
fn type_of_address(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, ending) = path.rsplit_once('/')?.1.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "html" => "text/html",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "ogg" => "audio/ogg",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}
