//! Who attends the calls of tools of an internal request: the room of a session. It keeps and shows what happens, and asks its people
//! for agreement and input while the request runs.

use futures::future::LocalBoxFuture;
use nexus_edge_mcp::elicitation::Elicitation;
use nexus_edge_mcp::progress::Progress;
use nexus_edge_toolloop::machine::Job;
use nexus_edge_toolloop::note::Note;
use serde_json::value::RawValue;

/// Who wants a person to agree to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The gateway, before the call runs.
    Gateway,
    /// The agent that runs it.
    Agent,
}

/// See the module documentation. Everything is told in the order in which it happens, after all text of the answer that came before it
/// was read.
pub trait Attendant {
    /// The model has made calls, or one has its result.
    fn note(&self, note: Note);

    /// A call begins to run.
    fn begins(&self, job: &Job);

    /// A call that runs says how far it is.
    fn progresses(&self, job: &Job, said: &Progress);

    /// Whether a person can be asked at the moment.
    fn can_ask(&self) -> bool;

    /// A call waits for agreement. `tool` is a hash of the tool as it is defined. The error says to the model why the call may not run.
    fn asked(&self, job: &Job, tool: &str, by: Asker) -> LocalBoxFuture<'static, Result<(), &'static str>>;

    /// A call that runs waits for a person's input: an `ElicitResult`. Dropped, it asks no more.
    fn asked_for_input(&self, job: &Job, question: Elicitation) -> LocalBoxFuture<'static, Box<RawValue>>;
}
