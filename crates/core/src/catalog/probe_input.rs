//! The validated bodies of requests that send probes. An empty body is valid.

use super::fields::Fields;
use crate::error::ApiError;

/// Most models in one request.
pub const MAX_VALIDATED_MODELS: usize = 50;

fn fields<'a>(body: &'a [u8], known: &[&str]) -> Result<Fields<'a>, ApiError> {
    let is_empty = body.iter().all(u8::is_ascii_whitespace);
    Fields::parse(if is_empty { b"{}" } else { body }, known)
}

/// The body of `POST /providers/{id}/test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestInput {
    /// The model; `None`: that of the cron's probes.
    pub model: Option<String>,
    /// The prompt; `None`: that of the cron's probes.
    pub prompt: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
}

impl TestInput {
    /// Parses and validates a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let fields = fields(body, &["model", "prompt", "stream"])?;
        Ok(Self {
            model: fields.text("model", 1..=200)?.into_set(),
            prompt: fields.text("prompt", 1..=2000)?.into_set(),
            stream: fields.boolean("stream")?.into_set().unwrap_or(false),
        })
    }
}

/// The body of `POST /providers/{id}/validate-models`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateInput {
    /// The models; `None`: the enabled ones of the provider.
    pub models: Option<Vec<String>>,
}

impl ValidateInput {
    /// Parses and validates a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let models = fields(body, &["models"])?.text_list("models", &(1..=200))?.into_set();
        if models.as_ref().is_some_and(|models| models.len() > MAX_VALIDATED_MODELS) {
            let message = format!("`models` must have at most {MAX_VALIDATED_MODELS} items.");
            return Err(ApiError::invalid("invalid_value", "models", message));
        }
        Ok(Self { models })
    }
}

/// The body of `POST /providers/{id}/discover`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverInput {
    /// Whether added models are enabled at once.
    pub enable: bool,
    /// Which of the upstream's models to add; `None`: all.
    pub models: Option<Vec<String>>,
}

impl DiscoverInput {
    /// Parses and validates a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let fields = fields(body, &["enable", "models"])?;
        Ok(Self {
            enable: fields.boolean("enable")?.into_set().unwrap_or(true),
            models: fields.text_list("models", &(1..=200))?.into_set(),
        })
    }

    /// Whether this model is to be added.
    #[must_use]
    pub fn takes(&self, id: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|model| model == id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_says_nothing() {
        let quiet = TestInput { model: None, prompt: None, stream: false };
        for body in ["", " \n", "{}", r#"{"model":null}"#] {
            assert_eq!(TestInput::parse(body.as_bytes()).unwrap(), quiet);
        }
        assert_eq!(ValidateInput::parse(b"").unwrap().models, None);
        let discover = DiscoverInput::parse(b"").unwrap();
        assert!(discover.enable && discover.takes("anything"));
        let some = DiscoverInput::parse(br#"{"models":["a"],"enable":false}"#).unwrap();
        assert!(!some.enable && some.takes("a") && !some.takes("b"));
    }

    #[test]
    fn bad_values_name_their_field() {
        let param = |error: ApiError| error.param;
        let many = format!(r#"{{"models":[{}]}}"#, vec![r#""m""#; 51].join(","));
        assert_eq!(param(ValidateInput::parse(many.as_bytes()).unwrap_err()).as_deref(), Some("models"));
        assert_eq!(param(TestInput::parse(br#"{"stream":1}"#).unwrap_err()).as_deref(), Some("stream"));
        assert_eq!(param(TestInput::parse(br#"{"modle":"m"}"#).unwrap_err()).as_deref(), Some("modle"));
        assert_eq!(param(DiscoverInput::parse(br#"{"enable":"y"}"#).unwrap_err()).as_deref(), Some("enable"));
    }
}
