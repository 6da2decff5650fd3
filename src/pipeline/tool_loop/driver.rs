//! What asks the questions of a request and runs its calls, for a whole answer as for a streamed one.

use std::rc::Rc;

use futures::StreamExt;
use futures::future::LocalBoxFuture;
use nexus_edge_core::dialect::canonical::Json;
use nexus_edge_core::dialect::inbound::FromPath;
use nexus_edge_core::error::ApiError;
use nexus_edge_toolloop::machine::Job;
use nexus_edge_toolloop::merge::Joined;
use nexus_edge_toolloop::session::{Next, Session};

use super::toolbox::Toolbox;
use crate::exchange::Exchange;
use crate::pipeline::rounds::Rounds;
use crate::platform::http::{Headers, Response};
use crate::platform::{log_error, now_ms};
use crate::store::origin::Origin;
use crate::store::responses;

/// What a whole answer costs.
pub const COST: &str = "x-nexus-cost";

/// One question to the model.
pub struct Question {
    /// The request of the round.
    pub exchange: Exchange,
    /// Where its record goes.
    pub rounds: Rc<Rounds>,
    path: Option<Path>,
}

impl Question {
    /// Model and streaming, where they are in the path.
    pub fn in_path(&self) -> Option<FromPath<'_>> {
        self.path.as_ref().map(Path::of_round)
    }
}

/// The answer to a question.
pub struct Asked {
    /// The answer.
    pub response: Result<Response, ApiError>,
    /// Headers of the answer besides its own.
    pub notes: Vec<(&'static str, String)>,
}

/// Asks a question.
pub type Ask = fn(Question) -> LocalBoxFuture<'static, Asked>;

/// Model and streaming from the path of the request.
#[derive(Clone)]
pub struct Path {
    /// The model.
    pub model: String,
    /// A stream is wanted.
    pub is_stream: bool,
    /// The stream is one growing JSON list.
    pub is_list: bool,
}

impl Path {
    /// As a round has it: its stream is never a list, because it is read here.
    fn of_round(&self) -> FromPath<'_> {
        FromPath { model: &self.model, stream: self.is_stream, as_array: false }
    }
}

/// What asks the questions of a request and runs its calls.
pub struct Driver {
    /// What is to be done.
    pub session: Session,
    /// Who answers tools.
    pub toolbox: Rc<Toolbox>,
    /// Model and streaming, where they are in the path.
    pub path: Option<Path>,
    /// Where the records of rounds go.
    pub rounds: Rc<Rounds>,
    /// How a question is asked.
    pub ask: Ask,
}

impl Driver {
    /// The question with this body, for the request of `exchange`.
    pub fn question(&self, exchange: &Exchange, body: Vec<u8>) -> Question {
        let exchange = exchange.round(body, self.rounds.before());
        Question { exchange, rounds: Rc::clone(&self.rounds), path: self.path.clone() }
    }

    /// Tells the attendant what has happened since this was called last.
    pub fn tell(&mut self) {
        let notes = self.session.take_notes();
        if let Some(attendant) = self.toolbox.attendant() {
            for note in notes {
                attendant.note(note);
            }
        }
    }

    /// Stores an answer that has ended under the id that its caller was told, before the caller is told the end.
    pub async fn keep_joined(&mut self, exchange: &Exchange) {
        let Some((Joined { last, response }, after)) = self.session.take_joined() else { return };
        let items: Vec<Json> = after.iter().filter_map(|item| Json::parse(item)).collect();
        let origin = Origin {
            key_id: self.toolbox.key_id().to_owned(),
            conversation_id: self.rounds.before().conversation_id.unwrap_or_default(),
            began_at: exchange.started_ms,
        };
        if let Err(error) = responses::put_joined(&exchange.env, &origin, &last, &items, &response).await {
            log_error("a response of several rounds is not kept", &error);
        }
    }

    /// Runs calls; what is done after the last one.
    pub async fn run(&mut self, jobs: Vec<Job>, out: &mut Vec<u8>) -> Next {
        let toolbox = Rc::clone(&self.toolbox);
        let runs = jobs.into_iter().map(|job| Rc::clone(&toolbox).run(job));
        let mut running = futures::stream::iter(runs).buffer_unordered(self.session.at_once());
        let mut next = Next::Failed;
        while let Some((job, outcome)) = running.next().await {
            if let Some(after) = self.session.end_call(&job, outcome, now_ms(), out) {
                next = after;
            }
        }
        next
    }
}

/// The headers of a round as those of the answer, whose body is another.
pub fn copy(headers: &Headers) -> Headers {
    let copied = Headers::new();
    for (name, value) in headers.list().iter() {
        if !matches!(name, "content-length" | "content-encoding" | "etag" | COST) {
            copied.add(name, value);
        }
    }
    copied
}
