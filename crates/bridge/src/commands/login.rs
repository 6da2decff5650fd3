//! `login`: keeps a token with which the agent connects to the gateway, and writes the configuration that says so.
//!
//! The secret comes on stdin, never as an argument, which other users of the machine could read. It is a person's API key, with
//! which a token of the agent is made and which is then forgotten, or a token that was made elsewhere. The gateway and the agent
//! are those of the options or of the user's own configuration: a project's file could name another gateway.

use std::io::IsTerminal;
use std::path::Path;

use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use super::end::{End, Failure};
use super::loaded::{folder, listed, reading};
use crate::agent::place::home;
use crate::cli::Invocation;
use crate::config::read::{is_tunnel_address, read};
use crate::config::schema::Config;
use crate::link::gateway::{Gateway, Refused};
use crate::log::now_ms;
use crate::{files, out};

/// What a token of an agent begins with.
const TOKEN: &str = "ag-nx-";
const DAY_MS: u64 = 86_400_000;

pub(super) async fn login(
    invocation: &Invocation,
    gateway: Option<&str>,
    agent: Option<&str>,
    reset: bool,
) -> Result<End, Failure> {
    let file = invocation.config.clone().unwrap_or_else(|| folder().config());
    let (text, config) = if file.exists() {
        let (text, reading) = reading(&file)?;
        if !reading.is_usable() {
            return Err(Failure::config(listed(&file.display().to_string(), &reading.problems)));
        }
        (text, reading.config)
    } else {
        (String::new(), Config::default())
    };
    let configured = config.server.as_ref().map(|server| server.url.clone());
    let url = gateway.map(tunnel_of).or(configured);
    let url = url.ok_or_else(|| Failure::config("name the gateway: login --gateway https://…"))?;
    if !is_tunnel_address(&url) {
        return Err(Failure::config("the gateway's address must begin with https:// or wss://"));
    }
    let id = agent.unwrap_or(&config.agent.id);
    if id.is_empty() {
        return Err(Failure::config("name this agent: login --agent my-laptop"));
    }
    let asked = Gateway::at(&url).map_err(Failure::config)?;
    let secret = secret(&url).await?;
    let token = if secret.starts_with(TOKEN) {
        let seen = asked.look(&secret).await.map_err(|refused| failed(&refused))?;
        seen.token.map_err(|refused| failed(&refused))?;
        secret
    } else {
        let made = asked.make_token(&secret, id, reset).await.map_err(|refused| failed(&refused))?;
        let days = made.expires_at.saturating_add(DAY_MS / 2).saturating_sub(now_ms()) / DAY_MS;
        out::print(&format!("a token for `{id}` was made: it is good for {days} days"));
        made.token
    };
    let key = folder().key();
    files::write(&key, &format!("{token}\n"))
        .map_err(|error| Failure::new(format!("{}: {error}", key.display())))?;
    out::print(&format!("the token is in {}", key.display()));
    configure(&file, &text, &config, &Wanted { url: &url, id, token: &reference(&key) })
}

/// What the configuration has to say.
struct Wanted<'a> {
    url: &'a str,
    id: &'a str,
    token: &'a str,
}

impl Wanted<'_> {
    fn is_in(&self, config: &Config) -> bool {
        let server = config.server.as_ref();
        server.is_some_and(|server| server.url == self.url && server.token == self.token)
            && config.agent.id == self.id
    }

    fn server(&self) -> String {
        let (url, token) = (serde_json::json!(self.url), serde_json::json!(self.token));
        format!("server: {{url: {url}, token: {token}}}")
    }

    fn agent(&self) -> String {
        format!("agent: {{id: {}}}", self.id)
    }
}

