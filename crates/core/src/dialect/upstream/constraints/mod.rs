//! What each upstream accepts: the one table that all encoders read.
//!
//! Every fact has its source beside it. A codec states its row as [`crate::dialect::canonical::UpstreamCodec::limits`],
//! and names and ids are made to fit before it encodes; numbers are read where the field is encoded.

pub mod efforts;
pub mod media;
pub mod own_fields;

use std::borrow::Cow;

use crate::dialect::canonical::Limits;
use crate::dialect::canonical::limits::Spelling;
use crate::hash::sha256_hex;

/// Numbers of one upstream besides its [`Limits`]. `usize::MAX`: none is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Most stop sequences.
    pub stops: usize,
    /// Most tools.
    pub tools: usize,
    /// Most marks up to which a prompt is cached.
    pub cache_marks: usize,
    /// Most characters of the caller's id of its user.
    pub user: usize,
}

impl Counts {
    const NONE: Self =
        Self { stops: usize::MAX, tools: usize::MAX, cache_marks: usize::MAX, user: usize::MAX };
}

/// Letters, digits, `_` and `-`, at most 64: the names of OpenAI and of the many services that copied its API.
const COMMON_NAME: Spelling = Spelling::of(64, "_-");

/// `OpenAI` Chat Completions, and services that are compatible with it.
///
/// Names: "a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64"
/// (<https://platform.openai.com/docs/api-reference/chat/create>, `FunctionDefinition.name`). Ids: at most 40 characters
/// (error `string_above_max_length` of `messages[].tool_calls[].id`). The media types are those of OpenAI itself, and
/// kept by the encoder for its models only.
pub const OPENAI_CHAT: Limits =
    Limits { tool_name: COMMON_NAME, call_id: Spelling::no_longer_than(40), media: media::OPENAI };

/// `OpenAI` Chat Completions of services that check ids as Mistral does: exactly nine letters and digits
/// (<https://docs.mistral.ai/api/>: "Tool call id was … but must be a-z, A-Z, 0-9, with a length of 9").
pub const MISTRAL: Limits = Limits { call_id: Spelling::of(9, "").exactly(9), ..OPENAI_CHAT };

/// `OpenAI` Responses: names as in Chat Completions; `call_id` has at most 64 characters
/// (`FunctionToolCallItem.call_id` in the `OpenAPI` document).
pub const OPENAI_RESPONSES: Limits =
    Limits { tool_name: COMMON_NAME, call_id: Spelling::no_longer_than(64), media: media::OPENAI };

/// "Up to 4 sequences" (`stop`), "a maximum of 128 functions" (`tools`), 64 characters of `user` (error
/// `string_above_max_length`; its successor `safety_identifier` has 128). `OpenAI` only; compatible services have limits of
/// their own.
pub const OPENAI_COUNTS: Counts = Counts { stops: 4, tools: 128, user: 64, ..Counts::NONE };

/// Anthropic Messages.
///
/// Names: `^[a-zA-Z0-9_-]{1,128}$`; ids: `^[a-zA-Z0-9_-]+$` (errors of `tools[].custom.name` and
/// `messages[].content[].tool_use.id`; <https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools>).
pub const ANTHROPIC: Limits = Limits {
    tool_name: Spelling::of(128, "_-"),
    call_id: Spelling::of(usize::MAX, "_-"),
    media: media::ANTHROPIC,
};

/// Four cache marks (<https://platform.claude.com/docs/en/build-with-claude/prompt-caching>); `metadata.user_id` has at
/// most 256 characters.
pub const ANTHROPIC_COUNTS: Counts = Counts { cache_marks: 4, user: 256, ..Counts::NONE };

/// The Gemini API.
///
/// Names: "Must start with a letter or an underscore. Must be a-z, A-Z, 0-9, or contain underscores, dots, colons and
/// dashes, with a maximum length of 64" (<https://ai.google.dev/api/caching#FunctionDeclaration>; newer versions of the
/// page say 128, which older models refuse).
pub const GEMINI: Limits = Limits {
    tool_name: Spelling::of(64, "_.:-").letter_first(),
    call_id: Spelling::ANY,
    media: media::GEMINI,
};

