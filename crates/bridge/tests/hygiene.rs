//! No process is left behind: whatever ends the agent, and however badly its servers behave.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{Folder, begin, call, config, config_text, scripted, until};

use nexus_edge_bridge::machine::supervision::State;

/// Those of the processes that run.
fn alive(pids: &[u32]) -> Vec<u32> {
    let runs = |pid: &&u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A process that has ended and was not waited for yet is not one that was left behind.
        stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
    };
    pids.iter().filter(runs).copied().collect()
}

/// The processes that run with this text in their environment.
fn processes(part: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_string_lossy().parse::<u32>().ok());
    let matches = |pid: &u32| {
        let variables = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&variables).contains(part)
    };
    alive(&pids.filter(matches).collect::<Vec<_>>())
}

fn mark(folder: &Folder) -> String {
    folder.0.file_name().unwrap().to_string_lossy().into_owned()
}

/// A configuration whose servers carry the folder's name in their environment.
fn marked(folder: &Folder, arguments: &str) -> String {
    let (mark, scripted) = (mark(folder), scripted());
    format!(
        "mcp_servers:\n  - {{name: s, command: '{scripted}', args: [{arguments}], env: {{MARK: '{mark}'}}, start: eager}}\n"
    )
}

#[tokio::test]
async fn a_child_that_ignores_everything_and_its_children_end_with_the_agent() {
    let folder = Folder::new();
    let (mark, scripted) = (mark(&folder), scripted());
    // The shell ignores SIGTERM, and so does what it becomes.
    let text = format!(
        "mcp_servers:\n  - {{name: s, command: sh, args: ['-c', \"trap '' TERM; exec {scripted} legacy ignores-eof grandchild\"], env: {{MARK: '{mark}'}}, start: eager}}\n"
    );
    let agent = begin(&folder, config_text(&text));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    wait("the child and its child", || processes(&mark).len() == 2);
    agent.stop().await;
    wait("no process is left", || processes(&mark).is_empty());
}

#[tokio::test]
async fn a_child_whose_leader_ends_by_itself_leaves_nothing() {
    let folder = Folder::new();
    let agent = begin(&folder, config_text(&marked(&folder, "legacy, grandchild")));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    let mark = mark(&folder);
    wait("the child and its child", || processes(&mark).len() == 2);
    let before = processes(&mark);
    let _ = call(&agent, "crash", "{}").await;
    wait("the child's child has ended", || alive(&before).is_empty());
    agent.stop().await;
    wait("no process is left", || processes(&mark).is_empty());
}

#[tokio::test]
async fn an_agent_that_is_dropped_ends_its_children() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy", "start: eager"));
    let view = until(&agent, "ready", |view| view.state == State::Ready).await;
    let pid = view.pid.unwrap();
    drop(agent);
    for _ in 0..600 {
        if alive(&[pid]).is_empty() {
            return;
        }
        // The tasks of the agent, which end the child, run meanwhile.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the child {pid} still runs after 30 s");
}

#[tokio::test]
async fn servers_that_a_reload_still_ends_are_waited_for() {
    let folder = Folder::new();
    let agent = begin(&folder, config_text(&marked(&folder, "legacy, ignores-eof, grandchild")));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    let mark = mark(&folder);
    wait("the child and its child", || processes(&mark).len() == 2);
    agent.reload(&folder.place(), config_text("mcp_servers: []\n")).unwrap();
    agent.stop().await;
    wait("no process is left", || processes(&mark).is_empty());
}

fn start(folder: &Folder, config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_nexus-bridge"))
        .args(["agent", "start", "--log-level", "error", "--config"])
        .arg(config)
        .env("HOME", &folder.0)
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

fn say(folder: &Folder, words: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-bridge"));
    command.args(words).env("HOME", &folder.0).stdin(Stdio::null()).output().unwrap()
}

fn wait(what: &str, is: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("not within 30 s: {what}");
}

/// 40 agents, five times each of: start, reload, kill -9. A server that ignores the end of its input survives its agent,
/// and not the next one.
#[test]
fn two_hundred_cycles_leave_no_process() {
    let folder = Folder::new();
    let file = folder.0.join("bridge.yaml");
    let mark = mark(&folder);
    for round in 0..40 {
        std::fs::write(&file, marked(&folder, "legacy")).unwrap();
        let mut agent = start(&folder, &file);
        wait("the agent runs", || say(&folder, &["agent", "status"]).status.success());
        for cycle in 0..5 {
            let stubborn = if cycle == 4 && round % 4 == 0 { ", ignores-eof, grandchild" } else { "" };
            std::fs::write(&file, marked(&folder, &format!("legacy, round-{round}-{cycle}{stubborn}")))
                .unwrap();
            let answer = say(&folder, &["agent", "reload"]);
            assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        }
        if round % 2 == 0 {
            agent.kill().unwrap();
        } else {
            assert!(say(&folder, &["agent", "stop"]).status.success());
        }
        agent.wait().unwrap();
    }
    // What the killed ones left is ended by the next agent.
    std::fs::write(&file, "version: \"1\"\n").unwrap();
    let mut agent = start(&folder, &file);
    wait("the last agent runs", || say(&folder, &["agent", "status"]).status.success());
    assert!(say(&folder, &["agent", "stop"]).status.success());
    agent.wait().unwrap();
    wait("no process is left", || processes(&mark).is_empty());
}

#[test]
fn a_second_agent_is_refused_with_its_own_exit_code() {
    let folder = Folder::new();
    let file = folder.0.join("bridge.yaml");
    std::fs::write(&file, "version: \"1\"\n").unwrap();
    let mut agent = start(&folder, &file);
    wait("the agent runs", || say(&folder, &["agent", "status"]).status.success());
    let second = start(&folder, &file).wait().unwrap();
    assert_eq!(second.code(), Some(4));
    assert!(say(&folder, &["agent", "stop"]).status.success());
    assert_eq!(agent.wait().unwrap().code(), Some(0));
}
