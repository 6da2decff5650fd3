//! Who attends the calls of tools of an internal request: the room of a session. It keeps and shows what happens, and asks its people
//! for agreement while the request runs.

use futures::future::LocalBoxFuture;
use nexus_edge_mcp::progress::Progress;
use nexus_edge_toolloop::machine::Job;
use nexus_edge_toolloop::note::Note;

/// See the module documentation. Everything is told in the order in which it happens, after all text of the answer that came before it
/// was read.
pub trait Attendant {
    /// The model has made calls, or one has its result.
    fn note(&self, note: Note);

    /// A call begins to run.
    fn begins(&self, job: &Job);

    /// A call that runs says how far it is.
    fn progresses(&self, job: &Job, said: &Progress);

    /// A call waits for agreement. `tool` is a hash of the tool as it is defined. The error says to the model why the call may not run.
    fn asked(&self, job: &Job, tool: &str) -> LocalBoxFuture<'static, Result<(), &'static str>>;
}
