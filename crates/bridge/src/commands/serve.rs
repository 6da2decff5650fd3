//! `agent serve-mcp`: one MCP server on standard streams, for a client that starts this program.

use std::sync::Arc;

use tokio::io::{stdin, stdout};
use tokio::sync::watch;

use super::end::{End, Failure};
use super::loaded::{Loaded, begin, load, log};
use super::start::{controlled, signal};
use crate::agent::Agent;
use crate::cli::Invocation;
use crate::control::serve::serve;
use crate::serve::run;

pub(super) async fn serve_mcp(invocation: &Invocation) -> Result<End, Failure> {
    let log = log(invocation);
    let Loaded { config, path, place } = load(invocation)?;
    let (home, instance) = begin(log)?;
    // For `approvals`: a client that cannot ask its user leaves that to this machine.
    let socket = home.run().join(format!("serve-{}.sock", instance.id));
    let agent = Agent::begin(home, &place, config, instance, log)?;
    let (stop, mut stopped) = watch::channel(false);
    let controlled = controlled(&agent, &path, invocation, stop, Arc::new(|| "off".to_owned()));
    let serving = tokio::spawn({
        let socket = socket.clone();
        async move { serve(&socket, controlled).await }
    });
    tokio::select! {
        () = run(agent.clone(), stdin(), stdout()) => {}
        _ = stopped.wait_for(|stop| *stop) => {}
        () = signal() => {}
    }
    agent.stop().await;
    serving.abort();
    let _ = std::fs::remove_file(&socket);
    Ok(End::Done)
}
