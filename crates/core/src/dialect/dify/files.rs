//! Images and documents as files.

use serde::Serialize;

use crate::dialect::canonical::{Media, Part};

/// A file as Dify expects it.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct File {
    r#type: &'static str,
    transfer_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_file_id: Option<String>,
}

/// Whether a part would be sent as a file.
pub fn is_file(part: &Part) -> bool {
    matches!(part, Part::Image { .. } | Part::Audio { .. } | Part::File { .. })
}

/// The file of a part; `None` if it would have to be uploaded first.
pub fn file(part: &Part) -> Option<File> {
    let (media, name, kind) = match part {
        Part::Image { media, .. } => (media, None, Some("image")),
        Part::Audio { media } => (media, None, Some("audio")),
        Part::File { media, name, .. } => (media, name.as_deref(), None),
        _ => return None,
    };
    match media {
        Media::Url { url, media_type } => Some(File {
            r#type: kind.unwrap_or_else(|| kind_of(media_type.as_deref(), name.unwrap_or(url))),
            transfer_method: "remote_url",
            url: Some(url.clone()),
            upload_file_id: None,
        }),
        Media::FileId { id } => Some(File {
            r#type: kind.unwrap_or_else(|| kind_of(None, name.unwrap_or_default())),
            transfer_method: "local_file",
            url: None,
            upload_file_id: Some(id.clone()),
        }),
        Media::Base64 { .. } => None,
    }
}

/// Dify's name of this kind of file.
fn kind_of(media_type: Option<&str>, name: &str) -> &'static str {
    let family = media_type.and_then(|media_type| media_type.split('/').next());
    let path = name.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match (family, ending.as_str()) {
        (Some("image"), _) | (None, "png" | "jpg" | "jpeg" | "gif" | "webp" | "svg") => "image",
        (Some("audio"), _) | (None, "mp3" | "m4a" | "wav" | "amr" | "mpga") => "audio",
        (Some("video"), _) | (None, "mp4" | "mov" | "mpeg" | "webm") => "video",
        _ => "document",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_type_or_ending() {
        for (media_type, name, kind) in [
            (Some("image/png"), "x", "image"),
            (Some("application/pdf"), "x.png", "document"),
            (None, "https://a.example/x.MP3?y=1", "audio"),
            (None, "x.mp4", "video"),
            (None, "x.pdf", "document"),
            (None, "", "document"),
        ] {
            assert_eq!(kind_of(media_type, name), kind);
        }
    }
}
