//! An MCP server that behaves as its arguments say, for the tests of the agent: well, or badly in one of the ways that real
//! servers do.
//!
//! `legacy` or `modern` first; then any of `dies-on-probe`, `crash-at-start`, `garbage`, `long-line`, `ignores-eof`,
//! `grandchild`, `slow-start`, `second-tool`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::zombie_processes,
    reason = "a server for tests speaks on stdout, and one that fails fails the test"
)]

use std::io::{BufRead, Write};
use std::time::Duration;

use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let does = |word: &str| arguments.iter().any(|argument| argument == word);
    if does("crash-at-start") {
        eprintln!("cannot start: {}", std::env::var("SECRET").unwrap_or_default());
        std::process::exit(7);
    }
    if does("slow-start") {
        std::thread::sleep(Duration::from_secs(1));
    }
    if does("grandchild") {
        std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    }
    if does("garbage") {
        println!("Welcome to the scripted server!\n\n{{\"not\": \"a message\"}}");
    }
    let server =
        Server { modern: does("modern"), second: does("second-tool"), dies_on_probe: does("dies-on-probe") };
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if does("long-line") && message["method"] == "tools/call" {
            println!("{}", "x".repeat(17 * 1024 * 1024));
        }
        server.hear(&message);
    }
    if does("ignores-eof") {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

struct Server {
    modern: bool,
    second: bool,
    dies_on_probe: bool,
}

impl Server {
    fn hear(&self, message: &Value) {
        let id = &message["id"];
        match message["method"].as_str().unwrap_or_default() {
            "server/discover" if self.dies_on_probe => std::process::exit(9),
            "server/discover" if self.modern => {
                answer(
                    id,
                    &json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": capabilities()}),
                );
            }
            "initialize" if !self.modern => {
                let info = json!({"name": "scripted", "version": "1"});
                answer(
                    id,
                    &json!({"protocolVersion": "2025-11-25", "capabilities": capabilities(), "serverInfo": info}),
                );
            }
            "initialize" => refuse(id, -32022),
            "tools/list" => answer(id, &json!({"tools": self.tools()})),
            "tools/call" => call(id, &message["params"]),
            "resources/list" => answer(id, &json!({"resources": [{"uri": "x:1", "name": "x"}]})),
            "resources/subscribe" if !self.modern => {
                answer(id, &json!({}));
                updated(&message["params"]["uri"], &json!({}));
            }
            "subscriptions/listen" if self.modern => {
                let meta = json!({"io.modelcontextprotocol/subscriptionId": id});
                for uri in message["params"]["notifications"]["resourceSubscriptions"]
                    .as_array()
                    .into_iter()
                    .flatten()
                {
                    updated(uri, &meta);
                }
            }
            "" | "notifications/initialized" | "notifications/cancelled" => {}
            _ => refuse(id, -32601),
        }
    }

    fn tools(&self) -> Vec<Value> {
        let mut names = vec!["echo", "sleep", "crash", "progress", "secret", "large"];
        if self.second {
            names.push("second");
        }
        names
            .iter()
            .map(|name| json!({"name": name, "inputSchema": {"type": "object"}, "x-unknown": 1.50}))
            .collect()
    }
}

fn capabilities() -> Value {
    json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}})
}

fn updated(uri: &Value, meta: &Value) {
    let params = json!({"uri": uri, "_meta": meta});
    say(&json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params}));
}

fn call(id: &Value, params: &Value) {
    let arguments = &params["arguments"];
    match params["name"].as_str().unwrap_or_default() {
        "echo" => text(id, &arguments.to_string()),
        "sleep" => {
            std::thread::sleep(Duration::from_millis(arguments["ms"].as_u64().unwrap_or(0)));
            text(id, "slept");
        }
        "crash" => {
            eprintln!("crashing");
            std::process::exit(3);
        }
        "progress" => {
            for step in 0..arguments["steps"].as_u64().unwrap_or(3) {
                let token = &params["_meta"]["progressToken"];
                say(
                    &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": step}}),
                );
                std::thread::sleep(Duration::from_millis(arguments["ms"].as_u64().unwrap_or(1)));
            }
            text(id, "progressed");
        }
        "secret" => {
            let secret = std::env::var("SECRET").unwrap_or_default();
            let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            eprintln!("the secret is {secret}");
            text(id, &json!({"length": secret.len(), "variables": names}).to_string());
        }
        "large" => {
            let bytes = usize::try_from(arguments["bytes"].as_u64().unwrap_or(0)).unwrap();
            text(id, &"x".repeat(bytes));
        }
        _ => refuse(id, -32602),
    }
}

fn text(id: &Value, text: &str) {
    answer(id, &json!({"content": [{"type": "text", "text": text}]}));
}

fn answer(id: &Value, result: &Value) {
    say(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
}

fn refuse(id: &Value, code: i64) {
    say(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "refused"}}));
}

fn say(message: &Value) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{message}").unwrap();
    stdout.flush().unwrap();
}
