//! Messages and the parts that they are made of.

use super::json::Json;
use super::maker::Maker;

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions of the operator.
    System,
    /// The same under `OpenAI`'s newer name.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Results of tool calls. Each is a [`Part::ToolResult`].
    Tool,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said, in order.
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

/// A piece of content.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Where it is taken from.
        citations: Vec<Citation>,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// A picture.
    Image {
        /// Where it is.
        media: Media,
        /// `low`, `high`, `auto` …
        detail: Option<String>,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// Speech or another recording.
    Audio {
        /// Where it is; the media type is `audio/…`.
        media: Media,
    },
    /// A document.
    File {
        /// Where it is.
        media: Media,
        /// Its name.
        name: Option<String>,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// The model calls a tool.
    ToolCall {
        /// Names the call, for its result.
        id: String,
        /// Name of the tool.
        name: String,
        /// The arguments as the model wrote them: JSON text, usually of an object, possibly empty.
        arguments: String,
        /// The provider's proof of the thoughts behind the call (Gemini), to be given back with it.
        signature: Option<String>,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// What a tool call gave.
    ToolResult {
        /// Id of the call.
        call_id: String,
        /// Name of the tool, where the dialect says it.
        name: Option<String>,
        /// The result: text and pictures.
        parts: Vec<Part>,
        /// The tool failed.
        is_error: bool,
        /// The prompt up to here is to be cached.
        cache: Option<CacheControl>,
    },
    /// What the model thinks before it answers.
    Thinking {
        /// The thoughts, or a summary of them; may be empty where only the signature is given.
        text: String,
        /// The provider's proof of them, to be given back unchanged.
        signature: Option<String>,
    },
    /// Thoughts that the provider shows only in encrypted form, to be given back unchanged.
    RedactedThinking {
        /// Opaque.
        data: String,
    },
    /// What a tool of the provider's own did or found (a search, its results), in the provider's words: to be given back
    /// unchanged, and to nobody else. What the model says about it is text like any other.
    ProviderBlock {
        /// Whose words they are.
        maker: Maker,
        /// The block, an object with a `type`.
        block: Json,
    },
    /// The model declines, in its own words.
    Refusal {
        /// Its words.
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

/// Where a picture, recording or document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// At an address that the provider fetches. The media type is known only if the caller said it.
    Url {
        /// The address.
        url: String,
        /// `image/png` …
        media_type: Option<String>,
    },
    /// Right here.
    Base64 {
        /// `image/png`, `application/pdf`, `audio/wav` …
        media_type: String,
        /// Standard base64.
        data: String,
    },
    /// Uploaded to the provider before.
    FileId {
        /// The provider's name for it.
        id: String,
    },
}

impl Media {
    /// Reads an address; a `data:` URL becomes [`Media::Base64`].
    #[must_use]
    pub fn from_url(url: &str) -> Self {
        let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(','));
        match inline
            .and_then(|(head, data)| head.strip_suffix(";base64").map(|media_type| (media_type, data)))
        {
            Some((media_type, data)) => {
                Self::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
            }
            None => Self::Url { url: url.to_owned(), media_type: None },
        }
    }

    /// As an address; what is here becomes a `data:` URL. `None` for an uploaded file.
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

/// Where a piece of text is taken from.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// Address of the source.
    pub url: Option<String>,
    /// Title of the source.
    pub title: Option<String>,
    /// The words of the source.
    pub cited_text: Option<String>,
    /// Characters of the answer that it stands behind, from and up to.
    pub span: Option<(u64, u64)>,
    /// The citation in the words of its own dialect, for a caller of the same.
    pub original: Option<Json>,
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
    }
}
