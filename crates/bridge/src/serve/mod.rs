//! One MCP server on standard streams with what all servers of the agent have, for clients of both eras.

mod asking;
mod held;
mod making;
pub mod offer;
mod requests;
mod session;
mod watched;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nexus_edge_mcp::catalogue::Kind;
use nexus_edge_mcp::json::{Members, to_raw};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::progress::cancelled_request;
use nexus_edge_mcp::rpc::{Limits, Message, Notification, Request, Response, parse_message};
use nexus_edge_mcp::server::{Admitted, Channel, admit};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use self::session::{Listener, Session, lock};
use self::watched::of_subscription;
use crate::agent::Agent;
use crate::process::lines::{self, LONGEST, Line};

/// Serves a client until its input ends.
pub async fn run<R, W>(agent: Agent, input: R, output: W)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (out, written) = mpsc::unbounded_channel();
    let writing = tokio::spawn(write(output, written));
    let session = Arc::new(Session::new(agent, out));
    let watching = tokio::spawn(watch(session.clone()));
    let mut reader = BufReader::with_capacity(64 * 1024, input);
    let mut buffer = Vec::new();
    loop {
        match lines::next(&mut reader, &mut buffer, LONGEST).await {
            Ok(Line::Whole) if buffer.iter().all(u8::is_ascii_whitespace) => {}
            Ok(Line::Whole) => match parse_message(&buffer, Limits::default()) {
                Ok(message) => hear(&session, message),
                Err(malformed) => session.send(&Response::from(malformed).into()),
            },
            Ok(Line::TooLong | Line::End) | Err(_) => break,
        }
    }
    watching.abort();
    for (_, running) in lock(&session.running).drain() {
        running.abort();
    }
    lock(&session.held).clear();
    drop(session);
    // What is written already reaches a client that still reads.
    let _ = tokio::time::timeout(Duration::from_secs(1), writing).await;
}

async fn write<W: AsyncWrite + Unpin>(mut output: W, mut lines: mpsc::UnboundedReceiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if output.write_all(line.as_bytes()).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

fn hear(session: &Arc<Session>, message: Message) {
    match message {
        Message::Response(response) => session.answered(response),
        Message::Notification(notification) => {
            if let Some(id) = cancelled_request(&notification) {
                if let Some(running) = lock(&session.running).remove(&id) {
                    running.abort();
                }
                lock(&session.listening).retain(|listener| listener.id != id);
                watched::tell_servers(session);
            }
        }
        Message::Request(request) => {
            let mut handshake = lock(&session.handshake);
            match admit(&request, &session.identity, Channel::Stdio(&mut handshake)) {
                Admitted::Answer(_, response) => session.send(&response.into()),
                Admitted::Serve(_) if Method::parse(&request.method) == Some(Method::Listen) => {
                    listen(session, &request);
                }
                Admitted::Serve(caller) => {
                    let (id, shared) = (request.id.clone(), session.clone());
                    let task = tokio::spawn(async move {
                        let id = request.id.clone();
                        let response = match Box::pin(requests::serve(&shared, &caller, request)).await {
                            Ok(result) => Response::result(id.clone(), result),
                            Err(error) => Response::error(Some(id.clone()), error),
                        };
                        lock(&shared.running).remove(&id);
                        shared.send(&response.into());
                    });
                    lock(&session.running).insert(id, task.abort_handle());
                }
            }
        }
    }
}

/// A subscription of the newer era: it is acknowledged, and stays open until it is cancelled.
fn listen(session: &Session, request: &Request) {
    let params = Members::of(request.params.as_deref()).unwrap_or_default();
    let wanted = Members::of(params.get("notifications")).unwrap_or_default();
    let asked = LISTS.iter().filter(|(_, filter, _)| wanted.read::<bool>(filter) == Some(true));
    let kinds: Vec<Kind> = asked.clone().map(|(kind, ..)| *kind).collect();
    let mut agreed = Members::default();
    for (_, filter, _) in asked {
        agreed.set(filter, to_raw(&true));
    }
    let uris: BTreeSet<String> = wanted.read(RESOURCES).unwrap_or_default();
    if !uris.is_empty() {
        agreed.set(RESOURCES, to_raw(&uris));
    }
    let mut said = of_subscription(&request.id);
    said.set("notifications", agreed.write());
    let method = "notifications/subscriptions/acknowledged".to_owned();
    session.send(&Notification { method, params: Some(said.write()) }.into());
    lock(&session.listening).push(Listener { id: request.id.clone(), kinds, uris });
    watched::tell_servers(session);
}

/// The lists, what a subscription to their changes is called, and the notification.
const LISTS: [(Kind, &str, &str); 3] = [
    (Kind::Tool, "toolsListChanged", "notifications/tools/list_changed"),
    (Kind::Prompt, "promptsListChanged", "notifications/prompts/list_changed"),
    (Kind::Resource, "resourcesListChanged", "notifications/resources/list_changed"),
];

/// What a subscription to changes of resources is called.
const RESOURCES: &str = "resourceSubscriptions";

/// Tells the client of lists and resources that change.
async fn watch(session: Arc<Session>) {
    let mut changes = session.agent.changes();
    let mut updates = session.agent.updates();
    let mut before = session.offer();
    loop {
        tokio::select! {
            gone = changes.changed() => if gone.is_err() {
                return;
            },
            resource = updates.recv() => {
                match resource {
                    Ok((_, uri)) => watched::updated(&session, &uri),
                    // What was lost is told again when it changes again.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
                continue;
            }
        }
        // A server that is new, or of which more is known, may be the one that has a watched resource.
        watched::tell_servers(&session);
        let now = session.offer();
        for (kind, _, method) in LISTS {
            if now.mark(kind) == before.mark(kind) {
                continue;
            }
            if lock(&session.handshake).is_some() {
                session.send(&Notification { method: method.to_owned(), params: None }.into());
            }
            for listener in lock(&session.listening).iter() {
                if listener.kinds.contains(&kind) {
                    let params = Some(of_subscription(&listener.id).write());
                    session.send(&Notification { method: method.to_owned(), params }.into());
                }
            }
        }
        before = now;
    }
}
