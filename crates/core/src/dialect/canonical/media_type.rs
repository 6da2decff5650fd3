//! Media types and inline data as callers write them, in one form.
//!
//! A media type is case-insensitive, may have parameters, and many have more than one name; base64 may be broken into
//! lines, in the URL-safe alphabet or without padding. Decoders of callers read all of it through [`super::Media`], so
//! that every encoder gets a lower-case type without parameters under its registered name, and standard base64.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Other names of media types, and the registered ones (<https://www.iana.org/assignments/media-types>).
const ALIASES: &[(&str, &str)] = &[
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/x-png", "image/png"),
    ("image/x-ms-bmp", "image/bmp"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/x-mp3", "audio/mpeg"),
    ("audio/mpeg3", "audio/mpeg"),
    ("audio/x-mpeg", "audio/mpeg"),
    ("audio/x-mpeg-3", "audio/mpeg"),
    ("audio/mpga", "audio/mpeg"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/x-pn-wav", "audio/wav"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/x-flac", "audio/flac"),
    ("audio/x-aac", "audio/aac"),
    ("audio/aacp", "audio/aac"),
    ("audio/x-aiff", "audio/aiff"),
    ("audio/aif", "audio/aiff"),
    ("audio/oga", "audio/ogg"),
    ("video/mov", "video/quicktime"),
    ("video/avi", "video/x-msvideo"),
    ("video/mkv", "video/x-matroska"),
    ("video/mpg", "video/mpeg"),
    ("video/mpegps", "video/mpeg"),
    ("video/flv", "video/x-flv"),
    ("video/wmv", "video/x-ms-wmv"),
    ("application/x-pdf", "application/pdf"),
    ("application/acrobat", "application/pdf"),
    ("text/pdf", "application/pdf"),
    ("application/csv", "text/csv"),
    ("text/comma-separated-values", "text/csv"),
    ("text/x-markdown", "text/markdown"),
    ("text/md", "text/markdown"),
    ("text/json", "application/json"),
    ("text/xml", "application/xml"),
    ("text/yaml", "application/yaml"),
    ("text/x-yaml", "application/yaml"),
    ("application/x-yaml", "application/yaml"),
    ("text/javascript", "application/javascript"),
    ("application/x-javascript", "application/javascript"),
    ("application/ecmascript", "application/javascript"),
];

/// The type in lower case, without parameters, under its registered name. Those of raw samples keep their parameters,
/// which say how to read them.
pub(super) fn canonical(written: &str) -> String {
    let bare = written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if matches!(bare.as_str(), "audio/l16" | "audio/pcm") {
        return written.trim().to_ascii_lowercase();
    }
    match ALIASES.iter().find(|(alias, _)| *alias == bare) {
        Some((_, registered)) => (*registered).to_owned(),
        None => bare,
    }
}

/// What the first bytes of a picture say about its type. Services refuse a picture whose type is another than stated.
pub(super) fn picture_type_of(base64: &str) -> Option<&'static str> {
    const BEGINNINGS: &[(&str, &str)] =
        &[("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif")];
    let known = BEGINNINGS.iter().find(|(beginning, _)| base64.starts_with(beginning));
    if let Some((_, media_type)) = known {
        return Some(media_type);
    }
    let head = STANDARD.decode(base64.get(..16)?).ok()?;
    (head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP")).then_some("image/webp")
}

/// Standard base64 with padding. Data that is no base64 in any alphabet stays as it is.
pub(super) fn standard_base64(data: &str) -> Cow<'_, str> {
    let is_standard = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let body = data.trim_end_matches('=');
    if data.len().is_multiple_of(4) && data.len() - body.len() <= 2 && body.bytes().all(is_standard) {
        return Cow::Borrowed(data);
    }
    let mut out = String::with_capacity(data.len() + 3);
    for byte in data.bytes() {
        match byte {
            b'-' => out.push('+'),
            b'_' => out.push('/'),
            b'=' => {}
            _ if byte.is_ascii_whitespace() => {}
            _ if is_standard(byte) => out.push(char::from(byte)),
            _ => return Cow::Borrowed(data),
        }
    }
    if out.len() % 4 == 1 {
        return Cow::Borrowed(data);
    }
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    Cow::Owned(out)
}

