//! The token API. Bodies are read, and answers made, in `crates/counting`.

use nexus_edge_core::dialect::caller::CallerDialect;
#[cfg(feature = "openapi")]
use nexus_edge_counting::api::{Detokenized, Estimate, InputTokens, Tokenized};

use crate::declare::operations;
use crate::operation::Speaks;

#[cfg(feature = "openapi")]
const OF_MODELS: &[(u16, &str)] =
    &[(400, "too_many_tokens, unsupported_operation"), (404, "model_not_found")];

operations! {
    "Tokens";

    /// Count the tokens of a text or of messages.
    ///
    /// `model` with `input` (a text) or `messages` (as in Chat Completions, with `tools`); `return_tokens: true` lists the
    /// tokens of a text. Counted with the vocabulary of the model where the deployment has it; `exact` says so.
    TOKENIZE: Post "/v1/tokenize" Caller, |it| it.free_body(&["model"], "`model`, and `input` or `messages`.")
        .answer::<Tokenized>(200, "The count.").errors(OF_MODELS);

    /// Turn tokens into text.
    DETOKENIZE: Post "/v1/detokenize" Caller, |it| it.free_body(&["model", "tokens"], "`model` and `tokens`, a list of numbers.")
        .answer::<Detokenized>(200, "The text.").errors(OF_MODELS);

    /// Estimate tokens without a model.
    ///
    /// `text` or `messages`, estimated as is done before a request is sent to a provider.
    ESTIMATE: Post "/stats/estimate" ViewModels, |it| it.free_body(&[], "`text` or `messages`.")
        .answer::<Estimate>(200, "The estimate.");

    /// Count the input of a response.
    ///
    /// In the shape of `OpenAI`; the turns that `previous_response_id` continues are counted as well.
    COUNT_RESPONSE_INPUT: Post "/v1/responses/input_tokens" Caller in Speaks::Dialect(CallerDialect::OpenaiResponses), |it| it
        .free_body(&["model"], "The body of `POST /v1/responses`.").answer::<InputTokens>(200, "The count.")
        .errors(&[(404, "model_not_found, previous_response_not_found")]);

    /// Count the tokens of a message.
    ///
    /// In the shape of Anthropic. Asked of the upstream where it speaks Messages and counts, else counted here.
    COUNT_MESSAGES: Post "/v1/messages/count_tokens" Caller in Speaks::Dialect(CallerDialect::Anthropic), |it| it
        .free_body(&["model", "messages"], "The body of `POST /v1/messages`.").free_answer("`{\"input_tokens\": …}`")
        .errors(&[(404, "model_not_found")]);
}
