//! The endpoint of a request.

use crate::dialect::canonical::{ChatRequest, Part};

/// The header that requests a stream.
pub const STREAM_HEADER: (&str, &str) = ("x-dashscope-sse", "enable");

/// The two endpoints of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// For text models; content is a string.
    TextGeneration,
    /// For multimodal models; content is a list of parts.
    MultimodalGeneration,
}

impl Endpoint {
    /// The endpoint of this request: text models do not accept images, and multimodal models are only available at
    /// the other endpoint, also for text.
    #[must_use]
    pub fn of(request: &ChatRequest, model: &str) -> Self {
        if is_multimodal(model) || request.messages.iter().any(|message| message.parts.iter().any(has_media))
        {
            Self::MultimodalGeneration
        } else {
            Self::TextGeneration
        }
    }

    /// Its path below the base address.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::TextGeneration => "services/aigc/text-generation/generation",
            Self::MultimodalGeneration => "services/aigc/multimodal-generation/generation",
        }
    }

    /// Its URL. The base is the address of the provider, such as `https://dashscope.aliyuncs.com/api/v1`; one that
    /// ends in `#` is used literally.
    #[must_use]
    pub fn url(self, server_url: &str) -> String {
        if let Some(literal) = server_url.strip_suffix('#') {
            return literal.to_owned();
        }
        format!("{}/{}", server_url.trim_end_matches('/'), self.path())
    }
}

fn has_media(part: &Part) -> bool {
    match part {
        Part::Image { .. } | Part::Audio { .. } => true,
        Part::ToolResult { parts, .. } => parts.iter().any(has_media),
        _ => false,
    }
}

/// Whether the model is multimodal, judged by its name.
fn is_multimodal(model: &str) -> bool {
    let model = model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let has_word = |word: &str| model.split(['-', '_', '.']).any(|part| part == word);
    if ["vl", "omni", "audio", "ocr", "asr"].iter().any(|word| has_word(word)) || model.starts_with("qvq") {
        return true;
    }
    // The general models are multimodal since version 3.5; the largest since 3.8.
    let Some(version) = model.strip_prefix("qwen3.") else { return false };
    let minor: String = version.chars().take_while(char::is_ascii_digit).collect();
    minor.parse::<u32>().is_ok_and(|minor| minor >= if has_word("max") { 8 } else { 5 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{Media, Message, Role};

    #[test]
    fn the_model_or_the_content_decides() {
        let text = ChatRequest::default();
        for model in
            ["qwen-plus", "qwen3-max", "qwen3-32b", "qwen3.7-max", "deepseek-v4-pro", "qwen-long", ""]
        {
            assert_eq!(Endpoint::of(&text, model), Endpoint::TextGeneration, "{model}");
        }
        for model in [
            "qwen-vl-plus",
            "qwen3-vl-235b-a22b-instruct",
            "qwen3.5-plus",
            "qwen3.7-plus",
            "qwen3.8-max",
            "qvq-max",
            "qwen-vl-ocr",
        ] {
            assert_eq!(Endpoint::of(&text, model), Endpoint::MultimodalGeneration, "{model}");
        }
        let media = Media::from_url("https://a.example/x.png");
        let image = Part::Image { media, detail: None, cache: None };
        let messages = vec![Message::new(Role::User, vec![image])];
        let request = ChatRequest { messages, ..ChatRequest::default() };
        assert_eq!(Endpoint::of(&request, "qwen-plus"), Endpoint::MultimodalGeneration);
    }

    #[test]
    fn addresses() {
        let expected = "https://a.example/api/v1/services/aigc/text-generation/generation";
        for base in ["https://a.example/api/v1", "https://a.example/api/v1/"] {
            assert_eq!(Endpoint::TextGeneration.url(base), expected);
        }
        assert_eq!(Endpoint::TextGeneration.url("https://a.example/x#"), "https://a.example/x");
    }
}
