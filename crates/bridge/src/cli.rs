//! The command line.

use std::path::PathBuf;

use crate::log::{Format, Level};

/// What is shown for `--help`.
pub const HELP: &str = "\
nexus-bridge: runs MCP servers of this machine, for local clients and for the gateway

  nexus-bridge config path                       where the configuration is
  nexus-bridge config validate [--file F]        what is wrong with it, by line
  nexus-bridge config apply --file F             checks a file and makes it the configuration
  nexus-bridge config trust                      lets the configuration of this project start commands
  nexus-bridge login [--gateway URL] [--agent ID] [--reset]
                                                 keeps a token for the gateway, made with the key that stdin has
  nexus-bridge agent start [--takeover]          runs the servers until it is stopped
  nexus-bridge agent serve-mcp                   one MCP server on stdin and stdout with the tools of all servers
  nexus-bridge agent status | reload | stop      asks the running agent
  nexus-bridge service install | uninstall | status [--dry-run]
                                                 runs the agent from each sign-in to this machine on
  nexus-bridge doctor                            checks this machine and the gateway, and starts every server once
  nexus-bridge tools list [SERVER]               tools, with what they cost in a model's context
  nexus-bridge tools call SERVER TOOL [JSON]     calls a tool
  nexus-bridge tools pins                        tools that are not those that were accepted
  nexus-bridge tools accept SERVER [TOOL]        accepts them as they are now
  nexus-bridge import claude|cursor|vscode|codex [--file F] [--apply]
                                                 takes servers from another program's configuration
  nexus-bridge approvals                         shows calls that wait for an answer, and answers them

  --config F            another configuration (also AI_BRIDGE_CONFIG)
  --log-format text|json
  --log-level error|warn|info|debug
  --log-file F          the log goes to a file, as JSON, and full files are kept as F.1, F.2 and F.3
  --help, --version
";

/// What is to be done, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// What is to be done.
    pub command: Command,
    /// The configuration that is named.
    pub config: Option<PathBuf>,
    /// How the log, and answers to commands, look.
    pub format: Format,
    /// What is logged.
    pub level: Level,
    /// The file that the log goes to.
    pub log_file: Option<PathBuf>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Show how to use the program.
    Help,
    /// Show its version.
    Version,
    /// Show where the configuration is.
    ConfigPath,
    /// Check a configuration.
    ConfigValidate {
        /// Another file than the one in use.
        file: Option<PathBuf>,
    },
    /// Make a file the configuration.
    ConfigApply {
        /// The file.
        file: PathBuf,
    },
    /// Trust the configuration of the project.
    ConfigTrust,
    /// Run the servers.
    Start {
        /// Whether another agent of this name loses the gateway to this one.
        takeover: bool,
    },
    /// Serve a local client.
    ServeMcp,
    /// Show the servers of the running agent.
    Status,
    /// Let the running agent read its configuration again.
    Reload,
    /// Stop the running agent.
    Stop,
    /// Check this machine.
    Doctor,
    /// List tools.
    ToolsList {
        /// Of one server only.
        server: Option<String>,
    },
    /// Call a tool.
    ToolsCall {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// Its arguments, as JSON.
        arguments: String,
    },
    /// Show tools that are not those that were accepted.
    ToolsPins,
    /// Accept tools as they are.
    ToolsAccept {
        /// The server.
        server: String,
        /// One tool only.
        tool: Option<String>,
    },
    /// Take servers from another program.
    Import {
        /// Which program.
        from: String,
        /// Another file than the one where that program keeps them.
        file: Option<PathBuf>,
        /// Whether they are added to the configuration, not only shown.
        apply: bool,
    },
    /// Show and answer calls that wait for an approval.
    Approvals,
    /// Keep a token for the gateway.
    Login {
        /// The gateway, if not that of the configuration.
        gateway: Option<String>,
        /// The agent, if not that of the configuration.
        agent: Option<String>,
        /// Whether a token that the agent has is replaced.
        reset: bool,
    },
    /// Run the agent as a service of this user.
    Service {
        /// What is to be done with it.
        what: ServiceCommand,
        /// Whether it is only shown.
        dry_run: bool,
    },
}

/// What is to be done with the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceCommand {
    /// Install and start it.
    Install,
    /// Stop and remove it.
    Uninstall,
    /// Say whether it runs.
    Status,
}

