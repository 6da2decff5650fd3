//! The HTTP requests of a room. The Worker has authenticated the caller.

use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::{Either, select};
use nexus_edge_api::sessions::{
    DeletedSession, MessagePage, NoMetadata, SessionView, Stopped, TurnAnswer, TurnMessage, TurnToolCall,
};
use nexus_edge_core::chat::approval::Decided;
use nexus_edge_core::chat::event::Event;
use nexus_edge_core::chat::export::{Format, export};
use nexus_edge_core::chat::http_turn::HttpTurn;
use nexus_edge_core::chat::input::Given;
use nexus_edge_core::chat::message::StoredMessage;
use nexus_edge_core::chat::protocol::Say;
use nexus_edge_core::chat::server_frame::ServerFrame;
use nexus_edge_core::chat::session::Session;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::query_number;
use nexus_edge_core::time::rfc3339_ms;
use serde_json::{Map, Value};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{Method, Request};

use super::attending::check_config;
use super::call::{CALL_HEADER, Call, SOCKET_HEADER, SocketCall};
use super::queue;
use super::room::{Room, Told, failed};
use super::{run, sockets, tickets};
use crate::envelope;
use crate::exchange::KeyOwner;
use crate::platform::http::{Headers, Response};
use crate::platform::now_ms;
use crate::platform::promise::Timer;

/// Messages of one page of a history.
const DEFAULT_PAGE: u64 = 50;
const MAX_PAGE: u64 = 500;

/// Answers a call of the Worker.
pub async fn answer(room: &Rc<Room>, mut request: Request) -> Result<Response, (ApiError, String)> {
    let call = header::<Call>(&request, CALL_HEADER).ok_or_else(|| (ApiError::internal(), String::new()))?;
    let request_id = call.request_id.clone();
    dispatch(room, &call, &mut request).await.map_err(|error| (error, request_id))
}

async fn dispatch(room: &Rc<Room>, call: &Call, request: &mut Request) -> Result<Response, ApiError> {
    queue::wake(room)?;
    let path = request.path();
    let id = &call.request_id;
    match (request.method(), path.as_str()) {
        (Method::Get, "/socket") => socket(room, call, request),
        (Method::Post, "/session") => create(room, call, &body(request).await?).await,
        (Method::Get, "/session") => {
            Ok(envelope::success(200, SessionView::of(&room.open_record()?.session), "ok", id))
        }
        (Method::Put, "/session") => change(room, call, &body(request).await?).await,
        (Method::Delete, "/session") => delete(room, call, parameter(request, "permanent").as_deref()).await,
        (Method::Get, "/messages") => history(room, call, request),
        (Method::Get, "/export") => file(room, request),
        (Method::Post, "/chat") => turn(room, call, HttpTurn::of_message(&body(request).await?)?).await,
        (Method::Post, "/regenerate") => {
            turn(room, call, HttpTurn::read(&body(request).await?, Say::Regenerate)?).await
        }
        (Method::Post, "/approve") => {
            room.open_record()?;
            let decided = Decided::read(&body(request).await?)?;
            room.questions.decide(&decided)?;
            Ok(envelope::success(200, decided, "The call has its answer.", id))
        }
        (Method::Post, "/answer") => {
            room.open_record()?;
            let given = Given::read(&body(request).await?)?;
            room.questions.give(&given)?;
            Ok(envelope::success(200, given.taken(), "The tool has its answer.", id))
        }
        (Method::Post, "/stop") => {
            room.open_record()?;
            let fields = body(request).await?;
            let is_stopped = queue::stop(room, fields.get("turn_id").and_then(Value::as_str))?;
            let message = if is_stopped { "The answer was stopped." } else { "Nothing was being answered." };
            Ok(envelope::success(200, Stopped { stopped: is_stopped }, message, id))
        }
        _ => Err(ApiError::internal()),
    }
}

fn header<T: serde::de::DeserializeOwned>(request: &Request, name: &str) -> Option<T> {
    serde_json::from_str(&request.headers().get(name).ok()??).ok()
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    let url = request.url().ok()?;
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn body(request: &mut Request) -> Result<Map<String, Value>, ApiError> {
    let bytes = request.bytes().await.map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|_| ApiError::invalid_json("The body must be a JSON object."))
}

