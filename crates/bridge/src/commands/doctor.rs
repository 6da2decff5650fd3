//! `doctor`: what could keep servers from running on this machine, and every server started once.

use std::fmt::Write;
use std::time::Duration;

use nexus_edge_mcp::catalogue::estimated_tokens;
use tokio::time::Instant;

use super::end::{End, Failure};
use super::loaded::{Loaded, begin, find, load, log};
use crate::agent::Agent;
use crate::cli::Invocation;
use crate::config::schema::Transport;
use crate::log::{Level, Log};
use crate::out;
use crate::process::child::resolve;
use crate::server::call::Origin;

/// How long a server may take to say what it has.
const START: Duration = Duration::from_secs(90);

pub(super) async fn doctor(invocation: &Invocation) -> Result<End, Failure> {
    out::print(&format!(
        "nexus-bridge {} on {} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    ));
    out::print(&format!("configuration  {}", find(invocation)?.path.display()));
    let Loaded { config, place, .. } = load(invocation)?;
    let path = std::env::var("PATH").ok();
    for program in ["node", "npx", "python3", "uvx", "docker"] {
        let found = resolve(program, path.as_deref(), &place.base);
        let shown = found.map_or_else(|_| "not found".to_owned(), |path| path.display().to_string());
        out::print(&format!("{program:14} {shown}"));
    }
    for server in &config.servers {
        if let Transport::Command { command, .. } = &server.transport
            && let Err(error) = resolve(command, path.as_deref(), &place.base)
        {
            out::print(&format!("{:14} {error}", server.name));
        }
    }
    let log = Log { level: log(invocation).level.min(Level::Error), ..log(invocation) };
    let (home, instance) = begin(log)?;
    let names: Vec<String> = config.servers.iter().map(|server| server.name.clone()).collect();
    let agent = Agent::begin(home, &place, config, instance, log)?;
    let mut failed = false;
    for name in names {
        failed |= !examine(&agent, &name).await;
    }
    agent.stop().await;
    Ok(if failed { End::Failed } else { End::Done })
}

/// Starts a server and says how it went. False: it did not.
async fn examine(agent: &Agent, name: &str) -> bool {
    let Some(handle) = agent.server(name) else { return false };
    let began = Instant::now();
    let ready = handle.ready(START).await;
    let took = began.elapsed().as_millis();
    let mut text = String::new();
    let fine = match (ready, handle.view().borrow().known.clone()) {
        (Ok(()), Some(known)) => {
            let tools = agent.tools(name, Origin::Local);
            let tokens: u64 = tools.iter().map(|tool| estimated_tokens(&tool.raw)).sum();
            let (all, shown) = (known.catalogue.tools.len(), tools.len());
            let _ = write!(
                text,
                "{name:14} ready after {took} ms, speaks {}, {shown} of {all} tools, about {tokens} tokens",
                known.version
            );
            true
        }
        (ready, _) => {
            let why = ready.err().map(|error| error.message).unwrap_or_default();
            let _ = write!(text, "{name:14} does not run: {why}");
            for line in handle.stderr(5) {
                let _ = write!(text, "\n{:14} | {line}", "");
            }
            false
        }
    };
    out::print(&text);
    handle.stop();
    fine
}
