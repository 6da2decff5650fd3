//! Images, audio and documents, as far as their tokens can be determined.
//!
//! An inline image has its size in its file. Media at a URL are not fetched: an image counts as 1024 by 1024 pixels.
//! The length of audio follows from its size and the usual bit rate of its format, a document's pages from its size;
//! both are estimates, and such a count is never exact.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_edge_core::dialect::canonical::Media;
use nexus_edge_tokens::chat::images::{Detail, Image};

use crate::image_size;

/// The side of an image of unknown size, in pixels.
const UNKNOWN_SIDE: u32 = 1024;
/// How many bytes of an image are decoded to find its size: cameras put a thumbnail before it.
const HEAD_BYTES: usize = 192 << 10;
/// Bytes per page of a document that is not text, and tokens of such a page. Anthropic ("PDF support") documents
/// 1,500 to 3,000 tokens.
const PAGE_BYTES: usize = 50_000;
const PAGE_TOKENS: u64 = 2_000;

/// An image for counting.
pub fn image(media: &Media, detail: Option<&str>) -> Image {
    let size = match media {
        Media::Base64 { data, .. } => image_size::of(&decode_head(data, HEAD_BYTES)),
        Media::Url { .. } | Media::FileId { .. } => None,
    };
    let (width, height) = size.unwrap_or((UNKNOWN_SIDE, UNKNOWN_SIDE));
    let detail = match detail {
        Some("low") => Detail::Low,
        Some("high") => Detail::High,
        Some("original") => Detail::Original,
        _ => Detail::Auto,
    };
    Image { width, height, detail }
}

/// Estimated length of audio, in milliseconds.
pub fn audio_milliseconds(media: &Media) -> u64 {
    /// Audio that is not inline.
    const UNKNOWN: u64 = 10_000;
    let Media::Base64 { media_type, data } = media else { return UNKNOWN };
    let bytes = (data.len() / 4 * 3) as u64;
    let head = decode_head(data, 64);
    // A WAV file contains its bytes per second.
    if head.starts_with(b"RIFF")
        && let Some(rate) = head.get(28..32).and_then(<[u8]>::first_chunk::<4>)
    {
        let rate = u64::from(u32::from_le_bytes(*rate)).max(1);
        return bytes.saturating_sub(44).saturating_mul(1000) / rate;
    }
    let bytes_per_millisecond = match media_type.as_str() {
        // 24,000 samples a second, two bytes each.
        "audio/pcm" | "audio/pcm16" | "audio/l16" | "audio/wav" => 48,
        "audio/opus" | "audio/ogg" | "audio/webm" => 4,
        // 128 kbit a second.
        _ => 16,
    };
    bytes / bytes_per_millisecond
}

/// A document: its text, or its estimated tokens if it is not text.
pub enum Document {
    /// The text.
    Text(String),
    /// Tokens.
    Pages(u64),
}

/// A document for counting.
pub fn document(media: &Media) -> Document {
    let Media::Base64 { media_type, data } = media else { return Document::Pages(PAGE_TOKENS) };
    let is_text = media_type.starts_with("text/") || media_type == "application/json";
    if is_text
        && let Ok(bytes) = STANDARD.decode(data)
        && let Ok(text) = String::from_utf8(bytes)
    {
        return Document::Text(text);
    }
    Document::Pages((data.len() / 4 * 3).div_ceil(PAGE_BYTES).max(1) as u64 * PAGE_TOKENS)
}

/// The first bytes of a file; empty if it is not base64.
fn decode_head(data: &str, bytes: usize) -> Vec<u8> {
    let length = data.len().min(bytes.div_ceil(3) * 4) / 4 * 4;
    data.get(..length).and_then(|head| STANDARD.decode(head).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inline(media_type: &str, bytes: &[u8]) -> Media {
        Media::Base64 { media_type: media_type.to_owned(), data: STANDARD.encode(bytes) }
    }

    #[test]
    fn a_picture_in_the_request_says_its_size() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\0\0\0\x01\0 and more";
        let seen = image(&inline("image/png", png), Some("low"));
        assert_eq!((seen.width, seen.height, seen.detail), (512, 256, Detail::Low));
        for media in [inline("image/png", b"no picture"), Media::from_url("https://example.org/a.png")] {
            assert_eq!(image(&media, None).width, UNKNOWN_SIDE);
        }
        let broken = Media::Base64 { media_type: "image/png".to_owned(), data: "é!".to_owned() };
        assert_eq!(image(&broken, None).width, UNKNOWN_SIDE);
    }

    #[test]
    fn recordings_are_as_long_as_their_bytes_say() {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(16_000_u32.to_le_bytes());
        wav.extend(32_000_u32.to_le_bytes());
        wav.resize(44 + 64_000, 0);
        assert!(audio_milliseconds(&inline("audio/wav", &wav)).abs_diff(2000) < 2);
        assert_eq!(audio_milliseconds(&inline("audio/mpeg", &vec![0; 48_000])), 3000);
        wav[28..32].fill(0);
        assert!(audio_milliseconds(&inline("audio/wav", &wav)) > 0);
    }

    #[test]
    fn a_text_document_is_text_and_any_other_has_pages() {
        assert!(matches!(document(&inline("text/plain", b"Hello")), Document::Text(text) if text == "Hello"));
        assert!(matches!(document(&inline("text/plain", b"\xff")), Document::Pages(2000)));
        assert!(matches!(document(&inline("application/pdf", &vec![0; 120_000])), Document::Pages(6000)));
    }
}
