//! What a room asks its people while a turn runs: whether a call of a tool may run, and input that a tool asks for.
//!
//! Guarantee: a question is answered once, from any connection or over HTTP; an answer that does not fit it changes nothing. With its turn
//! it is gone.

use std::cell::RefCell;

use futures::channel::oneshot;
use nexus_edge_core::chat::approval::{self, Decided, Decision};
use nexus_edge_core::chat::event::Event;
use nexus_edge_core::chat::input::{self, Given};
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::elicitation::Mode;
use serde_json::value::RawValue;

/// The open questions of a room.
#[derive(Default)]
pub struct Questions {
    open: RefCell<Vec<Question>>,
}

struct Question {
    call_id: String,
    /// The frame that asks it.
    event: Event,
    tell: Tell,
}

/// Who waits for the answer.
enum Tell {
    Decision(oneshot::Sender<Decision>),
    Input(Mode, oneshot::Sender<Box<RawValue>>),
}

impl Questions {
    /// Asks whether a call may run. The receiver is cut when the turn ends.
    pub fn ask(&self, call_id: &str, event: Event) -> oneshot::Receiver<Decision> {
        let (tell, decided) = oneshot::channel();
        self.add(call_id, event, Tell::Decision(tell));
        decided
    }

    /// Asks for input; what comes is an `ElicitResult`. The receiver is cut when the turn ends.
    pub fn ask_for_input(&self, call_id: &str, event: Event, mode: Mode) -> oneshot::Receiver<Box<RawValue>> {
        let (tell, given) = oneshot::channel();
        self.add(call_id, event, Tell::Input(mode, tell));
        given
    }

    fn add(&self, call_id: &str, event: Event, tell: Tell) {
        self.open.borrow_mut().push(Question { call_id: call_id.to_owned(), event, tell });
    }

    /// The question of a call is not open any more.
    pub fn withdraw(&self, call_id: &str) {
        self.open.borrow_mut().retain(|question| question.call_id != call_id);
    }

    /// No question is open any more.
    pub fn clear(&self) {
        self.open.borrow_mut().clear();
    }

    /// What asks for agreement at the moment.
    pub fn approvals(&self) -> Vec<Event> {
        self.events(|tell| matches!(tell, Tell::Decision(_)))
    }

    /// What asks for input at the moment.
    pub fn inputs(&self) -> Vec<Event> {
        self.events(|tell| matches!(tell, Tell::Input(..)))
    }

    fn events(&self, is_meant: impl Fn(&Tell) -> bool) -> Vec<Event> {
        let open = self.open.borrow();
        open.iter()
            .filter(|question| is_meant(&question.tell))
            .map(|question| question.event.clone())
            .collect()
    }

    /// A person has decided.
    ///
    /// # Errors
    /// `approval_not_found` (404) if no such call waits for agreement.
    pub fn decide(&self, decided: &Decided) -> Result<(), ApiError> {
        let tell = self.take(&decided.call_id, |tell| match tell {
            Tell::Decision(tell) => Ok(tell),
            other @ Tell::Input(..) => Err(other),
        });
        let tell = tell.ok_or_else(approval::not_waiting)?;
        tell.send(decided.decision).map_err(|_| approval::not_waiting())
    }

    /// A person has given input, or has not.
    ///
    /// # Errors
    /// `input_not_found` (404) if no such call waits for input; those of [`Given::result`], after which it waits on.
    pub fn give(&self, given: &Given) -> Result<(), ApiError> {
        let result = {
            let open = self.open.borrow();
            let mode = open.iter().find_map(|question| match &question.tell {
                Tell::Input(mode, _) if question.call_id == given.call_id => Some(mode),
                _ => None,
            });
            given.result(mode.ok_or_else(input::not_waiting)?)?
        };
        let tell = self.take(&given.call_id, |tell| match tell {
            Tell::Input(_, tell) => Ok(tell),
            other @ Tell::Decision(_) => Err(other),
        });
        let tell = tell.ok_or_else(input::not_waiting)?;
        tell.send(result).map_err(|_| input::not_waiting())
    }

    /// Takes the question of a call out, if it is of the kind that `kind` takes.
    fn take<T>(&self, call_id: &str, kind: impl Fn(Tell) -> Result<T, Tell>) -> Option<T> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|question| question.call_id == call_id)?;
        let Question { call_id, event, tell } = open.remove(at);
        match kind(tell) {
            Ok(taken) => Some(taken),
            Err(tell) => {
                open.insert(at, Question { call_id, event, tell });
                None
            }
        }
    }
}
