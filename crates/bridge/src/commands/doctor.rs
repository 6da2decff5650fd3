//! `doctor`: what could keep servers from running on this machine, the way to the gateway, and every server started once.

use std::fmt::Write;
use std::time::Duration;

use nexus_edge_mcp::catalogue::estimated_tokens;
use tokio::time::Instant;

use super::end::{End, Failure};
use super::loaded::{Loaded, begin, find, load, log};
use crate::agent::Agent;
use crate::agent::place::Place;
use crate::cli::Invocation;
use crate::config::schema::{Config, Transport};
use crate::http::tls;
use crate::link::gateway::Gateway;
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
    out::print(&format!("{:14} {}", "certificates", tls::trusted()));
    let mut failed = !gateway(&config, &place).await;
    let log = Log { level: log(invocation).level.min(Level::Error), ..log(invocation) };
    let (home, instance) = begin(log)?;
    let names: Vec<String> = config.servers.iter().map(|server| server.name.clone()).collect();
    let agent = Agent::begin(home, &place, config, instance, log)?;
    for name in names {
        failed |= !examine(&agent, &name).await;
    }
    agent.stop().await;
    Ok(if failed { End::Failed } else { End::Done })
}

/// Asks the gateway for a ticket and says how it went. False: the agent could not connect.
async fn gateway(config: &Config, place: &Place) -> bool {
    let name = "gateway";
    let Some(server) = &config.server else {
        out::print(&format!("{name:14} none is configured: this machine only"));
        return true;
    };
    let token = match place.resolve(&server.token, &mut Vec::new()) {
        Ok(token) if token.is_empty() => Err("there is no `server.token`: nexus-bridge login".to_owned()),
        Ok(token) => Ok(token),
        Err(said) => Err(format!("`server.token`: {said}")),
    };
    // Without a token the way there can be looked at all the same.
    let asked = token.as_deref().unwrap_or("none");
    let seen = match Gateway::at(&server.url) {
        Ok(gateway) => gateway.look(asked).await.map_err(|refused| refused.said),
        Err(said) => Err(said),
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(why) => {
            out::print(&format!("{name:14} {} cannot be reached: {why}", server.url));
            if why.contains("certificate") {
                out::print(&format!(
                    "{:14} certificates are good for a time: is this machine's clock right?",
                    ""
                ));
            }
            return false;
        }
    };
    let how = if seen.is_secure { "encrypted" } else { "not encrypted" };
    let took = seen.took.as_millis();
    out::print(&format!("{name:14} {} answers after {took} ms, {how}", server.url));
    out::print(&format!("{:14} {}", "clock", clock(seen.ahead_ms)));
    let refused = match token {
        Ok(_) => seen.token.err().map(|refused| refused.said),
        Err(said) => Some(said),
    };
    out::print(&format!("{:14} {}", "token", refused.as_deref().unwrap_or("accepted")));
    refused.is_none()
}

/// What the clocks say. A gateway tells whole seconds, so less than two are none.
fn clock(ahead_ms: Option<i64>) -> String {
    let Some(ahead_ms) = ahead_ms else { return "the gateway does not say its time".to_owned() };
    let seconds = ahead_ms.unsigned_abs() / 1000;
    match (seconds, ahead_ms > 0) {
        (0 | 1, _) => "as the gateway's".to_owned(),
        (_, true) => format!("{seconds} s behind the gateway's"),
        (_, false) => format!("{seconds} s ahead of the gateway's"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_compared_by_whole_seconds() {
        assert_eq!(clock(Some(-1_900)), "as the gateway's");
        assert_eq!(clock(Some(3_600_500)), "3600 s behind the gateway's");
        assert_eq!(clock(Some(-2_000)), "2 s ahead of the gateway's");
        assert_eq!(clock(None), "the gateway does not say its time");
    }
}
