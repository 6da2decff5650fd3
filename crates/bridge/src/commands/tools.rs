//! `tools list|call|pins|accept`. They start the servers themselves, so that no agent has to run.

use std::fmt::Write;
use std::time::Duration;

use nexus_edge_mcp::catalogue::{Catalogue, estimated_tokens};
use nexus_edge_mcp::json::{Members, raw, string, to_raw};
use nexus_edge_mcp::trust::Change;

use super::approvals::at_terminal;
use super::end::{End, Failure};
use super::loaded::{Loaded, begin, load, log};
use crate::agent::{Agent, new_instance};
use crate::cli::Invocation;
use crate::config::schema::Config;
use crate::log::{Format, Level, Log};
use crate::out;
use crate::server::call::{Call, Origin};
use crate::server::view::View;

/// How long a server may take to say what it has.
const START: Duration = Duration::from_secs(90);

/// An agent for one command, with the servers that it needs.
async fn with(invocation: &Invocation, server: Option<&str>) -> Result<Agent, Failure> {
    let Loaded { mut config, place, .. } = load(invocation)?;
    if let Some(name) = server {
        keep(&mut config, name)?;
    }
    let log = Log { level: log(invocation).level.min(Level::Warn), ..log(invocation) };
    let (home, instance) = begin(log)?;
    Ok(Agent::begin(home, &place, config, instance, log)?)
}

fn keep(config: &mut Config, name: &str) -> Result<(), Failure> {
    config.servers.retain(|server| server.name == name);
    if config.servers.is_empty() {
        return Err(Failure::new(format!("there is no server `{name}` in the configuration")));
    }
    Ok(())
}

/// Starts every server and waits until it has said what it has, or cannot.
pub(super) async fn fresh(agent: &Agent) -> Vec<(String, View)> {
    let mut seen = Vec::new();
    for (name, _) in agent.servers() {
        if let Some(handle) = agent.server(&name) {
            let _ = handle.ready(START).await;
            seen.push((name, handle.view().borrow().clone()));
        }
    }
    seen
}

pub(super) async fn list(invocation: &Invocation, server: Option<&str>) -> Result<End, Failure> {
    let agent = with(invocation, server).await?;
    let (mut text, mut rows, mut failed) = (String::new(), Vec::new(), false);
    for (name, view) in fresh(&agent).await {
        let Some(known) = view.known.filter(|_| !view.stale) else {
            failed = true;
            let _ =
                writeln!(text, "{name}: {}", view.last_error.as_deref().unwrap_or("nothing is known of it"));
            continue;
        };
        let shown = agent.tools(&name, Origin::Local);
        let tokens: u64 = shown.iter().map(|tool| estimated_tokens(&tool.raw)).sum();
        let _ = writeln!(text, "{name} ({}): {} tools, about {tokens} tokens", known.version, shown.len());
        for tool in &known.catalogue.tools {
            let hidden = !shown.iter().any(|other| other.name == tool.name);
            let tokens = estimated_tokens(&tool.raw);
            let mark = if hidden { "  hidden" } else { "" };
            let _ = writeln!(text, "  {:40} {tokens:>6}{mark}", tool.name);
            rows.push(serde_json::json!({
                "server": name, "tool": tool.name, "tokens": tokens, "hidden": hidden, "definition": tool.raw,
            }));
        }
    }
    agent.stop().await;
    let json = invocation.format == Format::Json;
    out::print(if json { to_raw(&rows).get().to_owned() } else { text }.trim_end());
    Ok(if failed { End::Failed } else { End::Done })
}

pub(super) async fn call(
    invocation: &Invocation,
    server: &str,
    tool: &str,
    arguments: &str,
) -> Result<End, Failure> {
    let arguments = raw(arguments.to_owned()).filter(|value| value.get().starts_with('{'));
    let arguments = arguments.ok_or_else(|| Failure::new("the arguments must be a JSON object"))?;
    let agent = with(invocation, Some(server)).await?;
    let mut params = Members::default();
    params.set("name", string(tool));
    params.set("arguments", arguments);
    let call = Call {
        id: new_instance(),
        server: server.to_owned(),
        method: "tools/call".to_owned(),
        params: Some(params.write()),
        deadline: Duration::from_hours(24),
        origin: Origin::Local,
        notes: None,
        asks: None,
    };
    // The person who typed the call is the one to be asked about it.
    let asking = tokio::spawn({
        let agent = agent.clone();
        async move { at_terminal(&agent).await }
    });
    let result = agent.call(call).await;
    asking.abort();
    agent.stop().await;
    let result = result.map_err(|error| Failure::new(error.to_string()))?;
    out::print(result.get());
    let failed =
        Members::parse(result.get()).is_ok_and(|result| result.read::<bool>("isError") == Some(true));
    Ok(if failed { End::Failed } else { End::Done })
}

