//! Which configurations of projects may start commands.
//!
//! A configuration that is found by walking up from the working directory may have come with a cloned repository. It is
//! used only after its owner said so with `config trust`, and again after every change: what is remembered is the hash of
//! the file's content together with its path.

use std::fmt::Write;

use nexus_edge_hash::checksum_hex;

/// The files that were trusted, as they stand in `~/.ai-bridge/trusted`: a line each, `<hash> <path>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trusted {
    entries: Vec<(String, String)>,
}

impl Trusted {
    /// Reads the file. Lines that are not understood are left out, so that what they said is not trusted.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let entries = text.lines().filter_map(|line| line.split_once(' '));
        Self { entries: entries.map(|(hash, path)| (hash.to_owned(), path.to_owned())).collect() }
    }

    /// The text of the file.
    #[must_use]
    pub fn write(&self) -> String {
        self.entries.iter().fold(String::new(), |mut text, (hash, path)| {
            let _ = writeln!(text, "{hash} {path}");
            text
        })
    }

    /// Whether this content was trusted at this path.
    #[must_use]
    pub fn contains(&self, path: &str, content: &str) -> bool {
        let hash = fingerprint(path, content);
        self.entries.iter().any(|(known, at)| at == path && *known == hash)
    }

    /// Trusts this content at this path, in place of what was trusted there.
    pub fn add(&mut self, path: &str, content: &str) {
        self.entries.retain(|(_, at)| at != path);
        self.entries.push((fingerprint(path, content), path.to_owned()));
    }
}

/// The path is part of it: the same content elsewhere has other relative commands.
fn fingerprint(path: &str, content: &str) -> String {
    checksum_hex(format!("{path}\n{content}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_content_or_place_is_not_trusted() {
        let mut trusted = Trusted::default();
        trusted.add("/p/a b/config.yaml", "x: 1");
        let trusted = Trusted::read(&trusted.write());
        assert!(trusted.contains("/p/a b/config.yaml", "x: 1"));
        assert!(!trusted.contains("/p/a b/config.yaml", "x: 2"));
        assert!(!trusted.contains("/q/config.yaml", "x: 1"));
    }

    #[test]
    fn the_last_word_about_a_path_counts() {
        let mut trusted = Trusted::default();
        trusted.add("/p", "old");
        trusted.add("/p", "new");
        assert!(!trusted.contains("/p", "old"));
        assert!(trusted.contains("/p", "new"));
    }
}
