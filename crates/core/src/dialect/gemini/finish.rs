//! Finish reasons (<https://ai.google.dev/api/generate-content#FinishReason>).

use crate::dialect::canonical::FinishReason;

/// Reasons of the service without a canonical form.
const OTHERS: &[&str] = &[
    "OTHER",
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
    "IMAGE_OTHER",
    "NO_IMAGE",
];

/// Decodes a reason. `STOP` is also used for function calls.
pub(super) fn read(word: &str, has_calls: bool) -> FinishReason {
    match word {
        "STOP" | "1" if has_calls => FinishReason::ToolCalls,
        // Some servers write the number of the word.
        "STOP" | "1" => FinishReason::Stop,
        // `CONTINUATION`: the limit of one request, after which another may go on.
        "MAX_TOKENS" | "2" | "CONTINUATION" => FinishReason::Length,
        "3"
        | "4"
        | "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "LANGUAGE"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => FinishReason::ContentFilter,
        // Undocumented reasons, such as `FUNCTION_CALL`.
        other if has_calls && !OTHERS.contains(&other) => FinishReason::ToolCalls,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// Whether a reason means that the answer ended at all.
pub(super) fn is_said(word: &str) -> bool {
    !matches!(word, "" | "0" | "FINISH_REASON_UNSPECIFIED")
}

/// Whether a block reason means that the prompt was blocked (`BLOCK_REASON_UNSPECIFIED` is the unset value).
pub(super) fn is_block(word: &str) -> bool {
    !word.is_empty() && !word.ends_with("UNSPECIFIED")
}

/// Encodes a reason.
pub(super) fn write(reason: &FinishReason) -> &str {
    match reason {
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::ToolCalls => "STOP",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter | FinishReason::Refusal => "SAFETY",
        FinishReason::Other(word) if OTHERS.contains(&word.as_str()) => word,
        FinishReason::Pause | FinishReason::Other(_) => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_with_calls_waits_for_results() {
        assert_eq!(read("STOP", true), FinishReason::ToolCalls);
        assert_eq!(read("STOP", false), FinishReason::Stop);
        assert_eq!(read("MAX_TOKENS", true), FinishReason::Length);
        assert_eq!((read("1", false), read("2", false)), (FinishReason::Stop, FinishReason::Length));
        assert_eq!((read("3", true), is_said("0")), (FinishReason::ContentFilter, false));
    }

    #[test]
    fn every_word_has_a_meaning_and_comes_back() {
        for word in ["STOP", "MAX_TOKENS", "SAFETY"].iter().chain(OTHERS) {
            assert_eq!(write(&read(word, false)), *word);
        }
        for word in ["RECITATION", "SPII", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR"] {
            assert_eq!(read(word, false), FinishReason::ContentFilter);
        }
        assert_eq!(write(&FinishReason::Other("network_error".into())), "OTHER");
    }
}
