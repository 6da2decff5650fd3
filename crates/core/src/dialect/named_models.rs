//! The models that a request names besides the one it asks for.
//!
//! A body that is passed on can make an upstream use other models than the one that the gateway routes: fallbacks (`models` of
//! `OpenRouter`), models of tools (image generation, advisors), of plugins, of compound systems, of a routing configuration. Where a
//! key may not use every model, or a model is limited, those names must be known.
//!
//! Every field is searched whose name says that its value is a model, at any depth, because services add such fields all
//! the time; what callers write themselves is not (messages, JSON schemas, metadata). A name inside of those means nothing to
//! a service. An object with a repeated field is an error here: parsers disagree on which of the two counts.

use serde_json::value::RawValue;

use crate::dialect::caller::CallerDialect;
use crate::dialect::inbound::Inbound;
use crate::error::ApiError;
use crate::json::error::invalid_value;
use crate::json::object::{JsonObject, Kind, as_str};

/// Deepest nesting that is searched; no request of any service is as deep outside of schemas.
const MAX_DEPTH: usize = 24;
/// Fields of a request whose contents are the caller's own words and data.
const OWN_WORDS: &[&str] = &[
    "messages",
    "input",
    "contents",
    "system",
    "systeminstruction",
    "instructions",
    "prompt",
    "suffix",
    "user",
];
/// Fields, at any depth, that contain JSON schemas or free text.
const OPAQUE: &[&str] = &[
    "parameters",
    "parametersjsonschema",
    "inputschema",
    "outputschema",
    "schema",
    "jsonschema",
    "responseschema",
    "responsejsonschema",
    "inputexamples",
    "examples",
    "description",
    "metadata",
    "headers",
    "labels",
];
/// Fields whose strings name models, or a configuration that names them, though their names do not say so.
const TELLING: &[&str] = &["fallbacks", "preset", "deployment", "deploymentname", "deploymentid"];
/// Ends of the names of fields whose strings name models.
const ENDINGS: &[&str] = &["model", "models", "modelid", "modelids", "modelname", "modelnames"];
/// Top-level fields that name alternatives to the requested model.
const ALTERNATIVES: &[&str] = &["models", "fallbacks", "preset", "extrabody"];

/// A model that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedModel {
    /// Where: `tools[0].model`.
    pub path: String,
    /// The name.
    pub name: String,
    /// Whether the upstream may answer with it instead of the requested model.
    pub is_alternative: bool,
}

/// Everything besides the model itself that names a model in a body that reaches the upstream.
///
/// # Errors
/// `invalid_json` for an object with a repeated field; `invalid_value` for what is nested too deeply to be searched.
pub fn named_models(inbound: &Inbound<'_>) -> Result<Vec<NamedModel>, ApiError> {
    let mut search = Search { found: Vec::new(), is_alternative: false };
    let is_in_path = inbound.caller_dialect == CallerDialect::Gemini;
    for (name, value) in inbound.fields().iter() {
        let plain = plain(name);
        let is_routed = match name {
            // Spliced into the body for the upstream.
            "model" => !is_in_path,
            // Removed.
            "models" => inbound.fallbacks_taken && inbound.chat().is_some(),
            _ => OWN_WORDS.contains(&plain.as_str()),
        };
        if !is_routed {
            search.is_alternative = ALTERNATIVES.contains(&plain.as_str());
            search.field(&plain, name.to_owned(), value, 1)?;
        }
    }
    search.found.retain(|found| {
        // Google's services repeat the model of the path in the body.
        let name = found.name.strip_prefix("models/").unwrap_or(&found.name);
        !(is_in_path && found.path == "model" && name == inbound.model)
    });
    Ok(search.found)
}

/// A field's name in lower case, without what separates its words.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '_' | '-' | '.')).flat_map(char::to_lowercase).collect()
}

struct Search {
    found: Vec<NamedModel>,
    is_alternative: bool,
}

impl Search {
    fn field(&mut self, plain: &str, path: String, value: &RawValue, depth: usize) -> Result<(), ApiError> {
        if OPAQUE.contains(&plain) {
            return Ok(());
        }
        let names_models = TELLING.contains(&plain) || ENDINGS.iter().any(|ending| plain.ends_with(ending));
        self.value(names_models, path, value, depth)
    }

