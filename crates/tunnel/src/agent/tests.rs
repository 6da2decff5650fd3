//! The frames of an agent in single situations. `simulation` checks the guarantees in all of them.

use super::*;

fn agent() -> Agent {
    let identity =
        Identity { agent_id: "laptop".into(), instance: "i".into(), version: "1".into(), os: "linux".into() };
    Agent::new(identity, false)
}

fn offer(state: &str, tools: &str) -> Offer {
    let catalog = RawValue::from_string(format!(r#"{{"tools":[{tools}]}}"#)).unwrap();
    Offer { name: "files".into(), state: state.into(), era: None, catalog: Some(catalog) }
}

fn welcome(want: &[&str]) -> Down {
    Down::Welcome(Welcome {
        epoch: 1,
        limits: Limits::default(),
        want: want.iter().map(ToString::to_string).collect(),
        keep: Vec::new(),
        drop: Vec::new(),
        send: Vec::new(),
    })
}

/// The frames as words: what is announced with its states.
fn said(acts: &[Act]) -> Vec<String> {
    let word = |act: &Act| match act {
        Act::Send(frame) => match &**frame {
            Up::Hello(hello) => format!("hello {}", states(&hello.servers)),
            Up::Announce(announce) => format!("servers {}", states(&announce.servers)),
            Up::Catalog(catalog) => format!("catalog {}", catalog.server),
            other => format!("{other:?}"),
        },
        other => format!("{other:?}"),
    };
    acts.iter().map(word).collect()
}

fn states(servers: &[Server]) -> String {
    servers.iter().map(|server| server.state.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_changes_before_the_welcome_is_told_after_it() {
    let mut agent = agent();
    assert!(agent.announce(vec![offer("starting", "")]).is_empty());
    assert_eq!(said(&agent.connected(0)), ["hello starting"]);
    assert!(agent.announce(vec![offer("ready", "1")]).is_empty());
    assert_eq!(said(&agent.frame(5, welcome(&["files"]))), ["catalog files", "servers ready"]);
}

#[test]
fn what_has_not_changed_is_not_told_again() {
    let mut agent = agent();
    agent.announce(vec![offer("ready", "1")]);
    agent.connected(0);
    assert!(said(&agent.frame(5, welcome(&[]))).is_empty());
    assert!(agent.announce(vec![offer("ready", "1")]).is_empty());
    assert_eq!(said(&agent.announce(vec![offer("ready", "1,2")])), ["servers ready"]);
    agent.disconnected();
    assert!(agent.announce(vec![offer("off", "1,2")]).is_empty());
    assert_eq!(said(&agent.connected(9)), ["hello off"]);
}

#[test]
fn another_instance_is_sent_away_once() {
    let mut agent = Agent::new(agent().identity, true);
    let takes_over = |acts: &[Act]| matches!(acts, [Act::Send(frame)] if matches!(&**frame, Up::Hello(hello) if hello.takeover));
    assert!(takes_over(&agent.connected(0)));
    agent.disconnected();
    assert!(takes_over(&agent.connected(5)));
    agent.frame(6, welcome(&[]));
    agent.disconnected();
    assert!(!takes_over(&agent.connected(9)));
}
