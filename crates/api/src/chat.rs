//! Chats, in the dialects of the providers. Bodies and answers are those of the dialect.

use nexus_edge_core::dialect::caller::CallerDialect;

use crate::declare::operations;
use crate::operation::Speaks;

/// What every chat has in common.
#[cfg(feature = "openapi")]
pub(crate) fn chat(it: &mut crate::document::Describe<'_>) {
    it.streams()
        .header(
            "x-session-id",
            "The conversation that the request belongs to; without it the history is recognised.",
        )
        .header(
            "x-nexus-strict",
            "`true` refuses parameters that the upstream's dialect has no counterpart for.",
        )
        .header("x-nexus-fallback", "Models to ask instead if this one cannot answer, separated by commas.")
        .header("x-nexus-strategy", "How the upstream is chosen, instead of what the logical model says.")
        .header("x-nexus-cache", "Seconds for which the answer may be cached, or `no-store`.")
        .answer_header("x-nexus-provider", "The provider that answered.")
        .answer_header("x-nexus-attempts", "How many upstreams were asked.")
        .answer_header(
            "x-nexus-cost",
            "What the answer costs in millionths of a dollar, if it is not streamed and its price is known.",
        )
        .answer_header("x-nexus-price-source", "Where the price comes from.")
        .answer_header("x-nexus-overhead-ms", "Milliseconds in the gateway while no upstream was waited for.")
        .answer_header("x-nexus-cache", "`hit`, `miss` or `bypass`, where a cached answer was asked for.")
        .answer_header(
            "x-nexus-dropped-params",
            "Parameters that the upstream's dialect has no counterpart for.",
        )
        .answer_header("x-conversation-id", "The conversation, if it was found before the answer began.")
        .answer_header("x-upstream-request-id", "The upstream's own id of the request.")
        .errors(&[
            (400, "unsupported_parameter, unsupported_by_model"),
            (402, "budget_exceeded, insufficient_credits"),
            (404, "model_not_found"),
            (429, "budget_exceeded"),
            (502, "upstream_unreachable, upstream_error"),
            (503, "no_upstream_available, provider_unavailable"),
            (504, "upstream_timeout"),
        ]);
}

operations! {
    "Chat";

    /// Create a chat completion.
    ///
    /// `OpenAI`'s Chat Completions, for the models of every provider.
    COMPLETIONS: Post "/v1/chat/completions" Caller, |it| chat(it
        .free_body(&["model", "messages"], "The body of `OpenAI`'s Chat Completions; unknown fields reach the upstream.")
        .free_answer("The completion, or with `stream: true` its chunks."));

    /// Create a chat completion.
    ///
    /// The same as `/v1/chat/completions`.
    COMPLETIONS_UNVERSIONED: Post "/chat/completions" Caller, |it| chat(it
        .free_body(&["model", "messages"], "The body of `OpenAI`'s Chat Completions.")
        .free_answer("The completion, or with `stream: true` its chunks."));

    /// Create a message.
    ///
    /// Anthropic's Messages, for the models of every provider.
    MESSAGES: Post "/v1/messages" Caller in Speaks::Dialect(CallerDialect::Anthropic), |it| chat(it
        .free_body(&["model", "messages"], "The body of Anthropic's Messages.")
        .free_answer("The message, or with `stream: true` its events."));

    /// Create a response.
    ///
    /// `OpenAI`'s Responses, for the models of every provider. Kept for 30 days unless `store` is false.
    RESPONSES: Post "/v1/responses" Caller in Speaks::Dialect(CallerDialect::OpenaiResponses), |it| chat(it
        .free_body(&["model"], "The body of `OpenAI`'s Responses.")
        .free_answer("The response, or with `stream: true` its events."));

    /// Create a completion.
    ///
    /// `OpenAI`'s legacy Completions, with one prompt.
    LEGACY_COMPLETIONS: Post "/v1/completions" Caller in Speaks::Dialect(CallerDialect::OpenaiCompletions), |it| chat(it
        .free_body(&["model", "prompt"], "The body of `OpenAI`'s legacy Completions.")
        .free_answer("The completion, or with `stream: true` its chunks."));

    /// Generate content.
    ///
    /// Google's Gemini API, for the models of every provider: `generateContent`, `streamGenerateContent` (Server-Sent Events
    /// with `alt=sse`, else one JSON array) and `countTokens`.
    GEMINI: Post "/v1beta/models/{call...}" Caller in Speaks::Dialect(CallerDialect::Gemini), |it| chat(it
        .shown_as(&["/v1beta/models/{model}:generateContent", "/v1beta/models/{model}:streamGenerateContent",
            "/v1beta/models/{model}:countTokens"])
        .path("model", "The name of the model.").text("alt", "`sse` for a stream of Server-Sent Events.")
        .free_body(&[], "The body of the Gemini API.").free_answer("The content."));

    /// Generate content.
    ///
    /// The same as below `/v1beta`.
    GEMINI_V1: Post "/v1/models/{call...}" Caller in Speaks::Dialect(CallerDialect::Gemini), |it| chat(it
        .shown_as(&["/v1/models/{model}:generateContent", "/v1/models/{model}:streamGenerateContent",
            "/v1/models/{model}:countTokens"])
        .path("model", "The name of the model.").text("alt", "`sse` for a stream of Server-Sent Events.")
        .free_body(&[], "The body of the Gemini API.").free_answer("The content."));
}
