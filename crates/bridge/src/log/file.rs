//! The log in a file, for an agent without a terminal. A file that is full becomes `.1`, what was that becomes `.2`, and so on:
//! at most [`KEPT`] older files are kept. Files are for their owner only.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Bytes of a file that is full.
const FULL: u64 = 10 * 1024 * 1024;
/// Older files that are kept.
const KEPT: u32 = 3;

/// The log file of this process: there is one, so that a [`super::Log`] can be copied.
static OF_PROCESS: OnceLock<LogFile> = OnceLock::new();

/// A file that lines are added to.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    full: u64,
    /// The file and its bytes; `None` until the first line, and after an error.
    open: Mutex<Option<(File, u64)>>,
}

impl LogFile {
    /// The log file of this process. The first call decides which one it is.
    #[must_use]
    pub fn of_process(path: &Path) -> &'static Self {
        OF_PROCESS.get_or_init(|| Self::new(path, FULL))
    }

    fn new(path: &Path, full: u64) -> Self {
        Self { path: path.to_owned(), full, open: Mutex::new(None) }
    }

    /// Adds a line. False: it could not be written.
    pub fn add(&self, line: &str) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if open.as_ref().is_some_and(|(_, size)| *size > 0 && size.saturating_add(bytes) > self.full) {
            *open = None;
            self.rotate();
        }
        if open.is_none() {
            *open = self.begin();
        }
        let Some((file, size)) = open.as_mut() else { return false };
        *size = size.saturating_add(bytes);
        let is_written = file.write_all(line.as_bytes()).is_ok();
        if !is_written {
            *open = None;
        }
        is_written
    }

    fn begin(&self) -> Option<(File, u64)> {
        std::fs::create_dir_all(self.path.parent()?).ok()?;
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path).ok()?;
        let size = file.metadata().ok()?.len();
        Some((file, size))
    }

    fn rotate(&self) {
        for age in (1..KEPT).rev() {
            let _ = std::fs::rename(self.aged(age), self.aged(age + 1));
        }
        let _ = std::fs::rename(&self.path, self.aged(1));
    }

    fn aged(&self, age: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{age}"));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_kept_under_another_name_and_the_oldest_is_gone() {
        let folder = std::env::temp_dir().join(format!("nexus-bridge-{}", crate::agent::new_instance()));
        let path = folder.join("log").join("agent.log");
        let read = |age: u32| {
            let log = LogFile::new(&path, 10);
            let path = if age == 0 { path.clone() } else { log.aged(age) };
            std::fs::read_to_string(path).unwrap_or_default()
        };
        let log = LogFile::new(&path, 10);
        for line in ["a\n", "a longer line\n", "c\n", "d\n", "another long line\n", "f\n", "0123456789\n"] {
            assert!(log.add(line));
        }
        assert_eq!(
            [read(0), read(1), read(2), read(3), read(4)],
            ["0123456789\n", "f\n", "another long line\n", "c\nd\n", ""]
        );
        // A file that is there is continued.
        let log = LogFile::new(&path, 100);
        assert!(log.add("more\n"));
        assert_eq!(read(0), "0123456789\nmore\n");
        #[cfg(unix)]
        {
            let metadata = std::fs::metadata(&path).unwrap();
            assert_eq!(std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777, 0o600);
        }
        std::fs::remove_dir_all(&folder).unwrap();
        let log = LogFile::new(Path::new("/dev/null/agent.log"), 10);
        assert!(!log.add("x\n"));
    }
}
