//! The agent's folder, `~/.ai-bridge`, and how files in it are written: whole or not at all, and for their owner only.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::config::search::FOLDER;

/// Where the agent keeps things.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
}

impl Home {
    /// The folder of this user: `AI_BRIDGE_HOME`, else `.ai-bridge` in the home directory.
    #[must_use]
    pub fn of(home: &Path, named: Option<PathBuf>) -> Self {
        Self { folder: named.unwrap_or_else(|| home.join(FOLDER)) }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("config.yaml")
    }

    /// The list of configurations of projects that may be used.
    #[must_use]
    pub fn trusted(&self) -> PathBuf {
        self.folder.join("trusted")
    }

    /// The tools that were accepted.
    #[must_use]
    pub fn pins(&self) -> PathBuf {
        self.folder.join("pins.json")
    }

    /// The catalogue of a server, by the hash of what is started.
    #[must_use]
    pub fn catalogue(&self, hash: &str) -> PathBuf {
        self.folder.join("cache").join(format!("{hash}.json"))
    }

    /// The agent's token for the gateway.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.join("agent.key")
    }

    /// The log of an agent that runs as a service.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("log").join("agent.log")
    }

    /// Where locks, sockets and lists of children are.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Makes the folders, for their owner only.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn prepare(&self) -> io::Result<()> {
        for folder in [self.folder.clone(), self.folder.join("cache"), self.run()] {
            fs::create_dir_all(&folder)?;
            private(&folder, 0o700)?;
        }
        Ok(())
    }
}

/// Writes a file whole or not at all, readable for its owner only.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, content: &str) -> io::Result<()> {
    write_bytes(path, content.as_bytes())
}

/// [`write()`] for what is no text in UTF-8.
///
/// # Errors
/// It cannot be written.
pub fn write_bytes(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("not a file"))?;
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let written = write_new(&partial, content).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Sets who may use a file or folder.
///
/// # Errors
/// It is not ours.
#[cfg(unix)]
pub fn private(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// Files in a user's folder are that user's on Windows.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn private(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Reads a secret from a file, which others must not be able to read, without white space at its end.
///
/// # Errors
/// What is wrong, for people.
pub fn secret(path: &Path) -> Result<String, String> {
    let shown = path.display();
    #[cfg(unix)]
    {
        let metadata = fs::metadata(path).map_err(|error| format!("{shown}: {error}"))?;
        let mode = std::os::unix::fs::MetadataExt::mode(&metadata);
        if mode & 0o077 != 0 {
            return Err(format!("{shown} can be read by others: `chmod 600` it first"));
        }
    }
    let text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    Ok(text.trim_end().to_owned())
}

/// A path whose `~` is the home directory.
#[must_use]
pub fn expand(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None if path == "~" => home.to_owned(),
        None => PathBuf::from(path),
    }
}
