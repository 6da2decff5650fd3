//! The configuration that a command works with.

use std::path::{Path, PathBuf};

use super::end::Failure;
use crate::agent::place::{Place, home};
use crate::agent::{Unusable, new_instance};
use crate::cli::Invocation;
use crate::config::problem::Problem;
use crate::config::read::{Reading, read};
use crate::config::schema::Config;
use crate::config::search::{FOLDER, Found, Origin, search};
use crate::config::trust::Trusted;
use crate::files::Home;
use crate::log::{Log, LogFile};
use crate::process::leftovers::{Instance, end_all};

/// A configuration that may be used.
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Where it is.
    pub path: PathBuf,
    /// What its values stand for.
    pub place: Place,
}

/// The agent's folder.
#[must_use]
pub fn folder() -> Home {
    Home::of(&home(), variable("AI_BRIDGE_HOME").map(PathBuf::from))
}

/// A variable of the environment that is set to something.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The log that was asked for.
#[must_use]
pub fn log(invocation: &Invocation) -> Log {
    let file = invocation.log_file.as_deref().map(LogFile::of_process);
    Log { format: invocation.format, level: invocation.level, file }
}

/// Which file is the configuration.
///
/// # Errors
/// The working directory is gone.
pub fn find(invocation: &Invocation) -> Result<Found, Failure> {
    let here =
        std::env::current_dir().map_err(|error| Failure::new(format!("no working directory: {error}")))?;
    let found = search(invocation.config.as_deref(), &here, &home(), &|path| path.exists());
    let own = folder().config();
    // The folder may be elsewhere than in the home directory.
    Ok(if found.origin == Origin::Home { Found { path: own, ..found } } else { found })
}

/// Reads a file as a configuration.
///
/// # Errors
/// There is no such file.
pub fn reading(path: &Path) -> Result<(String, Reading), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::config(format!("{}: {error}", path.display())))?;
    let reading = read(&text, &variable);
    Ok((text, reading))
}

/// The configuration, which has no errors and is trusted. Warnings are logged.
///
/// # Errors
/// It cannot be used.
pub fn load(invocation: &Invocation) -> Result<Loaded, Failure> {
    let found = find(invocation)?;
    let (text, Reading { config, problems }) = reading(&found.path)?;
    let shown = found.path.display().to_string();
    if found.origin == Origin::Project && !trusted().contains(&shown, &text) {
        let said = format!(
            "{shown} came with this project and would start commands on this machine: \
             read it, then say `nexus-bridge config trust`"
        );
        return Err(Failure::config(said));
    }
    if problems.iter().any(Problem::is_error) {
        return Err(Failure::config(listed(&shown, &problems)));
    }
    for problem in problems {
        log(invocation)
            .warn("the configuration has an oddity", &[("file", &shown), ("what", &problem.to_string())]);
    }
    let place = Place { home: home(), base: base(&found) };
    Ok(Loaded { config, path: found.path, place })
}

/// Relative folders of a project's configuration begin at the project, others at the file or the home directory.
fn base(found: &Found) -> PathBuf {
    let folder = found.path.parent().unwrap_or(Path::new("/"));
    match found.origin {
        Origin::Home => home(),
        _ if folder.ends_with(FOLDER) => folder.parent().unwrap_or(folder).to_owned(),
        _ => folder.to_owned(),
    }
}

/// The configurations of projects that may be used.
#[must_use]
pub fn trusted() -> Trusted {
    Trusted::read(&std::fs::read_to_string(folder().trusted()).unwrap_or_default())
}

/// Problems, a line each, under the name of the file.
#[must_use]
pub fn listed(path: &str, problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| {
        let kind = if problem.is_error() { "error" } else { "warning" };
        format!("{path}:{}: {kind}: {}", problem.line, problem.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Makes the agent's folder, ends what agents that were killed left behind, and begins an instance.
///
/// # Errors
/// The folder cannot be written.
pub fn begin(log: Log) -> Result<(Home, Instance), Failure> {
    let home = folder();
    let said = |error: std::io::Error| Failure::new(format!("{}: {error}", home.run().display()));
    home.prepare().map_err(said)?;
    let ended = end_all(&home.run());
    if ended > 0 {
        let count = ended.to_string();
        log.warn("processes of an agent that was killed were ended", &[("count", &count)]);
    }
    let instance = Instance::begin(&home.run(), new_instance()).map_err(said)?;
    Ok((home, instance))
}

impl From<Unusable> for Failure {
    fn from(unusable: Unusable) -> Self {
        Self::config(unusable.0)
    }
}
