//! What is passed through to providers that have it: embeddings, images, audio, reranking, moderation.

use crate::declare::operations;

#[cfg(feature = "openapi")]
const OF_MODELS: &[(u16, &str)] = &[
    (400, "unsupported_operation"),
    (402, "budget_exceeded, insufficient_credits"),
    (404, "model_not_found"),
    (502, "upstream_unreachable, upstream_error"),
    (503, "no_upstream_available, provider_unavailable"),
    (504, "upstream_timeout"),
];

operations! {
    "Passed through";

    /// Create embeddings.
    EMBEDDINGS: Post "/v1/embeddings" Caller, |it| it.free_body(&["model", "input"], "The body of `OpenAI`'s endpoint.")
        .free_answer("The embeddings.").errors(OF_MODELS);

    /// Generate images.
    IMAGES: Post "/v1/images/generations" Caller, |it| it.free_body(&["model"], "The body of `OpenAI`'s endpoint.")
        .free_answer("The images.").streams().errors(OF_MODELS);

    /// Edit images.
    IMAGE_EDITS: Post "/v1/images/edits" Caller, |it| it.upload("The form of `OpenAI`'s endpoint.")
        .free_answer("The images.").streams().errors(OF_MODELS);

    /// Transcribe speech.
    TRANSCRIPTIONS: Post "/v1/audio/transcriptions" Caller, |it| it.upload("The form of `OpenAI`'s endpoint.")
        .free_answer("The text.").streams().errors(OF_MODELS);

    /// Translate speech into English.
    AUDIO_TRANSLATIONS: Post "/v1/audio/translations" Caller, |it| it.upload("The form of `OpenAI`'s endpoint.")
        .free_answer("The text.").errors(OF_MODELS);

    /// Speak a text.
    SPEECH: Post "/v1/audio/speech" Caller, |it| it.free_body(&["model", "input"], "The body of `OpenAI`'s endpoint.")
        .file("audio/*", "The speech.").errors(OF_MODELS);

    /// Rank documents.
    RERANK: Post "/v1/rerank" Caller, |it| it.free_body(&["model"], "The body of the provider's endpoint.")
        .free_answer("The ranking.").errors(OF_MODELS);

    /// Classify content.
    MODERATIONS: Post "/v1/moderations" Caller, |it| it.free_body(&["input"], "The body of `OpenAI`'s endpoint.")
        .free_answer("The classification.").errors(OF_MODELS);
}
