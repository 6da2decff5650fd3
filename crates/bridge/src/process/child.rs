//! A child process in a group of its own, and how it is ended: stdin is closed, then SIGTERM, then SIGKILL, and it is waited
//! for. Nothing of its group is left behind.
//!
//! On Windows the group is a job object that ends with the agent, and there is no gentle signal.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

#[cfg(windows)]
use process_wrap::tokio::JobObject;
#[cfg(unix)]
use process_wrap::tokio::ProcessGroup;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::timeout;

/// How long a child has to end after its stdin was closed.
const AFTER_CLOSING: Duration = Duration::from_secs(2);
/// How long a child has to end after SIGTERM.
const AFTER_TERMINATING: Duration = Duration::from_secs(3);

/// What is started. Not `Debug`: the environment holds secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program, as configured.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub variables: BTreeMap<String, String>,
    /// Its working directory.
    pub folder: PathBuf,
}

/// A child that was started.
#[derive(Debug)]
pub struct Child {
    inner: Box<dyn ChildWrapper>,
    group: u32,
}

/// The three streams of a child.
#[derive(Debug)]
pub struct Streams {
    /// What it reads.
    pub stdin: ChildStdin,
    /// What it answers.
    pub stdout: ChildStdout,
    /// What it says to people.
    pub stderr: ChildStderr,
}

/// Starts a child.
///
/// # Errors
/// The program was not found or cannot be run.
pub fn start(launch: &Launch) -> io::Result<(Child, Streams)> {
    let program = resolve(&launch.program, launch.variables.get("PATH").map(String::as_str), &launch.folder)?;
    let mut command = CommandWrap::with_new(program, |command| {
        command
            .args(&launch.args)
            .env_clear()
            .envs(&launch.variables)
            .current_dir(&launch.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    });
    #[cfg(unix)]
    command.wrap(ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(JobObject);
    command.wrap(KillOnDrop);
    let mut inner = command.spawn()?;
    let group = inner.id().unwrap_or_default();
    let streams = (inner.stdin().take(), inner.stdout().take(), inner.stderr().take());
    let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
        return Err(io::Error::other("the child has no streams"));
    };
    Ok((Child { inner, group }, Streams { stdin, stdout, stderr }))
}

/// The file of a program: a path is taken from the working directory, a name is searched in `PATH`, on Windows with the
/// endings of `PATHEXT`.
///
/// # Errors
/// There is no such program.
pub fn resolve(program: &str, path: Option<&str>, folder: &Path) -> io::Result<PathBuf> {
    which::which_in(program, path, folder)
        .map_err(|_| io::Error::new(io::ErrorKind::NotFound, format!("`{program}` was not found in PATH")))
}

impl Child {
    /// The number of its process, which is that of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.group
    }

    /// Waits until it has ended, whatever ended it. May be given up and called again.
    pub async fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.inner.wait().await.ok();
        self.end_group();
        status
    }

    /// Ends it and waits for that. Its stdin must have been dropped.
    pub async fn end(&mut self) -> Option<ExitStatus> {
        if let Ok(status) = timeout(AFTER_CLOSING, self.inner.wait()).await {
            self.end_group();
            return status.ok();
        }
        self.terminate();
        if let Ok(status) = timeout(AFTER_TERMINATING, self.inner.wait()).await {
            self.end_group();
            return status.ok();
        }
        self.kill().await
    }

    /// Ends it without asking.
    pub async fn kill(&mut self) -> Option<ExitStatus> {
        let _ = self.inner.start_kill();
        let status = self.inner.wait().await.ok();
        self.end_group();
        status
    }

    #[cfg(unix)]
    fn terminate(&self) {
        let _ = self.inner.signal(nix::sys::signal::Signal::SIGTERM as i32);
    }

    #[cfg(not(unix))]
    fn terminate(&self) {}

    /// The leader of a group may end before its children, as `npx` does: what is left ends now.
    #[cfg(unix)]
    fn end_group(&self) {
        if let Some(group) = i32::try_from(self.group).ok().filter(|group| *group > 1) {
            let _ = nix::sys::signal::killpg(
                nix::unistd::Pid::from_raw(group),
                nix::sys::signal::Signal::SIGKILL,
            );
        }
    }

    /// The job object ends what is left.
    #[cfg(not(unix))]
    fn end_group(&self) {}
}
