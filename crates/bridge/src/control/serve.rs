//! The socket of a running agent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nexus_edge_mcp::json::{string, to_raw};
use nexus_edge_mcp::version::Era;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::watch;

use super::protocol::{Request, Response, ServerStatus, Status};
use crate::agent::Agent;
use crate::process::lines::{self, Line};
use crate::server::view::View;

/// The longest question, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// What the socket speaks for.
#[derive(Clone)]
pub struct Controlled {
    /// The agent.
    pub agent: Agent,
    /// Its configuration.
    pub config: PathBuf,
    /// Reads the configuration again and uses it. Answers what to say.
    pub reload: Arc<dyn Fn() -> Result<String, String> + Send + Sync>,
    /// What the link to the gateway does.
    pub link: Arc<dyn Fn() -> String + Send + Sync>,
    /// Set to true to end the agent.
    pub stop: watch::Sender<bool>,
}

/// Serves the socket until the agent ends.
///
/// # Errors
/// The socket cannot be made.
#[cfg(unix)]
pub async fn serve(path: &Path, controlled: Controlled) -> std::io::Result<()> {
    // The lock of the agent is held: a socket that is there is that of an agent that was killed.
    let _ = std::fs::remove_file(path);
    let listener = tokio::net::UnixListener::bind(path)?;
    crate::files::private(path, 0o600)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let controlled = controlled.clone();
        tokio::spawn(async move {
            let (reader, writer) = stream.into_split();
            answer_all(reader, writer, &controlled).await;
        });
    }
}

/// There is no socket of this kind.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub async fn serve(_path: &Path, _controlled: Controlled) -> std::io::Result<()> {
    Err(std::io::Error::other("the control socket is not part of this build"))
}

#[cfg_attr(not(unix), expect(dead_code, reason = "there is no socket of this kind"))]
async fn answer_all<R, W>(reader: R, mut writer: W, controlled: &Controlled)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut reader = BufReader::new(reader);
    let mut buffer = Vec::new();
    while let Ok(Line::Whole) = lines::next(&mut reader, &mut buffer, LONGEST).await {
        let response = match serde_json::from_slice(&buffer) {
            Ok(request) => answer(request, controlled),
            Err(_) => Response::Error("not a question that this agent understands".to_owned()),
        };
        let line = format!("{}\n", to_raw(&response));
        if writer.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(request: Request, controlled: &Controlled) -> Response {
    match request {
        Request::Status => Response::Ok(to_raw(&status(controlled))),
        Request::Reload => match (controlled.reload)() {
            Ok(said) => Response::Ok(string(&said)),
            Err(said) => Response::Error(said),
        },
        Request::Stop => {
            controlled.stop.send_replace(true);
            Response::Ok(string("the agent ends"))
        }
        Request::Approvals => Response::Ok(to_raw(&controlled.agent.desk().waiting())),
        Request::Answer { id, answer } => {
            if controlled.agent.desk().answer(&id, answer) {
                Response::Ok(string("answered"))
            } else {
                Response::Error("the call does not wait any more".to_owned())
            }
        }
    }
}

fn status(controlled: &Controlled) -> Status {
    let config = controlled.agent.config();
    Status {
        agent_id: config.agent.id,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        config: controlled.config.display().to_string(),
        gateway: config.server.map(|gateway| gateway.url),
        link: (controlled.link)(),
        servers: controlled
            .agent
            .servers()
            .into_iter()
            .map(|(name, view)| server_status(name, &view))
            .collect(),
    }
}

fn server_status(name: String, view: &View) -> ServerStatus {
    let era = view.era.map(|era| match era {
        Era::Legacy => "legacy".to_owned(),
        Era::Modern => "modern".to_owned(),
    });
    ServerStatus {
        name,
        state: view.state.as_str().to_owned(),
        era,
        tools: view.known.as_ref().map(|known| known.catalogue.tools.len()),
        stale: view.stale,
        pid: view.pid,
        calls: view.calls,
        starts: view.starts,
        last_error: view.last_error.clone(),
    }
}
