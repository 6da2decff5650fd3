//! What every dialect makes of the rounds of an answer, and what goes in and comes out.

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::dialect::native;
use nexus_edge_core::sse::writer::{KEEP_ALIVE, write_data};

use crate::tool::{Fate, Shown};

/// A call that the model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id in the answer. Where a dialect has none, one that is unique in the answer.
    pub id: String,
    /// The name of the function.
    pub name: String,
    /// The arguments as the model wrote them: a JSON object, or what was to become one.
    pub arguments: String,
    /// What becomes of it.
    pub fate: Fate,
}

impl Call {
    /// The tool as people are shown it.
    #[must_use]
    pub fn shown(&self) -> Shown {
        match &self.fate {
            Fate::Ours(shown) | Fate::Asks(shown) => shown.clone(),
            Fate::Callers => Shown { server: String::new(), name: self.name.clone() },
        }
    }
}

/// What a round has added to the conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// What the model said, as the dialect writes it into a history: one message (Chat, Messages), one content (Gemini), or
    /// items (Responses). With all signatures.
    pub said: Vec<String>,
    /// The calls, in their order.
    pub calls: Vec<Call>,
    /// The answer was cut off, so that the last call may lack a part of its arguments: none runs.
    pub is_cut: bool,
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With an answer.
    Answered(Turn),
    /// With an error that the caller has been told.
    Failed,
    /// Before its end; the caller has not been told.
    Truncated,
}

/// The result of a call, for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The id of the call.
    pub call_id: String,
    /// The tool.
    pub shown: Shown,
    /// The arguments, a JSON object.
    pub arguments: String,
    /// The text of the result.
    pub text: String,
    /// Whether it is the text of an error.
    pub is_error: bool,
    /// The request for agreement that the caller has answered, where the call had waited for one.
    pub agreed_by: Option<String>,
}

/// A streamed answer whose caller was told another id than that of its last round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The id of the last round, whose history has all of the answer.
    pub last: String,
    /// The answer as the caller has it.
    pub response: Vec<u8>,
}

/// The tools of a server, for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// How the caller calls the server.
    pub label: String,
    /// The tools as a JSON array of `{name, description, input_schema, annotations}`.
    pub tools: String,
}

/// What is known before the first round.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// The caller wants a chunk for every call, in the dialect that has none.
    pub wants_tool_events: bool,
    /// A streamed answer is one growing JSON list.
    pub is_list: bool,
    /// The tools of the request as the caller wrote them, for the dialect that repeats them.
    pub tools: Option<String>,
    /// What the caller has not been told before, in the dialect that lists tools.
    pub lists: Vec<Listed>,
}

/// Says what becomes of a call by the name of its function.
pub type Fates<'a> = &'a dyn Fn(&str) -> Fate;

/// The rounds of one answer in one dialect.
pub(super) trait Rounds {
    /// An event of a streamed round.
    fn event(&mut self, name: Option<&[u8]>, data: &[u8], fates: Fates<'_>, out: &mut Vec<u8>);
    /// The end of a streamed round.
    fn end_round(&mut self, out: &mut Vec<u8>) -> Ended;
    /// A whole round.
    fn whole(&mut self, body: &[u8], fates: Fates<'_>) -> Option<Turn>;
    /// The result of a call.
    fn result(&mut self, told: &Told, out: &mut Vec<u8>);
    /// The streamed answer after its last round, in the dialect in which answers are stored and continued, if it has several ids.
    fn joined(&self) -> Option<Joined> {
        None
    }
    /// The end of the streamed answer, after the last round.
    fn finish(&mut self, out: &mut Vec<u8>);
    /// The whole answer, after the last round.
    fn finish_whole(&mut self) -> Vec<u8>;
    /// The event of an error, which ends the stream.
    fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>);
    /// Sent while tools run.
    fn keep_alive(&self) -> &'static [u8] {
        KEEP_ALIVE
    }
}

/// Appends an event without a name.
pub(super) fn write(out: &mut Vec<u8>, data: &[u8]) {
    write_data(out, data);
}

/// Appends an event with the name that its data has as `type`.
pub(super) fn write_named(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    write_data(out, data);
}

/// Appends an error in the dialect's form.
pub(super) fn write_error(dialect: CallerDialect, error: &ErrorInfo, out: &mut Vec<u8>) {
    out.extend(native::tap(dialect, false).encode_error(error));
}
