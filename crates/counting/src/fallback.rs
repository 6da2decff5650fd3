//! What stands in for the vocabularies in a build without them: the estimate, behind the same names.

#![expect(
    clippy::unused_self,
    reason = "the methods are those of the vocabularies, of which there is nothing here"
)]

use nexus_edge_core::tokens::estimate_tokens;

/// The one way of counting that is left.
#[derive(Debug, Clone, Copy)]
pub struct Encoding;

impl Encoding {
    pub fn name(self) -> &'static str {
        "estimate"
    }

    pub fn count(self, text: &str) -> usize {
        usize::try_from(estimate_tokens(text)).unwrap_or(usize::MAX)
    }
}

/// How the tokens of a model are counted: every model alike.
#[derive(Debug, Clone, Copy)]
pub struct ModelTokens {
    pub encoding: Encoding,
    pub exact: bool,
}

impl ModelTokens {
    pub fn for_model(_name: &str) -> Self {
        Self { encoding: Encoding, exact: false }
    }

    pub fn count(self, text: &str) -> usize {
        self.encoding.count(text)
    }

    pub fn scale(self, count: usize) -> usize {
        count
    }
}

/// Chat requests, by one rule for all models.
pub mod chat {
    use super::Encoding;

    const PER_MESSAGE: usize = 4;
    const PER_REPLY: usize = 3;
    const PER_TOOL: usize = 10;

    #[derive(Debug, Clone, Default)]
    pub struct Message<'a> {
        pub role: &'a str,
        pub name: Option<&'a str>,
        pub text: Vec<&'a str>,
        pub images: Vec<images::Image>,
        pub audio_milliseconds: u64,
        pub tool_calls: Vec<ToolCall<'a>>,
    }

    #[derive(Debug, Clone, Copy)]
    pub struct ToolCall<'a> {
        pub name: &'a str,
        pub arguments: &'a str,
    }

    #[derive(Debug, Clone, Copy)]
    pub struct Tool<'a> {
        pub name: &'a str,
        pub description: &'a str,
        pub parameters: &'a str,
    }

    #[derive(Debug, Clone, Copy)]
    pub struct Count {
        pub tokens: usize,
        pub exact: bool,
    }

    pub fn count(_model: &str, messages: &[Message<'_>], tools: &[Tool<'_>]) -> Count {
        let text = |text: &str| Encoding.count(text);
        let message = |message: &Message<'_>| {
            let calls = message.tool_calls.iter().map(|call| text(call.name) + text(call.arguments));
            PER_MESSAGE
                + text(message.role)
                + message.name.map_or(0, text)
                + message.text.iter().map(|part| text(part)).sum::<usize>()
                + message.images.len() * images::EACH
                + usize::try_from(message.audio_milliseconds / 100).unwrap_or(usize::MAX)
                + calls.sum::<usize>()
        };
        let tool =
            |tool: &Tool<'_>| PER_TOOL + text(tool.name) + text(tool.description) + text(tool.parameters);
        let tokens =
            PER_REPLY + messages.iter().map(message).sum::<usize>() + tools.iter().map(tool).sum::<usize>();
        Count { tokens, exact: false }
    }

    pub mod images {
        /// Tokens of an image of 1024 by 1024 pixels to GPT-4o.
        pub const EACH: usize = 765;

        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum Detail {
            Low,
            #[default]
            Auto,
            High,
            Original,
        }

        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Image {
            pub width: u32,
            pub height: u32,
            pub detail: Detail,
        }
    }
}
