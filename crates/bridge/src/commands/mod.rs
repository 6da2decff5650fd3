//! The commands, a file each, and their exit codes.

mod approvals;
mod ask;
mod config;
mod doctor;
mod end;
mod import;
mod loaded;
mod login;
mod serve;
mod service;
mod start;
mod tools;

pub use end::{End, Failure};

use crate::cli::{Command, HELP, Invocation};
use crate::out;

/// Does what was asked for.
#[must_use]
pub fn run(invocation: &Invocation) -> End {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out::note(&format!("nexus-bridge: {error}"));
            return End::Failed;
        }
    };
    let end = runtime.block_on(Box::pin(dispatch(invocation)));
    // The thread that reads stdin cannot be interrupted.
    runtime.shutdown_background();
    match end {
        Ok(end) => end,
        Err(failure) => {
            if invocation.log_file.is_some() {
                loaded::log(invocation).error("nexus-bridge ends", &[("why", &failure.said)]);
            }
            out::note(&format!("nexus-bridge: {}", failure.said));
            failure.end
        }
    }
}

async fn dispatch(invocation: &Invocation) -> Result<End, Failure> {
    match &invocation.command {
        Command::Help => {
            out::print(HELP.trim_end());
            Ok(End::Done)
        }
        Command::Version => {
            out::print(concat!("nexus-bridge ", env!("CARGO_PKG_VERSION")));
            Ok(End::Done)
        }
        Command::ConfigPath => config::path(invocation),
        Command::ConfigValidate { file } => config::validate(invocation, file.as_deref()),
        Command::ConfigApply { file } => config::apply(invocation, file),
        Command::ConfigTrust => config::trust(invocation),
        Command::Start { .. } => start::start(invocation).await,
        Command::ServeMcp => Box::pin(serve::serve_mcp(invocation)).await,
        Command::Status => ask::status(invocation).await,
        Command::Reload => ask::reload().await,
        Command::Stop => ask::stop().await,
        Command::Doctor => doctor::doctor(invocation).await,
        Command::ToolsList { server } => tools::list(invocation, server.as_deref()).await,
        Command::ToolsCall { server, tool, arguments } => {
            Box::pin(tools::call(invocation, server, tool, arguments)).await
        }
        Command::ToolsPins => tools::pins(invocation).await,
        Command::ToolsAccept { server, tool } => tools::accept(invocation, server, tool.as_deref()).await,
        Command::Import { from, file, apply } => import::import(invocation, from, file.as_deref(), *apply),
        Command::Approvals => approvals::approvals().await,
        Command::Login { gateway, agent, reset } => {
            Box::pin(login::login(invocation, gateway.as_deref(), agent.as_deref(), *reset)).await
        }
        Command::Service { what, dry_run } => service::service(invocation, *what, *dry_run),
    }
}
