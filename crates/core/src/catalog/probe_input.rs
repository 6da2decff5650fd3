//! The validated bodies of requests that send probes. An empty body is valid.

use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, boolean, text, texts};

/// Most models in one request.
pub const MAX_VALIDATED_MODELS: usize = 50;

input! {
    /// What a provider is tested with.
    pub struct TestInput {
        /// The model to ask; `null`: the one that probes ask.
        pub model: String = text(1..=200),
        /// The prompt; `null`: the one that probes send.
        pub prompt: String = text(1..=2000),
        /// Whether the answer is streamed.
        pub stream: bool = boolean(),
    }
}

input! {
    /// Which models of a provider are validated.
    pub struct ValidateInput {
        /// At most 50 models; `null`: the enabled ones of the provider.
        pub models: Vec<String> = texts(1..=200).check(check_number_of_models),
    }
}

fn check_number_of_models(models: Vec<String>) -> Result<Vec<String>, ApiError> {
    if models.len() > MAX_VALIDATED_MODELS {
        let message = format!("`models` must have at most {MAX_VALIDATED_MODELS} items.");
        return Err(ApiError::invalid("invalid_value", "models", message));
    }
    Ok(models)
}

input! {
    /// Which of the upstream's models a provider takes over.
    pub struct DiscoverInput {
        /// Whether what is added is offered at once; true is the default.
        pub enable: bool = boolean(),
        /// Which of the upstream's models to add; `null`: all.
        pub models: Vec<String> = texts(1..=200),
    }
}

impl DiscoverInput {
    /// Whether this model is to be added.
    #[must_use]
    pub fn takes(&self, id: &str) -> bool {
        self.models.as_set().is_none_or(|models| models.iter().any(|model| model == id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::input::Patch;

    #[test]
    fn an_empty_body_says_nothing() {
        for body in ["", " \n", "{}"] {
            let input = TestInput::parse_optional(body.as_bytes()).unwrap();
            assert_eq!((input.model, input.prompt, input.stream), (Patch::Keep, Patch::Keep, Patch::Keep));
        }
        assert_eq!(ValidateInput::parse_optional(b"").unwrap().models, Patch::Keep);
        assert!(DiscoverInput::parse_optional(b"").unwrap().takes("anything"));
        let some = DiscoverInput::parse_optional(br#"{"models":["a"],"enable":false}"#).unwrap();
        assert!(some.enable == Patch::Set(false) && some.takes("a") && !some.takes("b"));
    }

    #[test]
    fn bad_values_name_their_field() {
        let param = |error: ApiError| error.param;
        let many = format!(r#"{{"models":[{}]}}"#, vec![r#""m""#; 51].join(","));
        assert_eq!(
            param(ValidateInput::parse_optional(many.as_bytes()).unwrap_err()).as_deref(),
            Some("models")
        );
        assert_eq!(
            param(TestInput::parse_optional(br#"{"stream":1}"#).unwrap_err()).as_deref(),
            Some("stream")
        );
        assert_eq!(
            param(TestInput::parse_optional(br#"{"modle":"m"}"#).unwrap_err()).as_deref(),
            Some("modle")
        );
        assert_eq!(
            param(DiscoverInput::parse_optional(br#"{"enable":"y"}"#).unwrap_err()).as_deref(),
            Some("enable")
        );
    }
}