/// Gemini on Vertex AI (<https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/FunctionDeclaration>).
pub const VERTEX: Limits = GEMINI;

/// "Up to 5 character sequences" (`stopSequences`); 512 function declarations.
pub const GEMINI_COUNTS: Counts = Counts { stops: 5, tools: 512, ..Counts::NONE };

/// Bedrock Converse: `ToolName` `[a-zA-Z0-9_-]+` and `ToolUseId` `[a-zA-Z0-9_.:-]+`, 1 to 64 characters of both (the
/// service model of `bedrock-runtime` in botocore). Anthropic's models refuse the dots and colons of ids.
pub const BEDROCK: Limits =
    Limits { tool_name: COMMON_NAME, call_id: Spelling::of(64, "_-"), media: media::BEDROCK };

/// 2500 stop sequences (`InferenceConfigurationStopSequencesList`), four cache marks.
pub const BEDROCK_COUNTS: Counts = Counts { stops: 2500, cache_marks: 4, ..Counts::NONE };

/// Cohere: "Valid names contain only the characters a-z, A-Z, 0-9, _ and must not begin with a digit" (`Tool.name` in
/// its SDK).
pub const COHERE: Limits =
    Limits { tool_name: Spelling::of(64, "_").letter_first(), call_id: Spelling::ANY, media: media::COHERE };

/// "Up to 5 strings" (`stop_sequences`).
pub const COHERE_COUNTS: Counts = Counts { stops: 5, ..Counts::NONE };

/// DashScope: names of "letters, digits, underscores and hyphens, with a maximum length of 64"
/// (<https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope>, `tools`).
pub const DASHSCOPE: Limits =
    Limits { tool_name: COMMON_NAME, call_id: Spelling::ANY, media: media::DASHSCOPE };

/// The caller's id of its user, of at most this many characters: a longer one becomes its SHA-256, in 64 hexadecimal digits,
/// which is as constant and as different as the id itself.
#[must_use]
pub fn user_id(user: &str, counts: Counts) -> Cow<'_, str> {
    if user.chars().count() <= counts.user { Cow::Borrowed(user) } else { Cow::Owned(sha256_hex(user)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_services_document() {
        let name = |length: usize| "x".repeat(length);
        for (limits, accepted, refused) in [
            (
                OPENAI_CHAT,
                vec!["a-b_C9".to_owned(), name(64)],
                vec!["a.b".to_owned(), name(65), String::new()],
            ),
            (OPENAI_RESPONSES, vec![name(64)], vec![name(65), "a b".into()]),
            (ANTHROPIC, vec![name(128)], vec![name(129), "a.b".into(), "é".into()]),
            (
                GEMINI,
                vec!["a.b:c-d".into(), "_9".into(), name(64)],
                vec!["9a".into(), "a/b".into(), name(65)],
            ),
            (BEDROCK, vec![name(64)], vec!["a.b".into(), name(65)]),
            (COHERE, vec!["a_b".into()], vec!["a-b".into(), "1a".into()]),
            (DASHSCOPE, vec!["a-b".into()], vec!["a.b".into(), name(65)]),
        ] {
            assert!(accepted.iter().all(|name| limits.accepts_tool_name(name)), "{accepted:?}");
            assert!(!refused.iter().any(|name| limits.accepts_tool_name(name)), "{refused:?}");
        }
        let id = |length: usize| "i".repeat(length);
        for (counts, max) in [(OPENAI_COUNTS, 64), (ANTHROPIC_COUNTS, 256)] {
            assert_eq!(user_id(&id(max), counts), id(max));
            assert_eq!(user_id(&id(max + 1), counts), sha256_hex(&id(max + 1)));
        }
        for (limits, accepted, refused) in [
            (OPENAI_CHAT, id(40), id(41)),
            (OPENAI_RESPONSES, id(64), id(65)),
            (MISTRAL, id(9), id(8)),
            (ANTHROPIC, id(500), "functions.Bash:0".into()),
            (BEDROCK, id(64), id(65)),
        ] {
            assert!(limits.accepts_call_id(&accepted) && !limits.accepts_call_id(&refused), "{accepted}");
        }
    }
}