/// Lets the configuration name gateway, token and agent: by lines at its end, or by what a person has to write.
fn configure(file: &Path, text: &str, config: &Config, wanted: &Wanted<'_>) -> Result<End, Failure> {
    if wanted.is_in(config) {
        return Ok(End::Done);
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut more = format!("{text}{end}{}\n", wanted.server());
    if config.agent.id.is_empty() {
        more.push_str(&wanted.agent());
        more.push('\n');
    }
    // Keys that are there already, or a file in another form, make this no configuration.
    let written = read(&more, &|_| None);
    if !written.is_usable() || !wanted.is_in(&written.config) {
        out::print(&format!("{} has to say:\n{}\n{}", file.display(), wanted.server(), wanted.agent()));
        return Ok(End::Done);
    }
    files::write(file, &more).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    out::print(&format!("{} names the gateway and the agent now", file.display()));
    Ok(End::Done)
}

/// A gateway's address as that of its tunnel.
fn tunnel_of(url: &str) -> String {
    let secure = url.strip_prefix("https://").map(|rest| format!("wss://{rest}"));
    let plain = || url.strip_prefix("http://").map(|rest| format!("ws://{rest}"));
    let url = secure.or_else(plain).unwrap_or_else(|| url.to_owned());
    let url = url.trim_end_matches('/');
    if url.ends_with("/tunnel") { url.to_owned() } else { format!("{url}/bridge/tunnel") }
}

/// How a configuration names a file.
fn reference(path: &Path) -> String {
    let shown = match path.strip_prefix(home()) {
        Ok(rest) => format!("~/{}", rest.display()),
        Err(_) => path.display().to_string(),
    };
    format!("${{file:{shown}}}")
}

fn failed(refused: &Refused) -> Failure {
    let end = if refused.is_about_credentials { End::Credentials } else { End::Failed };
    let hint = match refused.code.as_str() {
        "agent_token_exists" => {
            "; `login --reset` replaces it, and ends the connection of the agent that has it"
        }
        _ => "",
    };
    Failure { end, said: format!("the gateway: {}{hint}", refused.said) }
}

/// The line on stdin; at a terminal it is asked for and not shown.
async fn secret(url: &str) -> Result<String, Failure> {
    let _hidden = std::io::stdin().is_terminal().then(|| {
        let page = url.replacen("ws", "http", 1);
        let page = page.strip_suffix("/bridge/tunnel").unwrap_or(&page);
        out::note(&format!("API keys are made at {page}/console/keys."));
        out::note("Paste an API key, or a token of this agent (ag-nx-…); it is not shown:");
        hidden::Hidden::begin()
    });
    let mut line = String::new();
    let read = BufReader::new(stdin()).read_line(&mut line).await;
    read.map_err(|error| Failure::new(format!("stdin: {error}")))?;
    let secret = line.trim().to_owned();
    if secret.is_empty() {
        return Err(Failure::new("login needs an API key or a token of the agent on stdin"));
    }
    Ok(secret)
}

#[cfg(unix)]
mod hidden {
    //! A terminal that does not show what is typed.

    use std::io::stdin;

    use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

    /// Shows it again when it is dropped.
    pub(super) struct Hidden(Option<Termios>);

    impl Hidden {
        pub(super) fn begin() -> Self {
            let before = tcgetattr(stdin()).ok();
            if let Some(before) = &before {
                let mut silent = before.clone();
                silent.local_flags.remove(LocalFlags::ECHO);
                let _ = tcsetattr(stdin(), SetArg::TCSANOW, &silent);
            }
            Self(before)
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                let _ = tcsetattr(stdin(), SetArg::TCSANOW, before);
            }
        }
    }
}

#[cfg(not(unix))]
mod hidden {
    //! A terminal that shows what is typed.

    pub(super) struct Hidden;

    impl Hidden {
        pub(super) fn begin() -> Self {
            Self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateways_address_becomes_that_of_its_tunnel() {
        for (given, tunnel) in [
            ("https://gw.example.com", "wss://gw.example.com/bridge/tunnel"),
            ("https://gw.example.com/", "wss://gw.example.com/bridge/tunnel"),
            ("http://127.0.0.1:8787", "ws://127.0.0.1:8787/bridge/tunnel"),
            ("wss://gw.example.com/bridge/tunnel", "wss://gw.example.com/bridge/tunnel"),
        ] {
            assert_eq!(tunnel_of(given), tunnel);
        }
    }
}
