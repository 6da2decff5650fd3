//! The framing of messages in a chat.
//!
//! For OpenAI it follows the cookbook ("How to count tokens with tiktoken"). For others it follows the chat templates
//! that are published with their models, for messages without tools. Templates add more (a default system prompt,
//! marks of thinking), and providers use other templates: so it is an estimate for all but OpenAI.

use crate::encoding::Encoding;

/// The framing of one kind of template.
#[derive(Debug, Clone, Copy)]
pub(super) struct Framing {
    /// Tokens at the start of the text and at the start of the answer.
    pub reply: usize,
    /// Whether the name of the role is written out.
    pub writes_role: bool,
    /// Tokens around a message: of a user, of the assistant, of other roles.
    user: usize,
    assistant: usize,
    other: usize,
}

impl Framing {
    /// The framing for the models of an encoding.
    pub const fn of(encoding: Encoding) -> Self {
        match encoding {
            // `gpt-3.5-turbo-0301`, which had others, is gone.
            Encoding::O200kBase | Encoding::O200kHarmony | Encoding::Cl100kBase => Self::alike(3, 3),
            // `<|im_start|>ROLE\n…<|im_end|>\n`
            #[cfg(feature = "qwen")]
            Encoding::Qwen2 => Self::alike(4, 3),
            // `<｜begin▁of▁sentence｜>…<｜User｜>…<｜Assistant｜>…<｜end▁of▁sentence｜>`, and `<think>` or `</think>` before
            // the answer.
            #[cfg(feature = "deepseek")]
            Encoding::DeepSeekV3 => Self { reply: 3, writes_role: false, user: 1, assistant: 2, other: 0 },
            // `<|im_user|>ROLE<|im_middle|>…<|im_end|>`
            #[cfg(feature = "kimi")]
            Encoding::KimiK2 => Self::alike(3, 3),
            // `[gMASK]<sop><|user|>\n…<|assistant|>`
            #[cfg(feature = "glm")]
            Encoding::Glm4 | Encoding::Glm5 => {
                Self { reply: 3, writes_role: false, user: 2, assistant: 2, other: 2 }
            }
            // `<s>[SYSTEM_PROMPT]…[/SYSTEM_PROMPT][INST]…[/INST]…</s>`
            #[cfg(feature = "mistral")]
            Encoding::Tekken => Self { reply: 1, writes_role: false, user: 2, assistant: 1, other: 2 },
            // `]~!b[]~b]ROLE\n…[e~[\n`, and `<think>\n` before the answer.
            #[cfg(feature = "minimax")]
            Encoding::MiniMaxM2 => Self::alike(4, 6),
        }
    }

    const fn alike(message: usize, reply: usize) -> Self {
        Self { reply, writes_role: true, user: message, assistant: message, other: message }
    }

    /// Tokens around a message of this role.
    pub fn message(&self, role: &str) -> usize {
        match role {
            "user" => self.user,
            "assistant" => self.assistant,
            _ => self.other,
        }
    }
}
