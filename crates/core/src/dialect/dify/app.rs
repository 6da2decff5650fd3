//! The kinds of apps and their paths.

/// The kind of an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DifyApp {
    /// A chat, whose conversation Dify stores.
    #[default]
    Chat,
    /// A completion: text in, text out, without a conversation.
    Completion,
    /// A workflow, without a conversation.
    Workflow,
}

impl DifyApp {
    /// Whether Dify stores the conversation.
    #[must_use]
    pub fn keeps_conversation(self) -> bool {
        self == Self::Chat
    }

    /// The path of requests, below the version.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat-messages",
            Self::Completion => "completion-messages",
            Self::Workflow => "workflows/run",
        }
    }

    /// The path that stops an answer in progress.
    #[must_use]
    pub fn stop_path(self, task_id: &str) -> String {
        // Ids are UUIDs; anything else must not lead to another path.
        let id: String =
            task_id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
        match self {
            Self::Chat | Self::Completion => format!("{}/{id}/stop", self.path()),
            Self::Workflow => format!("workflows/tasks/{id}/stop"),
        }
    }
}
