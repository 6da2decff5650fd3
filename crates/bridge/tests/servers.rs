//! The agent with real children: both eras, and servers that misbehave as real ones do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use nexus_edge_bridge::agent::Agent;
use nexus_edge_bridge::machine::supervision::State;
use nexus_edge_bridge::server::call::{CallFault, Note};
use nexus_edge_mcp::version::Era;
use support::{Folder, begin, call, call_of, config, config_text, scripted, text, until};
use tokio::sync::mpsc;

/// The last line that the scripted server writes to stderr when `tool` is called. Lines of stderr come later than answers.
async fn last_words(agent: &Agent, tool: &str) -> String {
    let handle = agent.server("s").unwrap();
    let waited = tokio::time::timeout(Duration::from_mins(1), async {
        loop {
            if let Some(line) = handle.stderr(1).pop() {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("nothing on stderr within a minute after `{tool}`"))
}

#[tokio::test]
async fn both_eras_answer_and_objects_stay_as_they_are() {
    for (era, word) in [(Era::Legacy, "legacy"), (Era::Modern, "modern")] {
        let folder = Folder::new();
        let agent = begin(&folder, config(word, ""));
        assert_eq!(call(&agent, "echo", r#"{"a":1}"#).await.as_deref(), Ok(r#"{"a":1}"#));
        let view = until(&agent, "ready", |view| view.state == State::Ready).await;
        assert_eq!((view.era, view.starts), (Some(era), 1));
        let tool = view.known.as_ref().unwrap().catalogue.tool("echo").unwrap().raw.get().to_owned();
        assert!(tool.contains(r#""x-unknown":1.5"#), "{tool}");
        agent.stop().await;
    }
}

#[tokio::test]
async fn a_lazy_server_is_offered_from_its_cached_catalogue_and_starts_at_the_first_call() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy", ""));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    agent.stop().await;
    let agent = begin(&folder, config("legacy", ""));
    // A start would be asked for before the first call is.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (_, view) = agent.servers().remove(0);
    assert_eq!((view.state, view.stale, view.starts), (State::Off, true, 0));
    assert_eq!(view.known.unwrap().catalogue.tools.len(), 6);
    assert!(call(&agent, "echo", "{}").await.is_ok());
    agent.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_of_the_probe_is_asked_in_the_older_era() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy, dies-on-probe", ""));
    let view = until(&agent, "ready", |view| view.state == State::Ready).await;
    assert_eq!((view.era, view.starts), (Some(Era::Legacy), 2));
    agent.stop().await;
    // The era is remembered: the next agent does not ask.
    let agent = begin(&folder, config("legacy, dies-on-probe", ""));
    assert!(call(&agent, "echo", "{}").await.is_ok());
    assert_eq!(agent.servers()[0].1.starts, 1);
    agent.stop().await;
}

#[tokio::test]
async fn a_crash_ends_the_calls_in_flight_and_only_them() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy", ""));
    let error = agent.call(call_of("crash", "{}")).await.unwrap_err();
    assert_eq!(error.kind, CallFault::Crashed);
    assert!(call(&agent, "echo", "{}").await.is_ok());
    assert_eq!(last_words(&agent, "crash").await, "crashing");
    agent.stop().await;
}

#[tokio::test]
async fn what_is_no_message_is_passed_over_and_a_line_without_end_ends_the_child() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy, garbage, long-line", ""));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    let error = agent.call(call_of("echo", "{}")).await.unwrap_err();
    assert_eq!(error.kind, CallFault::Crashed);
    let view = until(&agent, "stopped", |view| view.last_error.is_some()).await;
    assert!(view.last_error.unwrap().contains("16 MiB"));
    agent.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_start_is_tried_five_times_a_minute_and_says_why() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy, crash-at-start", "start: eager, era: legacy"));
    let view = until(&agent, "failed", |view| view.state == State::Failed).await;
    assert_eq!(view.starts, 5);
    let error = agent.call(call_of("echo", "{}")).await.unwrap_err();
    assert_eq!(error.kind, CallFault::Unavailable);
    assert!(error.message.contains("exit status: 7"), "{error}");
    agent.stop().await;
}

#[tokio::test]
async fn a_program_that_does_not_exist_fails_at_once() {
    let folder = Folder::new();
    let agent = begin(&folder, config_text("mcp_servers:\n  - {name: s, command: no-such-program-here}\n"));
    let error = agent.call(call_of("echo", "{}")).await.unwrap_err();
    assert_eq!(error.kind, CallFault::Unavailable);
    assert!(error.message.contains("not found in PATH"), "{error}");
    agent.stop().await;
}

#[tokio::test]
async fn secrets_reach_the_child_and_nothing_else() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("key"), "a-very-secret-value\n").unwrap();
    let text = format!(
        "mcp_servers:\n  - {{name: s, command: '{}', args: [legacy], env: {{SECRET: '${{file:~/key}}'}}}}\n",
        scripted()
    );
    nexus_edge_bridge::files::private(&folder.0.join("key"), 0o600).unwrap();
    let agent = begin(&folder, config_text(&text));
    let answer: serde_json::Value =
        serde_json::from_str(&call(&agent, "secret", "{}").await.unwrap()).unwrap();
    assert_eq!(answer["length"], 19);
    let names = answer["variables"].to_string();
    assert!(names.contains("PATH") && !names.contains("CARGO"), "{names}");
    assert_eq!(last_words(&agent, "secret").await, "the secret is [secret]");
    agent.stop().await;
    let kept = std::fs::read_dir(folder.0.join(".ai-bridge/cache")).unwrap().next().unwrap().unwrap();
    assert!(!std::fs::read_to_string(kept.path()).unwrap().contains("a-very-secret-value"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_secret_that_others_can_read_is_refused() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("key"), "a-very-secret-value\n").unwrap();
    nexus_edge_bridge::files::private(&folder.0.join("key"), 0o644).unwrap();
    let error = folder.place().resolve("${file:~/key}", &mut Vec::new()).unwrap_err();
    assert!(error.contains("chmod 600"), "{error}");
}

#[tokio::test]
async fn progress_begins_the_silence_anew() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy", "timeout: 10s, max_timeout: 2m"));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    let (notes, mut heard) = mpsc::channel(64);
    let mut slow = call_of("progress", r#"{"steps":48,"ms":250}"#);
    slow.notes = Some(notes);
    assert_eq!(text(agent.call(slow).await).as_deref(), Ok("progressed"));
    assert!(matches!(heard.recv().await, Some(Note::Progress(_))));
    agent.stop().await;
}

#[tokio::test]
async fn a_call_that_is_silent_for_too_long_has_an_end() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy", "timeout: 1s"));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    let error = agent.call(call_of("sleep", r#"{"ms":60000}"#)).await.unwrap_err();
    assert_eq!(error.kind, CallFault::Timeout);
    agent.stop().await;
}

#[tokio::test]
async fn a_call_can_be_given_up_by_its_id() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy", ""));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    let call = call_of("sleep", r#"{"ms":60000}"#);
    let id = call.id.clone();
    let (result, ()) = tokio::join!(agent.call(call), async {
        until(&agent, "the call", |view| view.calls == 1).await;
        agent.cancel(&id, "not needed any more");
    });
    assert_eq!(result.unwrap_err().kind, CallFault::Canceled);
    agent.stop().await;
}

#[tokio::test]
async fn an_unused_server_is_stopped_and_started_again_when_it_is_called() {
    let folder = Folder::new();
    let agent = begin(&folder, config("legacy", "idle_stop: 1s"));
    until(&agent, "stopped", |view| view.state == State::Off && view.starts == 1).await;
    assert!(call(&agent, "echo", "{}").await.is_ok());
    assert!(agent.servers()[0].1.starts >= 2);
    agent.stop().await;
}

#[tokio::test]
async fn many_calls_share_one_child() {
    let folder = Folder::new();
    let agent = begin(&folder, config("modern", "concurrency: 2"));
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let agent = agent.clone();
            tokio::spawn(async move { call(&agent, "echo", &number.to_string()).await })
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), Ok(number.to_string()));
    }
    assert_eq!(agent.servers()[0].1.starts, 1);
    agent.stop().await;
}

