//! Servers from the configurations of other programs. Pure: the text of their file comes in.
//!
//! What those files say in plain text, such as keys in `env` and `headers`, is taken over as it is. Servers that are switched
//! off, or that cannot be reached from here, are named and left out.

mod found;
mod json;
mod toml;
mod write;

pub use found::{Found, Imported, Reached};
pub use write::{added, yaml};

/// A program whose servers can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Claude Desktop and Claude Code: `mcpServers` in JSON.
    Claude,
    /// Cursor: `mcpServers` in JSON.
    Cursor,
    /// Visual Studio Code: `servers` in JSON with comments.
    Vscode,
    /// Codex: `[mcp_servers.*]` in TOML.
    Codex,
}

impl Program {
    /// The program of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "claude" => Some(Self::Claude),
            "cursor" => Some(Self::Cursor),
            "vscode" => Some(Self::Vscode),
            "codex" => Some(Self::Codex),
            _ => None,
        }
    }

    /// Where it keeps its servers, below the home directory; the first that exists counts.
    #[must_use]
    pub fn files(self) -> &'static [&'static str] {
        match self {
            Self::Claude => &[
                ".claude.json",
                "Library/Application Support/Claude/claude_desktop_config.json",
                ".config/Claude/claude_desktop_config.json",
                "AppData/Roaming/Claude/claude_desktop_config.json",
            ],
            Self::Cursor => &[".cursor/mcp.json"],
            Self::Vscode => &[
                ".config/Code/User/mcp.json",
                "Library/Application Support/Code/User/mcp.json",
                "AppData/Roaming/Code/User/mcp.json",
            ],
            Self::Codex => &[".codex/config.toml"],
        }
    }

    /// The servers of a file.
    ///
    /// # Errors
    /// It is not what this program writes.
    pub fn read(self, text: &str) -> Result<Imported, String> {
        match self {
            Self::Claude | Self::Cursor => json::read(text, "mcpServers"),
            Self::Vscode => json::read(text, "servers"),
            Self::Codex => toml::read(text),
        }
    }
}
