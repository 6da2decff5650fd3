//! What may be named, and an id that names it.

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file.
    File,
    /// An address in the storage of the provider's cloud.
    Storage,
    /// A container in which code runs.
    Container,
    /// A collection of documents.
    Store,
    /// A skill.
    Skill,
    /// A connector to another service.
    Connector,
    /// A template of a prompt.
    Prompt,
    /// A conversation, thread or assistant.
    Conversation,
    /// A response.
    Response,
    /// An item of a response.
    Item,
    /// A cached content.
    Cache,
    /// The audio of an earlier answer.
    Audio,
    /// A voice.
    Voice,
}

impl Kind {
    /// Its name with the article.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Storage => "a stored object",
            Self::Container => "a container",
            Self::Store => "a store of documents",
            Self::Skill => "a skill",
            Self::Connector => "a connector",
            Self::Prompt => "a prompt template",
            Self::Conversation => "a conversation",
            Self::Response => "a response",
            Self::Item => "an item",
            Self::Cache => "a cached content",
            Self::Audio => "an audio",
            Self::Voice => "a voice",
        }
    }

    /// Whether it can come about in an answer through the gateway, so that a key may own it.
    #[must_use]
    pub fn can_be_issued(self) -> bool {
        matches!(self, Self::File | Self::Container | Self::Item | Self::Audio)
    }
}

/// An id in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it stands for.
    pub kind: Kind,
    /// The id.
    pub id: String,
    /// The field, such as `input[0].content[1].file_id`.
    pub param: String,
}
