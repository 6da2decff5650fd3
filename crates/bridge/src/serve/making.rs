//! A call of a client, whose server or whose approval may need input before it ends.
//!
//! A client of the older era is asked by a request, and the call goes on with its answer. One of the newer era is given a
//! result that says what is needed; the call is held under a handle until the client asks again with the answers.

use std::sync::Arc;
use std::time::Duration;

use nexus_edge_mcp::method::LOG_MESSAGE;
use nexus_edge_mcp::mrtr::{InputRequired, InputResponses};
use nexus_edge_mcp::rpc::{Notification, RpcError};
use nexus_edge_mcp::server::Caller;
use nexus_edge_mcp::version::Era;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::asking::request;
use super::held::Held;
use super::session::{Session, lock};
use crate::agent::new_instance;
use crate::server::call::{Ask, Call, Note};

/// What a handle begins with.
const HANDLE: &str = "nexus-held-";
/// How long a call is held.
const LONGEST: Duration = Duration::from_mins(10);
/// The key of the one request for input that a call has at a time.
const KEY: &str = "input";
/// How many calls are held for a client.
const MOST: usize = 64;

/// Makes a call for a client, and answers its result, or what input it needs.
///
/// # Errors
/// What the call came to.
pub async fn make(
    session: &Arc<Session>,
    caller: &Caller,
    mut call: Call,
) -> Result<Box<RawValue>, RpcError> {
    let input = InputResponses::read(call.params.as_deref())
        .map_err(|fault| RpcError::invalid_params(format!("`params` {fault}")))?;
    let fingerprint = input.fingerprint(&call.method);
    let fingerprint = fingerprint.map_err(|fault| RpcError::invalid_params(format!("`params` {fault}")))?;
    if let Some(handle) = input.state.as_deref().filter(|state| state.starts_with(HANDLE)) {
        let held = lock(&session.held).remove(handle).filter(|held| held.fingerprint == fingerprint);
        let Some(mut held) = held else {
            return Err(RpcError::invalid_params("`requestState` is not one of this request, or too old"));
        };
        if let Some(waiting) = held.waiting.take() {
            match input.answers.get(KEY) {
                Some(answer) => waiting.answer(Ok(answer.to_owned())),
                None => waiting.refuse(RpcError::invalid_params("the client gave no answer")),
            }
        }
        return go_on(session, caller, held).await;
    }
    let (asks, asked) = mpsc::channel(1);
    let (notes, heard) = mpsc::channel(64);
    call.asks = Some(asks);
    call.notes = Some(notes);
    let agent = session.agent.clone();
    let task = tokio::spawn(async move { agent.call(call).await });
    let since = Instant::now();
    go_on(session, caller, Held { task, asks: asked, notes: heard, waiting: None, fingerprint, since }).await
}

async fn go_on(session: &Arc<Session>, caller: &Caller, mut held: Held) -> Result<Box<RawValue>, RpcError> {
    loop {
        tokio::select! {
            biased;
            Some(note) = held.notes.recv() => tell(session, caller, note),
            Some(ask) = held.asks.recv() => {
                if let Some(handle) = ask_client(session, caller, &mut held, ask).await {
                    return Ok(hold(session, held, handle));
                }
            }
            result = &mut held.task => {
                let gone = || RpcError::new(nexus_edge_mcp::rpc::code::INTERNAL, "the call was given up");
                return result.map_err(|_| gone())?.map_err(|error| error.to_rpc());
            }
        }
    }
}

/// Asks a client of the older era and goes on; answers what one of the newer era is to be given.
async fn ask_client(
    session: &Arc<Session>,
    caller: &Caller,
    held: &mut Held,
    ask: Ask,
) -> Option<InputRequired> {
    let (request, waiting) = request(KEY, ask);
    let needed = InputRequired { requests: vec![request], state: None };
    if let Some(error) = needed.refused_by(&caller.capabilities) {
        waiting.refuse(error);
        return None;
    }
    if caller.version.era() == Era::Modern {
        held.waiting = Some(waiting);
        return Some(needed);
    }
    let request = needed.requests.into_iter().next()?;
    waiting.answer(session.ask(&request.method, request.params).await);
    None
}

fn hold(session: &Session, mut held: Held, mut needed: InputRequired) -> Box<RawValue> {
    let handle = format!("{HANDLE}{}{}", new_instance(), new_instance());
    needed.state = Some(handle.clone());
    held.since = Instant::now();
    let mut all = lock(&session.held);
    all.retain(|_, held| held.since.elapsed() < LONGEST);
    if all.len() < MOST {
        all.insert(handle, held);
    }
    needed.write()
}

/// Tells a client how a call goes, if it asked for that.
fn tell(session: &Session, caller: &Caller, note: Note) {
    match note {
        Note::Progress(progress) => {
            if let Some(token) = &caller.progress_token {
                session.send(&progress.under(token).into());
            }
        }
        Note::Log(params) => {
            if caller.log_level.is_some() || *lock(&session.logging) {
                session.send(&Notification { method: LOG_MESSAGE.to_owned(), params: Some(params) }.into());
            }
        }
    }
}