fn owner(call: &Call) -> KeyOwner {
    KeyOwner { key_id: call.key_id.clone(), key_hash: call.key_hash.clone() }
}

fn socket(room: &Rc<Room>, call: &Call, request: &Request) -> Result<Response, ApiError> {
    let socket: SocketCall = header(request, SOCKET_HEADER).ok_or_else(ApiError::internal)?;
    // Before anything is made for it: a used ticket leaves nothing behind, not even an empty session.
    sockets::check_ticket(room, &socket)?;
    if socket.create {
        room.create(Session::new(&call.session_id, now_ms()), owner(call))?;
    }
    room.open_record()?;
    let is_first = room.connections() == 0;
    let response = sockets::open(room, call, &socket)?;
    if is_first {
        let task = Rc::clone(room);
        room.tasks().wait_until(async move {
            // The row of a new session must be there.
            run::publish(&task).await;
            sockets::note_connected(&task, Some(now_ms())).await;
        });
    }
    Ok(response)
}

async fn create(room: &Rc<Room>, call: &Call, fields: &Map<String, Value>) -> Result<Response, ApiError> {
    let mut session = Session::new(&call.session_id, now_ms());
    session.apply(fields)?;
    check_config(&session.config)?;
    if !room.create(session, owner(call))? {
        return Err(ApiError::conflict("session_exists", "id", "There is a session with this id already."));
    }
    run::publish(room).await;
    Ok(envelope::success(
        201,
        SessionView::of(&room.record()?.session),
        "The session was created.",
        &call.request_id,
    ))
}

async fn change(room: &Rc<Room>, call: &Call, fields: &Map<String, Value>) -> Result<Response, ApiError> {
    let mut session = room.open_record()?.session.clone();
    session.apply(fields)?;
    check_config(&session.config)?;
    session.updated_at = now_ms();
    let title = session.title.clone();
    let is_renamed = title != room.record()?.session.title;
    room.save(session)?;
    if is_renamed {
        room.emit("", Event::Session { title })?;
    }
    run::publish(room).await;
    Ok(envelope::success(
        200,
        SessionView::of(&room.record()?.session),
        "The session was changed.",
        &call.request_id,
    ))
}

/// Marks the session as deleted, or deletes it permanently.
async fn delete(room: &Rc<Room>, call: &Call, permanent: Option<&str>) -> Result<Response, ApiError> {
    let is_for_good = permanent == Some("true");
    if is_for_good {
        room.record()?
    } else {
        room.open_record()?
    };
    queue::stop_all(room).await?;
    // A turn that has just ended has changed the session.
    let mut session = room.record()?.session.clone();
    let id = session.id.clone();
    if is_for_good {
        sockets::close_all(room);
        room.forget();
        tickets::outlive_deletion(room).await.map_err(failed)?;
        crate::store::sessions::delete(&room.env, &call.key_id, &id).await?;
    } else {
        session.deleted_at = Some(now_ms());
        room.save(session)?;
        sockets::close_all(room);
        run::publish(room).await;
    }
    let data = DeletedSession { session_id: id, deleted: true, permanent: is_for_good };
    Ok(envelope::success(200, data, "The session was deleted.", &call.request_id))
}

fn history(room: &Rc<Room>, call: &Call, request: &Request) -> Result<Response, ApiError> {
    let record = room.open_record()?;
    let number = |name, range| query_number(name, parameter(request, name), range);
    let limit = number("limit", 1..=MAX_PAGE)?.unwrap_or(DEFAULT_PAGE);
    let before = number("before", 1..=1 << 52)?;
    let page = room.store.messages_before(before, limit + 1).map_err(failed)?;
    let has_more = page.len() as u64 > limit;
    let page: Vec<_> = page.into_iter().skip(usize::from(has_more)).collect();
    let next = page.first().map(|(n, _)| *n).filter(|_| has_more);
    let messages: Vec<StoredMessage> = page.into_iter().map(|(_, message)| message).collect();
    let page = MessagePage {
        session_id: &record.session.id,
        messages,
        has_more,
        next_before: next,
        summary: record.summary.as_deref(),
    };
    Ok(envelope::success(200, page, "ok", &call.request_id))
}

