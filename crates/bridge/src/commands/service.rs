//! `service install|uninstall|status`: the agent from each sign-in to this machine on.

use std::path::Path;
use std::process::Command;

use super::end::{End, Failure};
use super::loaded::{find, folder, load, variable};
use crate::agent::place::home;
use crate::cli::{Invocation, ServiceCommand};
use crate::config::search::Origin;
use crate::service::{Line, Manager, Service, shown};
use crate::{files, out};

/// What the agent needs of the environment in which the service is installed.
const VARIABLES: &[&str] = &[
    "PATH",
    "AI_BRIDGE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
];

pub(super) fn service(invocation: &Invocation, what: ServiceCommand, dry_run: bool) -> Result<End, Failure> {
    let manager = Manager::of(std::env::consts::OS);
    let manager = manager.ok_or_else(|| Failure::new("there is no service for this system"))?;
    let plan = manager.plan(&described(invocation, what)?);
    let (file, is_there) = (plan.file.display().to_string(), plan.file.exists());
    let show = |lines: &[Line]| lines.iter().for_each(|line| out::print(&format!("$ {}", shown(line))));
    match what {
        ServiceCommand::Install if dry_run => {
            out::print(&format!("# {file}\n{}", plan.content.trim_end()));
            show(&plan.install);
        }
        ServiceCommand::Install => {
            runs(&plan.status)?;
            let said = |error: std::io::Error| Failure::new(format!("{file}: {error}"));
            files::write_bytes(&plan.file, &plan.bytes()).map_err(said)?;
            say_all(&plan.install)?;
            out::print(&format!(
                "the agent runs as a service ({file}); its log: {}",
                folder().log().display()
            ));
        }
        ServiceCommand::Uninstall if dry_run => {
            show(&plan.uninstall);
            out::print(&format!("$ rm {file}"));
            show(&plan.removed);
        }
        ServiceCommand::Uninstall if !is_there => {
            return Err(Failure::new(format!("no service is installed: there is no {file}")));
        }
        ServiceCommand::Uninstall => {
            // What does not run cannot be ended, and is removed all the same.
            let ended = say_all(&plan.uninstall);
            std::fs::remove_file(&plan.file).map_err(|error| Failure::new(format!("{file}: {error}")))?;
            ended?;
            say_all(&plan.removed)?;
            out::print("the service is removed");
        }
        ServiceCommand::Status if dry_run => show(&[plan.status]),
        ServiceCommand::Status if !is_there => {
            out::print("not installed");
            return Ok(End::Failed);
        }
        ServiceCommand::Status => {
            let is_running = runs(&plan.status)?;
            out::print(&format!("{} ({file})", if is_running { "runs" } else { "does not run" }));
            return Ok(if is_running { End::Done } else { End::Failed });
        }
    }
    Ok(End::Done)
}

/// What is to run: this program, with the configuration that it would use now.
fn described(invocation: &Invocation, what: ServiceCommand) -> Result<Service, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::new(error.to_string()))?;
    let mut args = Vec::new();
    if what == ServiceCommand::Install {
        let found = find(invocation)?;
        if found.origin == Origin::Project {
            let said = "a service has no project: name the configuration with --config";
            return Err(Failure::config(said));
        }
        // A service that ends at once is worse than none.
        load(invocation)?;
        args.extend(["--config".to_owned(), found.path.display().to_string()]);
    }
    let log = invocation.log_file.clone().unwrap_or_else(|| folder().log());
    args.extend(["--log-file".to_owned(), log.display().to_string()]);
    args.extend(["agent", "start"].map(str::to_owned));
    let variables = VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?)));
    Ok(Service {
        program: program.display().to_string(),
        args,
        variables: variables.collect(),
        user: user(&home()),
        home: home(),
    })
}

/// The user that a folder belongs to.
#[cfg(unix)]
fn user(folder: &Path) -> u32 {
    std::fs::metadata(folder).map_or(0, |metadata| std::os::unix::fs::MetadataExt::uid(&metadata))
}

#[cfg(not(unix))]
fn user(_folder: &Path) -> u32 {
    0
}

/// Whether a command succeeds; what it says is not shown.
fn runs(line: &Line) -> Result<bool, Failure> {
    let (program, args) = line.split_first().ok_or_else(|| Failure::new("there is no command"))?;
    let output = Command::new(program).args(args).output();
    output.map(|output| output.status.success()).map_err(|error| Failure::new(format!("{program}: {error}")))
}

fn say_all(lines: &[Line]) -> Result<(), Failure> {
    for line in lines {
        let (program, args) = line.split_first().ok_or_else(|| Failure::new("there is no command"))?;
        let status = Command::new(program).args(args).status();
        let status = status.map_err(|error| Failure::new(format!("{program}: {error}")))?;
        if !status.success() {
            return Err(Failure::new(format!("`{}` ended with {status}", shown(line))));
        }
    }
    Ok(())
}
