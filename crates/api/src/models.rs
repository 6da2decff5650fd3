//! Lists of the models that a key may use, in the shapes of the SDKs.

use nexus_edge_core::dialect::caller::CallerDialect;
#[cfg(feature = "openapi")]
use nexus_edge_core::dialect::model_list::{AnthropicList, AnthropicModel, GeminiList, GeminiModel};
#[cfg(feature = "openapi")]
use nexus_edge_core::dialect::openai::models::{ModelCard, ModelList};

use crate::declare::operations;
use crate::operation::Speaks;

/// The shapes in which a list is answered.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum AnyList<'a> {
    Openai(ModelList<'a>),
    Anthropic(AnthropicList<'a>),
    Gemini(GeminiList),
}

/// The shapes in which a model is answered.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum AnyModel<'a> {
    Openai(ModelCard<'a>),
    Anthropic(AnthropicModel<'a>),
    Gemini(GeminiModel),
}

#[cfg(feature = "openapi")]
const ID: &str = "The name of the model; it may contain slashes.";
#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "model_not_found")];

operations! {
    "Models";

    /// List the models that the key may use.
    ///
    /// In the shape of the caller's SDK: `OpenAI`'s, Anthropic's with the header `anthropic-version`, Gemini's with
    /// `x-goog-api-key`.
    LIST: Get "/v1/models" Caller in Speaks::DialectOfHeaders, |it| it.answer::<AnyList<'_>>(200, "The models.");

    /// List the models that the key may use.
    ///
    /// The same as `/v1/models`.
    LIST_UNVERSIONED: Get "/models" Caller in Speaks::DialectOfHeaders, |it| it.answer::<AnyList<'_>>(200, "The models.");

    /// List the models in the shape of Gemini.
    LIST_GEMINI: Get "/v1beta/models" Caller in Speaks::Dialect(CallerDialect::Gemini), |it| it
        .answer::<GeminiList>(200, "The models.");

    /// Show a model.
    GET: Get "/v1/models/{id...}" Caller in Speaks::DialectOfHeaders, |it| it.path("id", ID)
        .answer::<AnyModel<'_>>(200, "The model.").errors(NOT_FOUND);

    /// Show a model.
    ///
    /// The same as `/v1/models/{id}`.
    GET_UNVERSIONED: Get "/models/{id...}" Caller in Speaks::DialectOfHeaders, |it| it.path("id", ID)
        .answer::<AnyModel<'_>>(200, "The model.").errors(NOT_FOUND);

    /// Show a model in the shape of Gemini.
    GET_GEMINI: Get "/v1beta/models/{id...}" Caller in Speaks::Dialect(CallerDialect::Gemini), |it| it.path("id", ID)
        .answer::<GeminiModel>(200, "The model.").errors(NOT_FOUND);
}
