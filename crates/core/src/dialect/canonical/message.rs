//! Messages and their parts.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::citation::Citation;
use super::json::Json;
use super::limits::is_text;
use super::media_type;
use super::origin::SignatureOrigin;

/// The role of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions of the operator.
    System,
    /// The same under `OpenAI`'s newer name.
    Developer,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// Results of tool calls. Each is a [`Part::ToolResult`].
    Tool,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its role.
    pub role: Role,
    /// Its content, in order.
    pub parts: Vec<Part>,
    /// Name of the participant, where the dialect has one.
    pub name: Option<String>,
}

impl Message {
    /// A message of these parts.
    #[must_use]
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None }
    }

    /// All text parts, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Part::as_text).collect()
    }
}

/// A part of the content.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Its citations.
        citations: Vec<Citation>,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// An image.
    Image {
        /// Its source.
        media: Media,
        /// `low`, `high`, `auto` …
        detail: Option<String>,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// Audio.
    Audio {
        /// Its source; the media type is `audio/…`.
        media: Media,
    },
    /// A document.
    File {
        /// Its source.
        media: Media,
        /// Its name.
        name: Option<String>,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// A tool call.
    ToolCall {
        /// Id of the call, for its result.
        id: String,
        /// Name of the tool.
        name: String,
        /// The arguments as the model wrote them: JSON text, usually of an object, possibly empty.
        arguments: String,
        /// The provider's signature of the reasoning behind the call (Gemini), to be sent back with it.
        signature: Option<String>,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// The result of a tool call.
    ToolResult {
        /// Id of the call.
        call_id: String,
        /// Name of the tool, where the dialect has it.
        name: Option<String>,
        /// The result: text and images.
        parts: Vec<Part>,
        /// Whether the tool failed.
        is_error: bool,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// A thinking block: reasoning before the answer.
    Thinking {
        /// The reasoning, or a summary of it; may be empty where there is only a signature.
        text: String,
        /// The provider's signature of it, to be sent back unchanged.
        signature: Option<String>,
    },
    /// An encrypted thinking block, to be sent back unchanged.
    RedactedThinking {
        /// Opaque.
        data: String,
    },
    /// A block of a provider's server tool (a search, its results), in the provider's format: to be sent back
    /// unchanged, and to this provider only. The model's text about it is ordinary text.
    ProviderBlock {
        /// The vendor.
        origin: SignatureOrigin,
        /// The block, an object with a `type`.
        block: Json,
    },
    /// A refusal of the model.
    Refusal {
        /// Its text.
        text: String,
    },
}

impl Part {
    /// Plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), citations: Vec::new(), cache: None }
    }

    /// The text of a text part.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// The source of an image, recording or document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// A URL that the provider fetches. The media type is known only if the caller gave it.
    Url {
        /// The URL.
        url: String,
        /// `image/png` …
        media_type: Option<String>,
    },
    /// Inline data. Decoders of requests create it with [`Media::inline`] or [`Media::from_url`].
    Base64 {
        /// `image/png`, `application/pdf`, `audio/wav` …: in lower case, without parameters, under its registered
        /// name.
        media_type: String,
        /// Standard base64.
        data: String,
    },
    /// A file that was uploaded to the provider before.
    FileId {
        /// The provider's id of it.
        id: String,
    },
}

impl Media {
    /// Parses a URL; a `data:` URL becomes [`Media::Base64`].
    #[must_use]
    pub fn from_url(url: &str) -> Self {
        match media_type::data_url(url) {
            Some((media_type, data)) => Self::of_canonical(media_type, data),
            None => Self::Url { url: url.to_owned(), media_type: None },
        }
    }

    /// Inline data as a caller wrote it: the media type in any spelling, base64 in any alphabet and with line breaks.
    #[must_use]
    pub fn inline(media_type: &str, data: String) -> Self {
        let data = match media_type::standard_base64(&data) {
            Cow::Borrowed(_) => data,
            Cow::Owned(standard) => standard,
        };
        Self::of_canonical(media_type::canonical(media_type), data)
    }

    /// A URL that the provider fetches, whose media type the caller wrote in any spelling.
    #[must_use]
    pub fn at(url: String, media_type: Option<&str>) -> Self {
        Self::Url { url, media_type: media_type.map(media_type::canonical) }
    }

    /// The words of an inline document of text: of any `text/…`, JSON, XML and the like.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let Self::Base64 { media_type, data } = self else { return None };
        let bytes = is_text(media_type).then(|| STANDARD.decode(data).ok()).flatten()?;
        String::from_utf8(bytes).ok()
    }

    /// The media type, if it is known.
    #[must_use]
    pub fn media_type(&self) -> Option<&str> {
        match self {
            Self::Base64 { media_type, .. } => Some(media_type),
            Self::Url { media_type, .. } => media_type.as_deref(),
            Self::FileId { .. } => None,
        }
    }

    fn of_canonical(mut media_type: String, data: String) -> Self {
        if media_type.starts_with("image/")
            && let Some(actual) = media_type::picture_type_of(&data)
        {
            actual.clone_into(&mut media_type);
        }
        Self::Base64 { media_type, data }
    }

    /// For dialects whose answers consist of text: a link in Markdown. `None` for an uploaded file.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        let media_type = match self {
            Self::Url { media_type, .. } => media_type.as_deref().unwrap_or_default(),
            Self::Base64 { media_type, .. } => media_type,
            Self::FileId { .. } => return None,
        };
        let url = self.to_url()?;
        Some(match media_type.split('/').next().unwrap_or_default() {
            "image" | "" => format!("![image]({url})"),
            kind @ ("audio" | "video") => format!("[{kind}]({url})"),
            _ => format!("[file]({url})"),
        })
    }

    /// The URL; inline data becomes a `data:` URL. `None` for an uploaded file.
    #[must_use]
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url { url, .. } => Some(url.clone()),
            Self::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
            Self::FileId { .. } => None,
        }
    }
}

/// A mark up to which the provider is to cache the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheControl {
    /// `5m`, `1h`; `None` is the provider's default.
    pub ttl: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_media_that_is_here() {
        let media = Media::from_url("data:image/png;base64,iVBOR");
        assert_eq!(media, Media::Base64 { media_type: "image/png".into(), data: "iVBOR".into() });
        assert_eq!(media.to_url().as_deref(), Some("data:image/png;base64,iVBOR"));
        assert!(matches!(Media::from_url("https://a.example/x.png"), Media::Url { .. }));
        let media = Media::inline("image/jpg", "/9j/\n4AAQ".into());
        assert_eq!(media, Media::Base64 { media_type: "image/jpeg".into(), data: "/9j/4AAQ".into() });
        // A wrong type is corrected.
        let media = Media::inline("image/jpeg", "iVBORw0KGgoAAAAN".into());
        assert_eq!(media.to_url().as_deref(), Some("data:image/png;base64,iVBORw0KGgoAAAAN"));
    }
}
