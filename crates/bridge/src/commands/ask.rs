//! `agent status|reload|stop`: what a running agent is asked.

use std::fmt::Write;

use nexus_edge_mcp::json::text_of;
use serde_json::value::RawValue;

use super::end::{End, Failure};
use super::loaded::folder;
use crate::cli::Invocation;
use crate::control::ask::{NoAnswer, ask};
use crate::control::protocol::{Request, Status};
use crate::log::Format;
use crate::out;

/// The name of the agent's socket in the folder `run`.
pub(super) const SOCKET: &str = "agent.sock";

async fn answer(request: Request) -> Result<Box<RawValue>, Failure> {
    ask(&folder().run().join(SOCKET), &request).await.map_err(|error| match error {
        NoAnswer::NotRunning => Failure::new("no agent runs: `nexus-bridge agent start`"),
        NoAnswer::Refused(said) => Failure::new(said),
    })
}

pub(super) async fn status(invocation: &Invocation) -> Result<End, Failure> {
    let answer = answer(Request::Status).await?;
    if invocation.format == Format::Json {
        out::print(answer.get());
        return Ok(End::Done);
    }
    let status: Status =
        serde_json::from_str(answer.get()).map_err(|error| Failure::new(error.to_string()))?;
    out::print(table(&status).trim_end());
    Ok(End::Done)
}

fn table(status: &Status) -> String {
    let mut text = String::new();
    let name = if status.agent_id.is_empty() { "agent" } else { &status.agent_id };
    let _ =
        writeln!(text, "{name} (nexus-bridge {}, process {}), {}", status.version, status.pid, status.config);
    let _ = match &status.gateway {
        Some(gateway) => writeln!(text, "gateway: {gateway}, {}", status.link),
        None => writeln!(text, "gateway: none: this machine only"),
    };
    let _ = writeln!(
        text,
        "{:20} {:9} {:7} {:>5} {:>5} {:>6}  ",
        "server", "state", "era", "tools", "calls", "starts"
    );
    for server in &status.servers {
        let tools = server.tools.map_or_else(|| "?".to_owned(), |tools| tools.to_string());
        let _ = writeln!(
            text,
            "{:20} {:9} {:7} {tools:>5} {:>5} {:>6}  {}",
            server.name,
            server.state,
            server.era.as_deref().unwrap_or("?"),
            server.calls,
            server.starts,
            server.last_error.as_deref().unwrap_or_default(),
        );
    }
    text
}

pub(super) async fn reload() -> Result<End, Failure> {
    say(&answer(Request::Reload).await?);
    Ok(End::Done)
}

pub(super) async fn stop() -> Result<End, Failure> {
    say(&answer(Request::Stop).await?);
    // The agent removes its socket as the last thing it does.
    let socket = folder().run().join(SOCKET);
    for _ in 0..800 {
        if !socket.exists() {
            return Ok(End::Done);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Err(Failure::new("the agent still ends its servers"))
}

fn say(answer: &RawValue) {
    out::print(&text_of(answer).unwrap_or_default());
}