/// Media type and base64 of a `data:` URL (RFC 2397); `None` for any other URL.
pub(super) fn data_url(url: &str) -> Option<(String, String)> {
    let url = url.trim();
    let rest = url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and(url.get(5..))?;
    let (head, data) = rest.split_once(',')?;
    let is_base64 = head.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    let head = if is_base64 { head.rsplit_once(';').map_or("", |(head, _)| head) } else { head };
    let written =
        if head.split(';').next().unwrap_or_default().trim().is_empty() { "text/plain" } else { head };
    let data = if is_base64 {
        let data = if data.contains('%') {
            Cow::Owned(String::from_utf8_lossy(&unescaped(data)).into_owned())
        } else {
            Cow::Borrowed(data)
        };
        standard_base64(&data).into_owned()
    } else {
        STANDARD.encode(unescaped(data))
    };
    Some((canonical(&String::from_utf8_lossy(&unescaped(written))), data))
}

/// Resolves `%XX`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_for_every_type() {
        for (written, name) in [
            ("IMAGE/PNG", "image/png"),
            ("image/jpg", "image/jpeg"),
            ("image/png;charset=utf-8", "image/png"),
            (" application/pdf ; name=\"a;b.pdf\"", "application/pdf"),
            ("audio/x-wav", "audio/wav"),
            ("audio/L16;rate=24000", "audio/l16;rate=24000"),
            ("x/unknown", "x/unknown"),
        ] {
            assert_eq!(canonical(written), name);
        }
    }

    #[test]
    fn every_data_url_is_read() {
        for (url, media_type, data) in [
            ("data:image/png;base64,iVBO", "image/png", "iVBO"),
            ("DATA:IMAGE/PNG;BASE64,iVBO", "image/png", "iVBO"),
            ("data:image/png;charset=utf-8;base64,iVBO", "image/png", "iVBO"),
            ("data:application/pdf;name=a.pdf;base64,JVBERi0xLjQ=", "application/pdf", "JVBERi0xLjQ="),
            ("data:image/png;base64,iV\r\nBO\n", "image/png", "iVBO"),
            ("data:image/png;base64,iV-_", "image/png", "iV+/"),
            ("data:image/png;base64,iVBO%2Bw%3D%3D", "image/png", "iVBO+w=="),
            ("data:image/png;base64,iVBOAA", "image/png", "iVBOAA=="),
            ("data:image/png;base64,iVBOAA=", "image/png", "iVBOAA=="),
            ("data:,hi%20you", "text/plain", "aGkgeW91"),
            ("data:text/html,<b>x</b>", "text/html", "PGI+eDwvYj4="),
            ("data:;base64,aGk=", "text/plain", "aGk="),
            (" data:image/gif;base64,R0lG ", "image/gif", "R0lG"),
            ("data:image/png;base64,100%!", "image/png", "100%!"),
        ] {
            assert_eq!(data_url(url), Some((media_type.to_owned(), data.to_owned())), "{url}");
        }
        for url in ["https://a.example/x.png", "data", "data:image/png;base64", "gs://b/x", ""] {
            assert_eq!(data_url(url), None, "{url}");
        }
    }

    #[test]
    fn the_first_bytes_tell_the_type_of_a_picture() {
        for (data, media_type) in [
            ("iVBORw0KGgoAAAA", Some("image/png")),
            ("/9j/4AAQ", Some("image/jpeg")),
            ("R0lGODlh", Some("image/gif")),
            ("UklGRiQAAABXRUJQVlA4", Some("image/webp")),
            ("UklGRiQAAABXQVZFZm10", None),
            ("AAAA", None),
        ] {
            assert_eq!(picture_type_of(data), media_type, "{data}");
        }
    }
}