/// Reads the arguments, without the program's name. `variable` is the environment.
///
/// # Errors
/// What is not understood, for people.
pub fn parse(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Invocation, String> {
    use lexopt::prelude::*;

    let mut parser = lexopt::Parser::from_args(arguments);
    let mut words: Vec<String> = Vec::new();
    let mut options = Options {
        config: variable("AI_BRIDGE_CONFIG").map(PathBuf::from),
        format: variable("AI_BRIDGE_LOG_FORMAT"),
        level: variable("AI_BRIDGE_LOG_LEVEL"),
        log_file: variable("AI_BRIDGE_LOG_FILE").map(PathBuf::from),
        ..Options::default()
    };
    let said = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(said)? {
        match argument {
            Long("help") | Short('h') => options.help = true,
            Long("version") | Short('V') => options.version = true,
            Long("config") => options.config = Some(parser.value().map_err(said)?.into()),
            Long("log-format") => {
                options.format = Some(parser.value().map_err(said)?.string().map_err(said)?);
            }
            Long("log-level") => options.level = Some(parser.value().map_err(said)?.string().map_err(said)?),
            Long("file") => options.file = Some(parser.value().map_err(said)?.into()),
            Long("apply") => options.apply = true,
            Long("takeover") => options.takeover = true,
            Long("reset") => options.reset = true,
            Long("dry-run") => options.dry_run = true,
            Long("gateway") => options.gateway = Some(parser.value().map_err(said)?.string().map_err(said)?),
            Long("agent") => options.agent = Some(parser.value().map_err(said)?.string().map_err(said)?),
            Long("log-file") => options.log_file = Some(parser.value().map_err(said)?.into()),
            Value(word) => words.push(word.string().map_err(said)?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let format = match options.format.as_deref() {
        // A file is read by programs, and its lines need their time.
        None if options.log_file.is_some() => Format::Json,
        None | Some("text") => Format::Text,
        Some("json") => Format::Json,
        Some(other) => return Err(format!("--log-format is text or json, not `{other}`")),
    };
    let level = options.level.as_deref().map_or(Some(Level::default()), Level::parse);
    let level = level.ok_or("--log-level is error, warn, info or debug")?;
    let (config, log_file) = (options.config.clone(), options.log_file.clone());
    Ok(Invocation { config, format, level, log_file, command: command(&words, options)? })
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
struct Options {
    help: bool,
    version: bool,
    apply: bool,
    takeover: bool,
    reset: bool,
    dry_run: bool,
    config: Option<PathBuf>,
    file: Option<PathBuf>,
    log_file: Option<PathBuf>,
    gateway: Option<String>,
    agent: Option<String>,
    format: Option<String>,
    level: Option<String>,
}

fn command(words: &[String], options: Options) -> Result<Command, String> {
    if options.help {
        return Ok(Command::Help);
    }
    if options.version {
        return Ok(Command::Version);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let owned = |word: &str| word.to_owned();
    Ok(match words.as_slice() {
        [] => Command::Help,
        ["config", "path"] => Command::ConfigPath,
        ["config", "validate"] => Command::ConfigValidate { file: options.file },
        ["config", "apply"] => {
            Command::ConfigApply { file: options.file.ok_or("config apply needs --file")? }
        }
        ["config", "trust"] => Command::ConfigTrust,
        ["agent", "start"] => Command::Start { takeover: options.takeover },
        ["agent", "serve-mcp"] => Command::ServeMcp,
        ["agent", "status"] => Command::Status,
        ["agent", "reload"] => Command::Reload,
        ["agent", "stop"] => Command::Stop,
        ["doctor"] => Command::Doctor,
        ["tools", "list"] => Command::ToolsList { server: None },
        ["tools", "list", server] => Command::ToolsList { server: Some(owned(server)) },
        ["tools", "call", server, tool] => {
            Command::ToolsCall { server: owned(server), tool: owned(tool), arguments: owned("{}") }
        }
        ["tools", "call", server, tool, arguments] => {
            Command::ToolsCall { server: owned(server), tool: owned(tool), arguments: owned(arguments) }
        }
        ["tools", "pins"] => Command::ToolsPins,
        ["tools", "accept", server] => Command::ToolsAccept { server: owned(server), tool: None },
        ["tools", "accept", server, tool] => {
            Command::ToolsAccept { server: owned(server), tool: Some(owned(tool)) }
        }
        ["import", from] => Command::Import { from: owned(from), file: options.file, apply: options.apply },
        ["approvals"] => Command::Approvals,
        ["login"] => Command::Login { gateway: options.gateway, agent: options.agent, reset: options.reset },
        ["service", word] => {
            let what = match *word {
                "install" => ServiceCommand::Install,
                "uninstall" => ServiceCommand::Uninstall,
                "status" => ServiceCommand::Status,
                _ => return Err("service takes install, uninstall or status".to_owned()),
            };
            Command::Service { what, dry_run: options.dry_run }
        }
        other => return Err(format!("`{}` is not understood: see nexus-bridge --help", other.join(" "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, String> {
        parse(line.split_whitespace().map(Into::into), &|_| None)
    }

    #[test]
    fn the_seeds_commands_and_options_are_understood() {
        let found = parsed("--config c.yaml agent start --log-format json --log-level debug").unwrap();
        assert_eq!(found.command, Command::Start { takeover: false });
        assert_eq!(
            (found.config, found.format, found.level),
            (Some("c.yaml".into()), Format::Json, Level::Debug)
        );
        assert_eq!(
            parsed("config validate --file x").unwrap().command,
            Command::ConfigValidate { file: Some("x".into()) }
        );
        assert_eq!(parsed("agent serve-mcp").unwrap().command, Command::ServeMcp);
        let service = parsed("agent start --log-file /l").unwrap();
        assert_eq!((service.log_file, service.format), (Some("/l".into()), Format::Json));
        assert_eq!(parsed("").unwrap().command, Command::Help);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for line in [
            "agent",
            "agent dance",
            "config apply",
            "--loud",
            "--log-format xml agent start",
            "tools call a",
            "service dance",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_command_of_the_help_is_understood() {
        for line in HELP.lines().filter_map(|line| line.trim().strip_prefix("nexus-bridge ")) {
            let words = line.split("  ").next().unwrap_or_default();
            let words = words.replace(['[', ']'], "").replace("claude|cursor|vscode|codex", "claude");
            let mut variants = words.split(" | ");
            let first = variants.next().unwrap_or_default();
            assert!(parsed(first).is_ok(), "{first}");
            for variant in variants {
                let group = first.split(' ').next().unwrap_or_default();
                assert!(parsed(&format!("{group} {variant}")).is_ok(), "{group} {variant}");
            }
        }
    }
}
