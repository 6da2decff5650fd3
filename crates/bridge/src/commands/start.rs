//! `agent start`: runs the servers, and the link to the gateway if there is one, until it is told to end.

use std::fs::{File, OpenOptions};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_edge_tunnel::agent::reconnect::Stop;
use tokio::sync::watch;

use super::approvals::at_terminal;
use super::ask::SOCKET;
use super::end::{End, Failure};
use super::loaded::{Loaded, begin, load, log};
use crate::agent::Agent;
use crate::agent::place::Place;
use crate::cli::{Command, Invocation};
use crate::config::diff::Difference;
use crate::control::serve::{Controlled, serve};
use crate::link::{Link, LinkState};
use crate::log::Log;

pub(super) async fn start(invocation: &Invocation) -> Result<End, Failure> {
    let log = log(invocation);
    let Loaded { config, path, place } = load(invocation)?;
    let (home, instance) = begin(log)?;
    let _lock = only_one(&home.run()).await?;
    let socket = home.run().join(SOCKET);
    let agent = Agent::begin(home, &place, config, instance, log)?;
    let (stop, mut stopped) = watch::channel(false);
    let (show, shown) = watch::channel(LinkState::Off);
    let takeover = invocation.command == Command::Start { takeover: true };
    let link = link(&agent, &place, takeover, show, log)?;
    let (leave, leaving) = watch::channel(false);
    let controlled = controlled(&agent, &path, invocation, stop, Arc::new(move || shown.borrow().said()));
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
    let linked = connected(link, leaving);
    tokio::pin!(linked);
    let refused = tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => None,
        () = signal() => None,
        refused = &mut linked => refused,
    };
    log.info("the agent ends", &[]);
    asking.abort();
    if refused.is_none() {
        leave.send_replace(true);
        linked.await;
    }
    agent.stop().await;
    serving.abort();
    let _ = std::fs::remove_file(&socket);
    match refused {
        None => Ok(End::Done),
        Some((Stop::Token, said)) => {
            let said = format!("the gateway refused the agent's token: {said}");
            Err(Failure { end: End::Credentials, said })
        }
        Some((Stop::InUse, said)) => {
            Err(Failure { end: End::InUse, said: format!("the gateway has this agent elsewhere: {said}") })
        }
    }
}

/// The link to the gateway, if there is one and this agent has a token for it.
fn link(
    agent: &Agent,
    place: &Place,
    takeover: bool,
    show: watch::Sender<LinkState>,
    log: Log,
) -> Result<Option<Link>, Failure> {
    let Some(gateway) = agent.config().server else { return Ok(None) };
    let token = place.resolve(&gateway.token, &mut Vec::new());
    let token = token.map_err(|said| Failure::config(format!("`server.token`: {said}")))?;
    if token.is_empty() {
        log.warn("there is no `server.token`: this machine only", &[]);
        return Ok(None);
    }
    Link::new(agent.clone(), &gateway, token, takeover, show, log).map(Some).map_err(Failure::config)
}

/// Runs the link until it may not connect again, or is told to leave; then `None`.
async fn connected(link: Option<Link>, mut leaving: watch::Receiver<bool>) -> Option<(Stop, String)> {
    let Some(link) = link else {
        let _ = leaving.wait_for(|leave| *leave).await;
        return None;
    };
    link.run(leaving).await
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
    link: Arc<dyn Fn() -> String + Send + Sync>,
) -> Controlled {
    let reload = reloading(agent.clone(), invocation.clone());
    Controlled { agent: agent.clone(), config: path.to_owned(), reload, link, stop }
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
