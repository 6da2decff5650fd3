//! What is asked for, in the words of OpenTelemetry (`gen_ai.operation.name`).

/// The operation of a request in a caller dialect, or of one that is passed through: `chat` for all dialects of chats. Operations
/// for which OpenTelemetry has no word keep their own.
#[must_use]
pub fn operation_of(dialect: &str) -> &str {
    match dialect {
        "openai_chat" | "openai_responses" | "anthropic" | "gemini" => "chat",
        "openai_completions" => "text_completion",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::dialect::caller::CallerDialect;

    #[test]
    fn every_dialect_of_callers_has_one() {
        for (name, _) in CallerDialect::NAMES {
            assert!(matches!(operation_of(name), "chat" | "text_completion"), "{name}");
        }
        assert_eq!(operation_of("embeddings"), "embeddings");
    }
}