    fn value(
        &mut self,
        names_models: bool,
        path: String,
        value: &RawValue,
        depth: usize,
    ) -> Result<(), ApiError> {
        let kind = Kind::of(value);
        if depth > MAX_DEPTH && matches!(kind, Kind::Array | Kind::Object) {
            return Err(invalid_value(path, "is nested too deeply"));
        }
        match kind {
            Kind::String if names_models => {
                let name = as_str(value).unwrap_or_default().into_owned();
                let is_alternative = self.is_alternative;
                self.found.push(NamedModel { path, name, is_alternative });
            }
            Kind::Array => {
                let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
                for (index, item) in items.into_iter().enumerate() {
                    self.value(names_models, format!("{path}[{index}]"), item, depth + 1)?;
                }
            }
            Kind::Object => {
                let fields: JsonObject<'_> = serde_json::from_str(value.get()).map_err(|error| {
                    ApiError::invalid("invalid_json", path.clone(), crate::json::error::reason(&error))
                })?;
                for (name, value) in fields.iter() {
                    self.field(&plain(name), format!("{path}.{name}"), value, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::inbound::FromPath;

    fn named(dialect: CallerDialect, body: &str) -> Result<Vec<String>, ApiError> {
        let path = FromPath { model: "m", stream: false, as_array: false };
        let from_path = (dialect == CallerDialect::Gemini).then_some(path);
        let inbound = Inbound::parse(dialect, body.as_bytes(), from_path).unwrap();
        let found = named_models(&inbound)?;
        Ok(found.into_iter().map(|found| format!("{}={}", found.path, found.name)).collect())
    }

    #[test]
    fn every_place_in_which_a_service_reads_a_model_is_found() {
        use CallerDialect::{Anthropic, Gemini, OpenaiChat, OpenaiCompletions, OpenaiResponses};
        for (dialect, rest, expected) in [
            (OpenaiChat, r#""models":["a","b"],"route":"fallback""#, vec!["models[0]=a", "models[1]=b"]),
            (OpenaiChat, r#""mod\u0065ls":["a"]"#, vec!["models[0]=a"]),
            (
                OpenaiChat,
                r#""fallbacks":[{"model":"a"},"b"]"#,
                vec!["fallbacks[0].model=a", "fallbacks[1]=b"],
            ),
            (OpenaiChat, r#""extra_body":{"models":["a"]}"#, vec!["extra_body.models[0]=a"]),
            (OpenaiChat, r#""plugins":[{"id":"x","model":"a"}]"#, vec!["plugins[0].model=a"]),
            (OpenaiChat, r#""preset":"cheap""#, vec!["preset=cheap"]),
            (
                OpenaiChat,
                r#""compound_custom":{"models":{"answering_model":"a","reasoning_model":"b"}}"#,
                vec!["compound_custom.models.answering_model=a", "compound_custom.models.reasoning_model=b"],
            ),
            (
                OpenaiResponses,
                r#""input":"x","tools":[{"type":"image_generation","model":"a"}]"#,
                vec!["tools[0].model=a"],
            ),
            (
                Anthropic,
                r#""max_tokens":1,"tools":[{"type":"advisor","model":"a"}]"#,
                vec!["tools[0].model=a"],
            ),
            (OpenaiCompletions, r#""prompt":"x","models":["a"]"#, vec!["models[0]=a"]),
            (
                Gemini,
                r#""generationConfig":{"routingConfig":{"manualMode":{"modelName":"a"}}}"#,
                vec!["generationConfig.routingConfig.manualMode.modelName=a"],
            ),
            (Gemini, r#""model":"models/other""#, vec!["model=models/other"]),
            (Gemini, r#""model":"models/m""#, vec![]),
        ] {
            let model = if dialect == Gemini { "" } else { r#""model":"m","# };
            let words = if dialect == OpenaiChat || dialect == Anthropic {
                r#""messages":[{"role":"user","content":"hi"}],"#
            } else {
                ""
            };
            assert_eq!(named(dialect, &format!("{{{model}{words}{rest}}}")).unwrap(), expected, "{rest}");
        }
    }

    #[test]
    fn what_callers_write_themselves_names_nothing() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x","model":"y"}]}],
            "metadata":{"model":"x"},"modalities":["text"],
            "response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"model":{"const":"x"}}}}},
            "tools":[{"type":"function","function":{"name":"model","description":"models",
                "parameters":{"type":"object","properties":{"model":{"type":"string","default":"x"}},"model":"x"}}}]}"#;
        assert!(named(CallerDialect::OpenaiChat, body).unwrap().is_empty());
    }

    #[test]
    fn what_parsers_disagree_on_is_refused() {
        let twice = r#"{"model":"m","tools":[{"type":"t","model":"good","mod\u0065l":"bad"}]}"#;
        let error = named(CallerDialect::OpenaiResponses, twice).unwrap_err();
        assert_eq!((error.code, error.param.as_deref()), ("invalid_json", Some("tools[0]")));
        let deep =
            format!(r#"{{"model":"m","x":{}{}}}"#, r#"{"x":"#.repeat(50), "1}".to_owned() + &"}".repeat(49));
        assert_eq!(named(CallerDialect::OpenaiResponses, &deep).unwrap_err().code, "invalid_value");
    }

    #[test]
    fn alternatives_to_the_requested_model_are_told_apart() {
        let body = r#"{"model":"m","models":["a"],"tools":[{"model":"b"}],"input":"x"}"#;
        let inbound = Inbound::parse(CallerDialect::OpenaiResponses, body.as_bytes(), None).unwrap();
        let found = named_models(&inbound).unwrap();
        let told: Vec<(&str, bool)> =
            found.iter().map(|found| (found.name.as_str(), found.is_alternative)).collect();
        assert_eq!(told, [("a", true), ("b", false)]);
    }
}
