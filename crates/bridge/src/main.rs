//! `nexus-bridge`.

use std::process::ExitCode;

use nexus_edge_bridge::cli::parse;
use nexus_edge_bridge::commands::run;
use nexus_edge_bridge::out;

fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match parse(std::env::args_os().skip(1), &variable) {
        Ok(invocation) => run(&invocation).into(),
        Err(said) => {
            out::note(&format!("nexus-bridge: {said}"));
            ExitCode::FAILURE
        }
    }
}
