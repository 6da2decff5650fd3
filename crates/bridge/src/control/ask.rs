//! Asks a running agent.

use std::path::Path;

use serde_json::value::RawValue;

use super::protocol::{Request, Response};

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// No agent runs.
    NotRunning,
    /// It refused, or the connection broke. For people.
    Refused(String),
}

/// Asks one question.
///
/// # Errors
/// No agent runs, or it refused.
#[cfg(unix)]
pub async fn ask(path: &Path, request: &Request) -> Result<Box<RawValue>, NoAnswer> {
    use tokio::io::{AsyncWriteExt, BufReader};

    use crate::process::lines::{self, LONGEST};

    let stream = tokio::net::UnixStream::connect(path).await.map_err(|_| NoAnswer::NotRunning)?;
    let (reader, mut writer) = stream.into_split();
    let broken = |_| NoAnswer::Refused("the agent closed the connection".to_owned());
    let line = format!("{}\n", nexus_edge_mcp::json::to_raw(request));
    writer.write_all(line.as_bytes()).await.map_err(broken)?;
    let mut buffer = Vec::new();
    lines::next(&mut BufReader::new(reader), &mut buffer, LONGEST).await.map_err(broken)?;
    match serde_json::from_slice(&buffer) {
        Ok(Response::Ok(answer)) => Ok(answer),
        Ok(Response::Error(said)) => Err(NoAnswer::Refused(said)),
        Err(_) => Err(NoAnswer::Refused("the agent closed the connection".to_owned())),
    }
}

/// There is no socket of this kind.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub async fn ask(_path: &Path, _request: &Request) -> Result<Box<RawValue>, NoAnswer> {
    Err(NoAnswer::Refused("the control socket is not part of this build".to_owned()))
}
