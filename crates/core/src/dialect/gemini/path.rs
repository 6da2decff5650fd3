//! The addresses of the dialect, which hold the model and what is asked of it:
//! `models/{model}:{action}`.
//!
//! - Gemini API: <https://ai.google.dev/api/all-methods>
//! - Vertex AI: <https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.publishers.models>

/// Where the Gemini API is.
pub const GEMINI_BASE: &str = "https://generativelanguage.googleapis.com/v1beta";

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An answer in one piece.
    GenerateContent,
    /// A streamed answer.
    StreamGenerateContent,
    /// The number of tokens of a request.
    CountTokens,
    /// One embedding.
    EmbedContent,
    /// Several embeddings.
    BatchEmbedContents,
}

impl Action {
    const ALL: [Self; 5] = [
        Self::GenerateContent,
        Self::StreamGenerateContent,
        Self::CountTokens,
        Self::EmbedContent,
        Self::BatchEmbedContents,
    ];

    /// Its name in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GenerateContent => "generateContent",
            Self::StreamGenerateContent => "streamGenerateContent",
            Self::CountTokens => "countTokens",
            Self::EmbedContent => "embedContent",
            Self::BatchEmbedContents => "batchEmbedContents",
        }
    }
}

/// A model and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAction {
    /// The model, without `models/`.
    pub model: String,
    /// What is asked.
    pub action: Action,
}

/// Reads what follows the version in a path: `models/gemini-2.5-flash:generateContent`, with or without `models/`.
/// The name of the model may itself hold slashes and colons, and any of its characters in percent-encoding.
#[must_use]
pub fn parse(segment: &str) -> Option<ModelAction> {
    let decoded = percent_decode(segment.trim_matches('/'))?;
    let (model, action) = decoded.rsplit_once(':')?;
    let action = Action::ALL.into_iter().find(|known| known.as_str() == action)?;
    let model = model.strip_prefix("models/").unwrap_or(model);
    (!model.is_empty()).then(|| ModelAction { model: model.to_owned(), action })
}

/// The address at the Gemini API, or at a service that speaks like it. A model that names its collection (`models/…`,
/// `tunedModels/…`) keeps it. `None` for a name that would lead elsewhere.
#[must_use]
pub fn gemini_url(base: &str, model: &str, action: Action) -> Option<String> {
    let base = base.trim_end_matches('/');
    let model = encode_path(model)?;
    let collection =
        if model.starts_with("models/") || model.starts_with("tunedModels/") { "" } else { "models/" };
    Some(format!("{base}/{collection}{model}:{}", with_framing(action)))
}

/// The address on Vertex AI. `None` for names that would lead elsewhere.
#[must_use]
pub fn vertex_url(project: &str, location: &str, model: &str, action: Action) -> Option<String> {
    let is_name = |name: &str, more: &[u8]| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || more.contains(&byte))
    };
    // A project of a domain is named `example.com:project`.
    if !is_name(project, b".:") || project.contains("..") || !is_name(location, b"") {
        return None;
    }
    let host = match location {
        "global" => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{location}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    };
    let model = encode_path(model.strip_prefix("models/").unwrap_or(model))?;
    let action = with_framing(action);
    Some(format!(
        "https://{host}/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:{action}"
    ))
}

fn with_framing(action: Action) -> String {
    let framing = if action == Action::StreamGenerateContent { "?alt=sse" } else { "" };
    format!("{}{framing}", action.as_str())
}

/// A name as part of a path. `None` for names with steps upwards, which no encoding hides from a URL parser.
fn encode_path(name: &str) -> Option<String> {
    if name.split('/').any(|step| matches!(step, "" | "." | "..")) {
        return None;
    }
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@:/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Some(encoded)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_actions_are_read() {
        for (segment, model, action) in [
            ("models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", Action::GenerateContent),
            ("gemini-2.5-flash:streamGenerateContent", "gemini-2.5-flash", Action::StreamGenerateContent),
            ("models/openai%2Fgpt-5%3AgenerateContent", "openai/gpt-5", Action::GenerateContent),
            ("/models/qwen:7b:countTokens", "qwen:7b", Action::CountTokens),
            ("tunedModels/x:generateContent", "tunedModels/x", Action::GenerateContent),
        ] {
            assert_eq!(parse(segment), Some(ModelAction { model: model.into(), action }), "{segment}");
        }
        for bad in [
            "",
            "models",
            "models/:generateContent",
            "models/m",
            "models/m:fly",
            "m%2:generateContent",
            "%zz:x",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_are_written() {
        assert_eq!(
            gemini_url(GEMINI_BASE, "gemini-2.5-flash", Action::StreamGenerateContent).unwrap(),
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
        );
        assert_eq!(
            gemini_url("http://h/v1/", "tunedModels/x y", Action::GenerateContent).unwrap(),
            "http://h/v1/tunedModels/x%20y:generateContent"
        );
        assert_eq!(
            vertex_url("p-1", "us-central1", "gemini-2.5-pro", Action::GenerateContent).unwrap(),
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p-1/locations/us-central1/publishers/google/models/gemini-2.5-pro:generateContent"
        );
        assert!(
            vertex_url("p", "global", "m", Action::StreamGenerateContent)
                .unwrap()
                .starts_with("https://aiplatform.googleapis.com/v1/projects/p/locations/global/")
        );
        for (project, location, model) in [
            ("p/../q", "global", "m"),
            ("p", "evil.example/", "m"),
            ("", "x", "m"),
            ("p", "global", "../../x"),
            ("p", "x", ""),
        ] {
            assert_eq!(vertex_url(project, location, model, Action::CountTokens), None);
        }
        assert_eq!(gemini_url(GEMINI_BASE, "a/../b", Action::CountTokens), None);
    }
}
