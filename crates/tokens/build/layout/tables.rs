//! What the build script leaves: files of bytes, and the Rust source that includes and describes them.

use std::{fs, path::PathBuf};

/// The tables that have been written so far.
pub struct Tables {
    directory: PathBuf,
    /// The source that describes them.
    pub source: String,
}

impl Tables {
    /// Nothing yet, to be written to this directory.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, source: String::new() }
    }

    /// Writes bytes to a file, and returns the expression that is a reference to them.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.directory.join(format!("{name}.bin")), bytes).unwrap();
        format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.bin\"))")
    }

    /// Writes the source.
    pub fn finish(self) {
        fs::write(self.directory.join("tables.rs"), self.source).unwrap();
    }
}
