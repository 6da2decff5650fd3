//! Frames of the tunnel to agents, as either side may send them.

use std::collections::BTreeSet;

use nexus_edge_tunnel::agent::{Act, Agent, Identity, Outcome};
use nexus_edge_tunnel::frame::{Down, Up};
use nexus_edge_tunnel::part::Part;
use serde_json::value::RawValue;

/// Lines as frames. What is read is written in a form that is read as the same; parts keep their bytes; and an agent that is sent
/// the frames of a hub in any order never runs a call that it runs already.
pub fn tunnel_frames(data: &[u8]) {
    let identity = Identity {
        agent_id: "agent".to_owned(),
        instance: "instance".to_owned(),
        version: "1".to_owned(),
        os: "linux".to_owned(),
    };
    let mut agent = Agent::new(identity, false);
    let mut running = BTreeSet::new();
    let greeting = agent.connected(0);
    perform(&mut agent, 0, greeting, &mut running);
    for (now, line) in (1_u64..).zip(data.split(|byte| *byte == b'\n')) {
        if let Some(part) = Part::read(line) {
            assert_eq!(part.write(), line);
        }
        agent.part(line);
        let Ok(text) = std::str::from_utf8(line) else { continue };
        if let Ok(Some(frame)) = Up::read(text) {
            let written = frame.write();
            let again = Up::read(&written).unwrap().unwrap();
            assert_eq!(again.write(), written);
        }
        if let Ok(Some(frame)) = Down::read(text) {
            let written = frame.write();
            let again = Down::read(&written).unwrap().unwrap();
            assert_eq!(again.write(), written);
            let acts = agent.frame(now * 1_000, again);
            perform(&mut agent, now * 1_000, acts, &mut running);
        }
        let acts = agent.tick(now * 1_000);
        perform(&mut agent, now * 1_000, acts, &mut running);
    }
    assert_eq!(agent.running(), running.len());
}

/// Every second call ends at once; the others run on.
fn perform(agent: &mut Agent, now: u64, acts: Vec<Act>, running: &mut BTreeSet<String>) {
    for act in acts {
        let Act::Run(run) = act else { continue };
        assert!(running.insert(run.id.clone()), "a call that runs was begun again");
        if run.id.len() % 2 == 0 {
            running.remove(&run.id);
            let body = RawValue::from_string("{}".to_owned()).unwrap();
            let acts = agent.finished(now, &run.id, Outcome { ok: true, body });
            perform(agent, now, acts, running);
        }
    }
}