pub(super) async fn pins(invocation: &Invocation) -> Result<End, Failure> {
    let agent = with(invocation, None).await?;
    let (mut text, mut all) = (String::new(), Vec::new());
    for (name, view) in fresh(&agent).await {
        let Some(known) = view.known.filter(|_| !view.stale) else { continue };
        for change in changes(&agent, &name, &known.catalogue)? {
            let _ = writeln!(text, "{name}: {}", told(&change));
            all.push(serde_json::json!({ "server": name, "change": change }));
        }
    }
    agent.stop().await;
    let nothing = "all tools are those that were accepted";
    let text = if text.is_empty() { nothing } else { text.trim_end() };
    out::print(
        if invocation.format == Format::Json { to_raw(&all).get().to_owned() } else { text.to_owned() }
            .as_str(),
    );
    Ok(End::Done)
}

fn changes(agent: &Agent, server: &str, catalogue: &Catalogue) -> Result<Vec<Change>, Failure> {
    agent.shelf().look(|book| book.changes(server, catalogue)).map_err(|damaged| Failure::new(damaged.0))
}

/// A change for people, with what it was and is.
fn told(change: &Change) -> String {
    match change {
        Change::Added { tool } => format!("`{tool}` is new"),
        Change::Removed { tool } => format!("`{tool}` is gone"),
        Change::Unusable { tool } => {
            format!("`{tool}` cannot be accepted: its definition is ambiguous or too deep")
        }
        Change::Changed { tool, members } => {
            let mut text = format!("`{tool}` has changed");
            for change in members {
                let of = |value: Option<&serde_json::value::RawValue>| {
                    value.map_or("nothing", |value| value.get()).to_owned()
                };
                let (before, after) = (of(change.before.as_deref()), of(change.after.as_deref()));
                let _ = write!(text, "\n    {}\n      was {before}\n      is  {after}", change.member);
            }
            // What a definition hides must not reach the terminal.
            nexus_edge_mcp::text::visible(&text)
        }
    }
}

pub(super) async fn accept(
    invocation: &Invocation,
    server: &str,
    tool: Option<&str>,
) -> Result<End, Failure> {
    let agent = with(invocation, Some(server)).await?;
    let seen = fresh(&agent).await.pop();
    let known = seen.and_then(|(_, view)| view.known.filter(|_| !view.stale));
    let Some(known) = known else {
        agent.stop().await;
        return Err(Failure::new(format!("`{server}` does not say what it has: see nexus-bridge doctor")));
    };
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    let changed = agent.shelf().change(|book| {
        for change in book.changes(server, &known.catalogue) {
            let (Change::Added { tool: name }
            | Change::Changed { tool: name, .. }
            | Change::Removed { tool: name }
            | Change::Unusable { tool: name }) = &change;
            if tool.is_some_and(|tool| tool != name) {
                continue;
            }
            match known.catalogue.tool(name) {
                Some(item) if book.accept(server, item) => accepted.push(name.clone()),
                Some(_) => refused.push(name.clone()),
                None => {
                    book.forget(server, name);
                    accepted.push(name.clone());
                }
            }
        }
        !accepted.is_empty()
    });
    agent.stop().await;
    changed.map_err(|damaged| Failure::new(damaged.0))?;
    if !refused.is_empty() {
        return Err(Failure::new(format!("these cannot be accepted: {}", refused.join(", "))));
    }
    let said = if accepted.is_empty() {
        "nothing had changed".to_owned()
    } else {
        format!("accepted: {}", accepted.join(", "))
    };
    out::print(&said);
    Ok(End::Done)
}
