//! Where a request goes.

use crate::dialect::canonical::{ChatRequest, Part};

/// The header that asks for a stream.
pub const STREAM_HEADER: (&str, &str) = ("x-dashscope-sse", "enable");

/// The two addresses of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// For models that read text only; content is a string.
    TextGeneration,
    /// For models that see or hear; content is a list of pieces.
    MultimodalGeneration,
}

impl Endpoint {
    /// Where this request goes: text models cannot be asked about pictures, and models that see are only reached at the
    /// other address, also with nothing but text.
    #[must_use]
    pub fn of(request: &ChatRequest, model: &str) -> Self {
        if is_multimodal(model) || request.messages.iter().any(|message| message.parts.iter().any(has_media))
        {
            Self::MultimodalGeneration
        } else {
            Self::TextGeneration
        }
    }

    /// The path behind the base address.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::TextGeneration => "services/aigc/text-generation/generation",
            Self::MultimodalGeneration => "services/aigc/multimodal-generation/generation",
        }
    }

    /// The whole address. The base is what was entered for the provider, such as
    /// `https://dashscope.aliyuncs.com/api/v1`; one that ends in `#` is taken literally.
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

/// Whether the model is one of those that see or hear, judged by its name.
fn is_multimodal(model: &str) -> bool {
    let model = model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let has_word = |word: &str| model.split(['-', '_', '.']).any(|part| part == word);
    if ["vl", "omni", "audio", "ocr", "asr"].iter().any(|word| has_word(word)) || model.starts_with("qvq") {
        return true;
    }
    // Since version 3.5 the general models see; the largest do since 3.8.
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
