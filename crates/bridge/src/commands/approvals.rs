//! `approvals`: shows calls that wait, of the agent and of every program that serves a local client, and answers them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use nexus_edge_mcp::text::visible;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};

use super::end::{End, Failure};
use super::loaded::folder;
use crate::agent::Agent;
use crate::control::ask::ask;
use crate::control::protocol::Request;
use crate::out;
use crate::server::call::{Answer, Approval};

/// How often the calls that wait are asked for.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn approvals() -> Result<End, Failure> {
    out::note("waiting for calls that need an approval; ctrl-c ends this");
    let mut lines = BufReader::new(stdin()).lines();
    let mut shown = BTreeSet::new();
    loop {
        for (socket, approval) in waiting().await {
            if !shown.insert(approval.id.clone()) {
                continue;
            }
            let Some(answer) = prompt(&approval, &mut lines).await else { return Ok(End::Done) };
            if ask(&socket, &Request::Answer { id: approval.id, answer }).await.is_err() {
                out::note("  it does not wait any more");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks at the terminal for the calls of this agent that wait, until its input ends.
pub(super) async fn at_terminal(agent: &Agent) {
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        for approval in agent.desk().waiting() {
            let Some(answer) = prompt(&approval, &mut lines).await else {
                agent.desk().answer(&approval.id, Answer::Deny);
                return;
            };
            agent.desk().answer(&approval.id, answer);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks about one call. `None`: the input has ended.
async fn prompt(approval: &Approval, lines: &mut Lines<BufReader<Stdin>>) -> Option<Answer> {
    let arguments = approval.arguments.as_deref().map_or("{}", |arguments| arguments.get());
    let question = format!("{} wants to run `{}` with {arguments}", approval.server, approval.tool);
    // What arguments hide must not reach the terminal.
    out::note(&visible(&question));
    out::note("  y: this call   s: this tool until the agent ends   a: this tool always   n: no");
    Some(match lines.next_line().await.ok()??.trim() {
        "y" => Answer::Once,
        "s" => Answer::Session,
        "a" => Answer::Always,
        _ => Answer::Deny,
    })
}

/// The calls that wait, with the socket of their program.
async fn waiting() -> Vec<(PathBuf, Approval)> {
    let Ok(entries) = std::fs::read_dir(folder().run()) else { return Vec::new() };
    let sockets = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut all = Vec::new();
    for socket in sockets.filter(|path| path.extension().is_some_and(|extension| extension == "sock")) {
        let Ok(answer) = ask(&socket, &Request::Approvals).await else { continue };
        let approvals: Vec<Approval> = serde_json::from_str(answer.get()).unwrap_or_default();
        all.extend(approvals.into_iter().map(|approval| (socket.clone(), approval)));
    }
    all
}
