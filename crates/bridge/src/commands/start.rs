//! `agent start`: runs the servers until it is told to end.

use std::fs::{File, OpenOptions};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::approvals::at_terminal;
use super::ask::SOCKET;
use super::end::{End, Failure};
use super::loaded::{Loaded, begin, load, log};
use crate::agent::Agent;
use crate::cli::Invocation;
use crate::config::diff::Difference;
use crate::control::serve::{Controlled, serve};

pub(super) async fn start(invocation: &Invocation) -> Result<End, Failure> {
    let log = log(invocation);
    let Loaded { config, path, place } = load(invocation)?;
    let (home, instance) = begin(log)?;
    let _lock = only_one(&home.run()).await?;
    let socket = home.run().join(SOCKET);
    let agent = Agent::begin(home, &place, config, instance, log)?;
    let (stop, mut stopped) = watch::channel(false);
    let controlled = controlled(&agent, &path, invocation, stop);
    let serving = tokio::spawn({
        let socket = socket.clone();
        async move { serve(&socket, controlled).await }
    });
    log.info("the agent runs", &[("config", &path.display().to_string())]);
    let asking = tokio::spawn({
        let agent = agent.clone();
        async move {
            if std::io::stdin().is_terminal() {
                at_terminal(&agent).await;
            }
        }
    });
    tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => {}
        () = signal() => {}
    }
    log.info("the agent ends", &[]);
    asking.abort();
    agent.stop().await;
    serving.abort();
    let _ = std::fs::remove_file(&socket);
    Ok(End::Done)
}

/// One agent a user: the lock lasts as long as the file is open. An agent that was killed a moment ago may still have a child
/// between its creation and its start, which holds the lock for that moment.
async fn only_one(folder: &Path) -> Result<File, Failure> {
    let path = folder.join("agent.lock");
    let said = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(said)?;
    for _ in 0..40 {
        if file.try_lock().is_ok() {
            return Ok(file);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Failure { end: End::InUse, said: "an agent runs already: `nexus-bridge agent status`".to_owned() })
}

/// What the control socket of an agent speaks for.
pub(super) fn controlled(
    agent: &Agent,
    path: &Path,
    invocation: &Invocation,
    stop: watch::Sender<bool>,
) -> Controlled {
    let reload = reloading(agent.clone(), invocation.clone());
    Controlled { agent: agent.clone(), config: path.to_owned(), reload, stop }
}

fn reloading(agent: Agent, invocation: Invocation) -> Arc<dyn Fn() -> Result<String, String> + Send + Sync> {
    Arc::new(move || {
        let Loaded { config, place, .. } = load(&invocation).map_err(|failure| failure.said)?;
        agent.reload(&place, config).map(|difference| told(&difference)).map_err(|unusable| unusable.0)
    })
}

/// What a reload did, for people.
fn told(difference: &Difference) -> String {
    let parts = [
        ("added", &difference.added),
        ("removed", &difference.removed),
        ("restarted", &difference.restarted),
        ("changed", &difference.changed),
        ("kept", &difference.kept),
    ];
    let named = parts.iter().filter(|(_, names)| !names.is_empty());
    let said: Vec<String> = named.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect();
    if said.is_empty() { "no servers are configured".to_owned() } else { said.join("; ") }
}

/// Waits for a signal that asks to end.
#[cfg(unix)]
pub(super) async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(not(unix))]
pub(super) async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
