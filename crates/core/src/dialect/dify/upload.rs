//! Inline files of a request are uploaded to Dify first; the request then refers to them by their ids.
//!
//! <https://docs.dify.ai/api-reference/files/file-upload>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::transcript;
use crate::dialect::canonical::{ChatRequest, Media, Part};

/// Most uploaded files of one request; the others are dropped and reported.
const MAX_UPLOADS: usize = 10;

/// The inline files to be uploaded. Where Dify stores the conversation, earlier files are there already.
pub fn uploads(request: &mut ChatRequest, is_continued: bool) -> Vec<&mut Media> {
    let from = if is_continued { transcript::last_turn(&request.messages) } else { 0 };
    let parts = request.messages.iter_mut().skip(from).flat_map(|message| &mut message.parts);
    parts
        .filter_map(|part| match part {
            Part::Image { media, .. } | Part::Audio { media } | Part::File { media, .. } => Some(media),
            _ => None,
        })
        .filter(|media| matches!(media, Media::Base64 { .. }))
        .take(MAX_UPLOADS)
        .collect()
}

/// The upload form of a file; `None` if it is not valid base64. The user must be that of the request.
#[must_use]
pub fn form(boundary: &str, user: &str, media: &Media) -> Option<Vec<u8>> {
    let Media::Base64 { media_type, data } = media else { return None };
    let bytes = STANDARD.decode(data.trim()).ok()?;
    let plain = |character: &char| character.is_ascii_alphanumeric() || "/.+-".contains(*character);
    let media_type: String = media_type.chars().filter(plain).collect();
    let ending: String = media_type
        .rsplit(['/', '+'])
        .next()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let user: String = user.chars().filter(|character| !character.is_control()).collect();
    let mut form = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"user\"\r\n\r\n{user}\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"file.{ending}\"\r\n\
         content-type: {media_type}\r\n\r\n"
    )
    .into_bytes();
    form.extend_from_slice(&bytes);
    form.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Some(form)
}

/// The id of the uploaded file.
#[must_use]
pub fn read_id(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Uploaded {
        id: String,
    }
    crate::json::lenient::read::<Uploaded>(body, &crate::json::lenient::Spare::default())
        .ok()
        .map(|uploaded| uploaded.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{Message, Role};

    #[test]
    fn a_form_carries_the_bytes_and_nothing_that_breaks_it() {
        let media = Media::Base64 { media_type: "image/svg+xml\r\nx: y".into(), data: "AAEC/w==".into() };
        let form = form("b", "an\r\nna", &media).unwrap();
        let text = String::from_utf8_lossy(&form);
        assert!(text.starts_with("--b\r\n") && text.ends_with("\r\n--b--\r\n"));
        assert!(text.contains("\r\n\r\nanna\r\n") && text.contains("content-type: image/svg+xmlxy\r\n"));
        assert!(form.windows(4).any(|window| window == [0, 1, 2, 255]));
        let bad = Media::Base64 { media_type: "image/png".into(), data: "%".into() };
        assert!(super::form("b", "u", &bad).is_none());
        assert_eq!(read_id(br#"{"id":"f-1","name":"x"}"#).as_deref(), Some("f-1"));
    }

    #[test]
    fn only_what_is_sent_is_uploaded() {
        let image = |data: &str| Part::Image {
            media: Media::Base64 { media_type: "image/png".into(), data: data.into() },
            detail: None,
            cache: None,
        };
        let said = |role, parts| Message::new(role, parts);
        let messages = vec![
            said(Role::User, vec![image("a")]),
            said(Role::Assistant, vec![Part::text("ok")]),
            said(Role::User, vec![Part::text("and?"), image("b")]),
        ];
        let mut request = ChatRequest { messages, ..ChatRequest::default() };
        assert_eq!(uploads(&mut request, false).len(), 2);
        assert_eq!(uploads(&mut request, true).len(), 1);
    }
}
