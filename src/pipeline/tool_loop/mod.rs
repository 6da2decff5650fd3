//! A chat request that names tools of the gateway: the model is asked in rounds, and the tools run between them.
//!
//! What is decided is in `crates/toolloop`; here the questions are asked, the tools called, and the caller sent what comes of it. A round
//! is a request of its own: it is authenticated, admitted, reserved and limited like any other, and fails over by itself. Its record
//! becomes a part of the one that the request leaves behind ([`Rounds`]). How a round is asked comes in as a value ([`Ask`]), because
//! the pipeline that asks is the one that calls this module.

mod driver;
mod person;
mod stream;
mod toolbox;

use std::rc::Rc;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::inbound::Inbound;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::stats::Outcome;
use nexus_edge_toolloop::named::{self, Named};
use nexus_edge_toolloop::session::{Next, Opening, Session, Telling};
use nexus_edge_toolloop::tool::Tool;

use self::driver::{COST, Driver, Path, copy};
use self::toolbox::Toolbox;
use super::record::Parts;
use super::rounds::Rounds;
use super::settle::Settlement;
use crate::exchange::{Exchange, set_header};
use crate::platform::http::{Headers, Response};
use crate::platform::now_ms;

pub use driver::{Ask, Asked, Question};

/// The header of a whole answer with the number of questions that it took.
const ROUNDS: &str = "x-nexus-rounds";
/// The header of a whole answer with the number of calls that were run.
const CALLS: &str = "x-nexus-tool-calls";

/// A request whose tools are known.
pub struct Opened {
    session: Session,
    toolbox: Rc<Toolbox>,
    rounds: Rc<Rounds>,
    path: Option<Path>,
    is_stream: bool,
}

/// Whether a request may have tools of the gateway, by its bytes and its key alone. A round does not.
pub fn may_concern(exchange: &Exchange, principal: &Principal, inbound: &Inbound<'_>) -> bool {
    exchange.round.is_none() && (named::may_be_in(inbound) || default_toolset(exchange, principal).is_some())
}

/// The set of tools of requests that name none. Turns of a session have none.
fn default_toolset<'a>(exchange: &Exchange, principal: &'a Principal) -> Option<&'a str> {
    principal.default_toolset.as_deref().filter(|_| exchange.internal_owner.is_none())
}

/// The request with its tools, if it names some of the gateway or its key has a set of them. Of that set, what cannot be used at the
/// moment is left out; with nothing left the request goes without tools.
///
/// # Errors
/// Those of the members that name them; `mcp_server_not_found` (404); `mcp_server_unreachable` (502).
pub async fn open(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
) -> Result<Option<Opened>, ApiError> {
    let rounds = Rc::new(Rounds::new(exchange));
    let (named, toolbox, tools) = match named::of(exchange.caller_dialect, inbound.body)? {
        Some(named) => {
            let (toolbox, tools) =
                Toolbox::open(exchange, principal, &named.sources, Rc::clone(&rounds)).await?;
            (named, toolbox, tools)
        }
        None => match by_default(exchange, principal, inbound, &rounds).await? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    let opening = Opening {
        dialect: exchange.caller_dialect,
        body: inbound.body,
        named: &named,
        tools,
        is_stream: inbound.stream,
        is_list: inbound.as_array,
        telling: telling(exchange),
    };
    let path = (exchange.caller_dialect == CallerDialect::Gemini).then(|| Path {
        model: inbound.model.to_string(),
        is_stream: inbound.stream,
        is_list: inbound.as_array,
    });
    let session = Session::new(opening, now_ms());
    Ok(Some(Opened { session, toolbox: Rc::new(toolbox), rounds, path, is_stream: inbound.stream }))
}

fn telling(exchange: &Exchange) -> Telling {
    match exchange.attendant {
        Some(_) => Telling::Notes,
        None if exchange.header("x-nexus-tool-events").as_deref() == Some("true") => Telling::Chunks,
        None => Telling::Nothing,
    }
}

async fn by_default(
    exchange: &Exchange,
    principal: &Principal,
    inbound: &Inbound<'_>,
    rounds: &Rc<Rounds>,
) -> Result<Option<(Named, Toolbox, Vec<Tool>)>, ApiError> {
    let Some(name) = default_toolset(exchange, principal) else { return Ok(None) };
    let Some(named) = named::by_default(exchange.caller_dialect, inbound.body, name) else { return Ok(None) };
    match Toolbox::open(exchange, principal, &named.sources, Rc::clone(rounds)).await {
        Ok((toolbox, tools)) => Ok((!tools.is_empty()).then_some((named, toolbox, tools))),
        Err(error) if error.status == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// Answers the request.
///
/// # Errors
/// Those of a round.
pub async fn answer(
    exchange: &Exchange,
    opened: Opened,
    mut settlement: Settlement,
    ask: Ask,
) -> Result<Response, ApiError> {
    let Opened { session, toolbox, rounds, path, is_stream } = opened;
    settlement.record().rounds = Some(Rc::clone(&rounds) as Rc<dyn Parts>);
    let mut driver = Driver { session, toolbox, path, rounds, ask };
    let mut out = Vec::new();
    let mut next = driver.session.start(now_ms(), &mut out);
    if let Next::Run(jobs) = next {
        next = driver.run(jobs, &mut out).await;
    }
    let mut cost = Some(0);
    loop {
        settlement.record().event.tool_calls = driver.session.calls();
        let Next::Ask(body) = next else {
            let error = ApiError::internal();
            settlement.refuse(&error, exchange.is_caller_gone());
            return Err(error);
        };
        let asked = ask(driver.question(exchange, body)).await;
        exchange.notes.replace(asked.notes);
        let response = match asked.response {
            Ok(response) => response,
            Err(error) => {
                settlement.refuse(&error, exchange.is_caller_gone());
                return Err(error);
            }
        };
        settlement.record().event.status = response.status();
        if response.status() >= 400 {
            settlement.finish(Outcome::Failed);
            return Ok(response);
        }
        if is_stream {
            return Ok(stream::answer(exchange, driver, settlement, response, out));
        }
        let (status, headers) = (response.status(), copy(response.headers()));
        let of_round = response.headers().get(COST).and_then(|cost| cost.parse::<u64>().ok());
        cost = cost.zip(of_round).map(|(sum, of_round): (u64, u64)| sum.saturating_add(of_round));
        let body = response.into_body().read().await.map_err(|_| ApiError::internal())?;
        driver.rounds.end().await;
        next = match driver.session.whole(&body, now_ms()) {
            // What cannot be read is passed on as it is, like every other answer.
            None => {
                settlement.record().event.answer_bytes = body.len() as u64;
                settlement.finish(Outcome::Completed);
                return Ok(Response::bytes(status, headers, body));
            }
            Some(Next::Run(jobs)) => driver.run(jobs, &mut out).await,
            Some(next) => next,
        };
        if next == Next::End {
            let body = driver.session.finish_whole();
            set_header(&headers, ROUNDS, &driver.session.rounds().to_string());
            set_header(&headers, CALLS, &driver.session.calls().to_string());
            if let Some(cost) = cost {
                set_header(&headers, COST, &cost.to_string());
            }
            let event = &mut settlement.record().event;
            (event.tool_calls, event.answer_bytes) = (driver.session.calls(), body.len() as u64);
            settlement.finish(Outcome::Completed);
            return Ok(Response::bytes(status, headers, body));
        }
        if exchange.is_caller_gone() {
            // Dropping the settlement records that the caller has left.
            return Ok(Response::empty(499, Headers::new()));
        }
    }
}
