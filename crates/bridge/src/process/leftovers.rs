//! Children of agents that were killed. Each agent keeps a locked file in `~/.ai-bridge/run`, named by its instance, with the
//! group of every child. An agent that starts finds files that are not locked any more, and ends what their children left.
//!
//! A number of a process may belong to another program by then, so nothing is ended by its number alone. Linux tells the
//! environment of a process, in which a child carries its agent's instance ([`super::environment::MARKER`]), and so finds
//! processes that left their group as well. Elsewhere the program that `ps` shows must be the one that was started.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// This agent's file. The lock lasts as long as the value.
#[derive(Debug)]
pub struct Instance {
    /// Random, 16 hexadecimal digits.
    pub id: String,
    path: PathBuf,
    file: File,
}

impl Instance {
    /// Makes the file of a new instance in this folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn begin(folder: &Path, id: String) -> io::Result<Self> {
        let path = folder.join(format!("{id}.children"));
        // It has its name only once it is locked: another agent that starts now must not take it for a file without an agent.
        let unlocked = folder.join(format!("{id}.begins"));
        let file = OpenOptions::new().create_new(true).append(true).open(&unlocked)?;
        file.try_lock().map_err(|error| io::Error::other(error.to_string()))?;
        fs::rename(&unlocked, &path)?;
        Ok(Self { id, path, file })
    }

    /// Remembers a child.
    pub fn note(&mut self, group: u32, program: &str) {
        let _ = writeln!(self.file, "{group} {program}");
        let _ = self.file.flush();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Ends what agents that are gone left behind. Answers how many processes there were.
#[must_use]
pub fn end_all(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found = 0;
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "children")) {
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        let instance = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        found += end(&instance, &fs::read_to_string(&path).unwrap_or_default());
        let _ = fs::remove_file(&path);
    }
    found
}

#[cfg(target_os = "linux")]
fn end(instance: &str, _groups: &str) -> usize {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    let marker = format!("{}={instance}", super::environment::MARKER);
    let mut ended = std::collections::BTreeSet::new();
    // A process may have started another one while the list was read: as often as something was found.
    for _ in 0..5 {
        let pids = marked(marker.as_bytes());
        if pids.is_empty() {
            break;
        }
        for pid in pids {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            ended.insert(pid);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    ended.len()
}

/// The processes with this variable. One that has ended and was not waited for has no environment any more.
#[cfg(target_os = "linux")]
fn marked(marker: &[u8]) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_string_lossy().parse::<i32>().ok());
    let carries = |pid: &i32| {
        let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        variables.split(|byte| *byte == 0).any(|variable| variable == marker)
    };
    pids.filter(carries).collect()
}

#[cfg(all(unix, not(target_os = "linux")))]
fn end(_instance: &str, groups: &str) -> usize {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    let mut ended = 0;
    for (group, program) in groups.lines().filter_map(|line| line.split_once(' ')) {
        let Some(number) = group.parse::<i32>().ok().filter(|number| *number > 1) else { continue };
        let shown = std::process::Command::new("ps").args(["-o", "command=", "-p", group]).output();
        let command =
            shown.map(|shown| String::from_utf8_lossy(&shown.stdout).into_owned()).unwrap_or_default();
        if command.contains(program) && killpg(Pid::from_raw(number), Signal::SIGKILL).is_ok() {
            ended += 1;
        }
    }
    ended
}

/// Job objects end with their agent.
#[cfg(not(unix))]
fn end(_instance: &str, _groups: &str) -> usize {
    0
}
