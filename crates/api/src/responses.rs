//! Kept responses.

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "response_not_found")];

operations! {
    "Kept responses";

    /// Compact a conversation.
    ///
    /// Only of providers that have the Responses API themselves.
    COMPACT: Post "/v1/responses/compact" Caller, |it| it
        .free_body(&["model"], "The body of `OpenAI`'s endpoint.").free_answer("The compacted conversation.")
        .errors(&[(400, "unsupported_operation"), (404, "model_not_found")]);

    /// Cancel a response.
    ///
    /// One that its provider makes in the background.
    CANCEL: Post "/v1/responses/{id}/cancel" Caller, |it| it.free_answer("The response.").errors(NOT_FOUND)
        .errors(&[(400, "invalid_request")]);

    /// List the input of a response.
    INPUT_ITEMS: Get "/v1/responses/{id}/input_items" Caller, |it| it.text("after", "The id of the last item of the page before.")
        .number("limit", 1..=100, "Items of a page; 20 is the default.").choice("order", &["asc", "desc"], "`desc` is the default.")
        .free_answer("The items.").errors(NOT_FOUND);

    /// Show a response.
    GET: Get "/v1/responses/{id}" Caller, |it| it.free_answer("The response.").errors(NOT_FOUND);

    /// Delete a response.
    DELETE: Delete "/v1/responses/{id}" Caller, |it| it.free_answer("`{\"id\", \"object\", \"deleted\": true}`")
        .errors(NOT_FOUND);
}