fn file(room: &Rc<Room>, request: &Request) -> Result<Response, ApiError> {
    let record = room.open_record()?;
    let format = Format::parse(parameter(request, "format").as_deref().unwrap_or("json"))?;
    let messages: Vec<StoredMessage> =
        room.store.messages_after(0).map_err(failed)?.into_iter().map(|(_, message)| message).collect();
    let text = export(format, &record.session, &messages);
    let name = format!("attachment; filename=\"{}.{}\"", record.session.id, format.extension());
    let headers = Headers::new();
    headers.set("content-type", format.content_type());
    headers.set("content-disposition", &name);
    Ok(Response::bytes(200, headers, text.into_bytes()))
}

/// Accepts a turn and answers with its result, complete or streamed.
async fn turn(room: &Rc<Room>, call: &Call, turn: HttpTurn) -> Result<Response, ApiError> {
    let HttpTurn { ask, stream: is_streamed } = turn;
    room.open_record()?;
    let named = sockets::provider_name(room, &ask).await?;
    let accepted = queue::accept(room, ask, named, &call.request_id)?;
    if accepted.is_duplicate {
        let message = "This turn was sent before.";
        return Err(ApiError::conflict("duplicate_turn", "id", message));
    }
    let told = room.watch(&accepted.turn_id, is_streamed);
    queue::start(room);
    if is_streamed {
        return stream(room, &accepted.turn_id, told);
    }
    whole(call, accepted.turn_id, told).await
}

fn stream(room: &Room, turn_id: &str, told: mpsc::UnboundedReceiver<Told>) -> Result<Response, ApiError> {
    let keep_alive_ms = room.host()?.settings.keep_alive_ms;
    let session_id = &room.record()?.session.id;
    let first = ServerFrame::Turn { seq: room.seq(), turn_id, session_id }.to_json();
    let first = format!("data: {first}\n\n");
    let piece = |text: &str| Ok::<JsValue, JsValue>(Uint8Array::from(text.as_bytes()).into());
    let pieces =
        futures::stream::unfold((told, Some(first), false), move |(mut told, first, is_over)| async move {
            if let Some(first) = first {
                return Some((piece(&first), (told, None, false)));
            }
            if is_over {
                return None;
            }
            match select(told.next(), Timer::after_ms(keep_alive_ms)).await {
                Either::Left((Some(one), _)) => {
                    Some((piece(&format!("data: {}\n\n", one.json)), (told, None, false)))
                }
                Either::Left((None, _)) => Some((piece("data: [DONE]\n\n"), (told, None, true))),
                Either::Right(_) => Some((piece(": keep-alive\n\n"), (told, None, false))),
            }
        });
    let headers = Headers::new();
    headers.set("content-type", "text/event-stream; charset=utf-8");
    headers.set("cache-control", "no-cache, no-transform");
    headers.set("x-accel-buffering", "no");
    let stream = wasm_streams::ReadableStream::from_stream(pieces).into_raw();
    Ok(Response::stream(200, headers, stream))
}

async fn whole(
    call: &Call,
    turn_id: String,
    mut told: mpsc::UnboundedReceiver<Told>,
) -> Result<Response, ApiError> {
    let mut content = String::new();
    let mut tool_calls = Vec::new();
    while let Some(one) = told.next().await {
        match one.event {
            Event::Delta { content: more, .. } => content.push_str(&more),
            Event::ToolCall { id, name, arguments, .. } => {
                tool_calls.push(TurnToolCall::of(id, name, arguments));
            }
            Event::Done { message_id, finish_reason, usage, model, provider, .. } => {
                let message = TurnMessage {
                    id: message_id,
                    role: "assistant",
                    content,
                    timestamp: rfc3339_ms(now_ms()),
                    tool_calls,
                    metadata: NoMetadata {},
                };
                let answer = TurnAnswer {
                    session_id: call.session_id.clone(),
                    turn_id,
                    message,
                    usage,
                    model,
                    finish_reason,
                    provider,
                    request_id: call.request_id.clone(),
                    metadata: NoMetadata {},
                };
                return Ok(envelope::success(200, answer, "ok", &call.request_id));
            }
            Event::Error { status, code, message, .. } => {
                return Ok(envelope::turn_failure(status, &code, &message, &call.request_id));
            }
            _ => {}
        }
    }
    Err(ApiError::internal())
}
