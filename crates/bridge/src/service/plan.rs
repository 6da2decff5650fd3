//! What makes a service, whatever the manager: the program that it runs, the file that describes it, and the commands.

use std::path::{Path, PathBuf};

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The program, as a whole path.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The environment that the manager would not give it.
    pub variables: Vec<(String, String)>,
    /// The user's home directory.
    pub home: PathBuf,
    /// The number of the user, where users have one.
    pub user: u32,
}

/// A program and its arguments.
pub type Line = Vec<String>;

/// What makes a service, ends it, and says whether it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The file that describes it.
    pub file: PathBuf,
    /// What the file says.
    pub content: String,
    /// Whether the manager reads the file in UTF-16.
    pub is_wide: bool,
    /// What is said once the file is there.
    pub install: Vec<Line>,
    /// What is said before the file is removed.
    pub uninstall: Vec<Line>,
    /// What is said once it is gone.
    pub removed: Vec<Line>,
    /// What answers whether it runs.
    pub status: Line,
}

impl Plan {
    /// The file's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        if !self.is_wide {
            return self.content.clone().into_bytes();
        }
        let marked = std::iter::once(0xFEFF).chain(self.content.encode_utf16());
        marked.flat_map(u16::to_le_bytes).collect()
    }
}

/// A line as people would type it.
#[must_use]
pub fn shown(line: &[String]) -> String {
    let word = |word: &String| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.:=@\\".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) { word.clone() } else { format!("\"{word}\"") }
    };
    line.iter().map(word).collect::<Vec<_>>().join(" ")
}

pub(super) fn line(words: &[&str]) -> Line {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A text in XML.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
pub(super) fn example() -> Service {
    Service {
        program: "/opt/my tools/nexus-bridge".to_owned(),
        args: ["--config", "/home/u/100% \"mine\" & $HOME.yaml", "agent", "start"]
            .map(str::to_owned)
            .to_vec(),
        variables: vec![("PATH".to_owned(), "/a b/bin:/usr/bin".to_owned())],
        home: PathBuf::from("/home/u"),
        user: 501,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_as_they_are_typed() {
        assert_eq!(shown(&line(&["a", "--b", "c d"])), "a --b \"c d\"");
    }
}
