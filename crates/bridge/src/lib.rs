//! The Bridge: a native agent that runs MCP servers of this machine and offers their tools to local clients and to the
//! gateway.
//!
//! `config`, `import`, `machine`, `masking`, `service` and `cli` are pure. `process`, `http`, `files`, `log` and `out` touch the machine. `server` drives
//! one child, `agent` all of them. `serve`, `control`, `link` and `commands` are built on
//! the agent.

pub mod agent;
pub mod cli;
pub mod commands;
pub mod config;
pub mod control;
pub mod files;
pub mod http;
pub mod import;
pub mod link;
pub mod log;
pub mod machine;
pub mod masking;
pub mod out;
pub mod process;
pub mod serve;
pub mod server;
pub mod service;