#[tokio::test]
async fn watched_resources_are_told_in_both_eras_and_again_after_a_restart() {
    for word in ["legacy", "modern"] {
        let folder = Folder::new();
        let agent = begin(&folder, config(word, "idle_stop: 1s"));
        until(&agent, "known", |view| view.known.is_some()).await;
        let mut updates = agent.updates();
        agent.watch("s", BTreeSet::from(["x:1".to_owned()]));
        let told = ("s".to_owned(), "x:1".to_owned());
        assert_eq!(updates.recv().await.as_ref(), Ok(&told));
        // A server that is watched runs again by itself, and is asked again.
        let _ = call(&agent, "crash", "{}").await;
        assert_eq!(updates.recv().await.as_ref(), Ok(&told));
        agent.watch("s", BTreeSet::new());
        until(&agent, "stopped", |view| view.state == State::Off).await;
        agent.stop().await;
    }
}

#[tokio::test]
async fn a_reload_restarts_only_what_differs() {
    let folder = Folder::new();
    let two = |second: &str| {
        let scripted = scripted();
        config_text(&format!(
            "mcp_servers:\n  - {{name: s, command: '{scripted}', args: [legacy]}}\n  - {{name: t, command: '{scripted}', args: [legacy{second}]}}\n"
        ))
    };
    let agent = begin(&folder, two(""));
    until(&agent, "ready", |view| view.state == State::Ready).await;
    assert!(call(&agent, "echo", "{}").await.is_ok());
    let pid = agent.server("s").unwrap().view().borrow().pid;
    let difference = agent.reload(&folder.place(), two(", second-tool")).unwrap();
    assert_eq!((difference.kept, difference.restarted), (vec!["s".to_owned()], vec!["t".to_owned()]));
    until(&agent, "the new tool", |view| {
        view.known.as_ref().is_some_and(|known| known.catalogue.tool("second").is_some())
    })
    .await;
    assert_eq!(agent.server("s").unwrap().view().borrow().pid, pid);
    agent.stop().await;
}
