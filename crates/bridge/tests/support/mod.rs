//! Agents and servers for tests.

use std::path::PathBuf;
use std::time::Duration;

use nexus_edge_bridge::agent::place::Place;
use nexus_edge_bridge::agent::{Agent, new_instance};
use nexus_edge_bridge::config::read::read;
use nexus_edge_bridge::config::schema::Config;
use nexus_edge_bridge::files::Home;
use nexus_edge_bridge::log::{Level, Log};
use nexus_edge_bridge::process::leftovers::Instance;
use nexus_edge_bridge::server::call::{Call, CallResult, Origin};
use nexus_edge_bridge::server::view::View;
use nexus_edge_mcp::json::raw;

/// A folder that is gone with the value.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("nexus-bridge-{}", new_instance()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn home(&self) -> Home {
        Home::of(&self.0, None)
    }

    pub fn place(&self) -> Place {
        Place { home: self.0.clone(), base: self.0.clone() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The scripted server, which cargo builds as an example.
pub fn scripted() -> String {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples").join("scripted_server");
    assert!(path.exists(), "{} is missing: cargo build -p nexus-edge-bridge --examples", path.display());
    path.to_string_lossy().into_owned()
}

/// A configuration with one scripted server called `s`; `more` is YAML of the server, such as `start: eager`.
pub fn config(arguments: &str, more: &str) -> Config {
    config_text(&format!(
        "mcp_servers:\n  - {{name: s, command: '{}', args: [{arguments}], {more}}}\n",
        scripted()
    ))
}

pub fn config_text(text: &str) -> Config {
    let reading = read(text, &|_| None);
    assert!(reading.is_usable(), "{:?}", reading.problems);
    reading.config
}

pub fn begin(folder: &Folder, config: Config) -> Agent {
    let home = folder.home();
    home.prepare().unwrap();
    let instance = Instance::begin(&home.run(), new_instance()).unwrap();
    let log = Log { level: Level::Error, ..Log::default() };
    Agent::begin(home, &folder.place(), config, instance, log).unwrap()
}

pub fn call_of(tool: &str, arguments: &str) -> Call {
    let params = raw(format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#));
    Call {
        id: new_instance(),
        server: "s".to_owned(),
        method: "tools/call".to_owned(),
        params,
        deadline: Duration::from_mins(2),
        origin: Origin::Local,
        notes: None,
        asks: None,
    }
}

/// Calls a tool and answers the text of its result.
pub async fn call(agent: &Agent, tool: &str, arguments: &str) -> Result<String, String> {
    text(agent.call(call_of(tool, arguments)).await)
}

pub fn text(result: CallResult) -> Result<String, String> {
    let result = result.map_err(|error| error.to_string())?;
    let value: serde_json::Value = serde_json::from_str(result.get()).unwrap();
    Ok(value["content"][0]["text"].as_str().unwrap_or_default().to_owned())
}

/// Waits until the server looks as it should.
pub async fn until(agent: &Agent, what: &str, is: impl Fn(&View) -> bool) -> View {
    let waited = tokio::time::timeout(Duration::from_mins(1), async {
        let mut changes = agent.changes();
        loop {
            if let Some((_, view)) = agent.servers().into_iter().find(|(_, view)| is(view)) {
                return view;
            }
            let _ = tokio::time::timeout(Duration::from_millis(100), changes.changed()).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("not within a minute: {what}: {:?}", agent.servers()))
}
