//! The kinds of apps, and where each is asked.

/// What kind of app a provider is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DifyApp {
    /// A chat, which Dify keeps.
    #[default]
    Chat,
    /// One text for another, without a conversation.
    Completion,
    /// A workflow, without a conversation.
    Workflow,
}

impl DifyApp {
    /// Whether Dify keeps what was said.
    #[must_use]
    pub fn keeps_conversation(self) -> bool {
        self == Self::Chat
    }

    /// The path below the version where it is asked.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat-messages",
            Self::Completion => "completion-messages",
            Self::Workflow => "workflows/run",
        }
    }

    /// The path where an answer in the making is stopped.
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
