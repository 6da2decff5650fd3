//! The person who attends a call, as servers of tools can ask them, and the time for which it was waited for them: it counts for no limit.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, pending, ready};
use nexus_edge_mcp::elicitation::{self, Action, Elicitation};
use nexus_edge_mcp::mrtr::InputRequest;
use nexus_edge_toolloop::machine::Job;
use serde_json::value::RawValue;

use crate::exchange::{Asker, Attendant};
use crate::pipeline::mcp::Person;
use crate::platform::now_ms;

/// When it was waited for a person during a call.
#[derive(Default)]
pub struct Waits {
    /// Since when it is waited.
    open_ms: Cell<Option<u64>>,
    over: RefCell<Vec<(u64, u64)>>,
}

impl Waits {
    /// Whether it is waited at the moment.
    pub fn are_open(&self) -> bool {
        self.open_ms.get().is_some()
    }

    /// Milliseconds of the waits that are over.
    pub fn total_ms(&self) -> u64 {
        self.over.borrow().iter().map(|(from, to)| to.saturating_sub(*from)).sum()
    }

    /// When the last one was over; 0 if there was none.
    pub fn last_ms(&self) -> u64 {
        self.over.borrow().last().map_or(0, |(_, to)| *to)
    }

    /// From when until when it was waited, one after the other.
    pub fn take(&self) -> Vec<(u64, u64)> {
        self.over.take()
    }
}

/// A wait until it is dropped.
struct Wait(Rc<Waits>);

impl Wait {
    fn begin(waits: &Rc<Waits>) -> Self {
        waits.open_ms.set(Some(now_ms()));
        Self(Rc::clone(waits))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(from_ms) = self.0.open_ms.take() {
            self.0.over.borrow_mut().push((from_ms, now_ms()));
        }
    }
}

/// The person who attends one call.
pub struct Attended {
    /// Through whom they are asked.
    pub attendant: Rc<dyn Attendant>,
    /// The call.
    pub job: Job,
    /// Hash of the tool as it is defined.
    pub tool: String,
    /// Notes how long it takes.
    pub waits: Rc<Waits>,
}

impl Person for Attended {
    fn agrees(&self) -> LocalBoxFuture<'static, bool> {
        let Self { attendant, job, tool, waits } = self;
        let (attendant, job) = (Rc::clone(attendant), job.clone());
        let (tool, waits) = (tool.clone(), Rc::clone(waits));
        async move {
            if !attendant.can_ask() {
                // The agent may be answered elsewhere, and knows how long it waits.
                return pending().await;
            }
            let _wait = Wait::begin(&waits);
            attendant.asked(&job, &tool, Asker::Agent).await.is_ok()
        }
        .boxed_local()
    }

    fn answers(&self, request: InputRequest) -> LocalBoxFuture<'static, Box<RawValue>> {
        let Some(question) = Elicitation::read(request.params.as_deref()) else {
            return ready(elicitation::result(Action::Cancel, None)).boxed_local();
        };
        let Self { attendant, job, waits, .. } = self;
        let (attendant, job, waits) = (Rc::clone(attendant), job.clone(), Rc::clone(waits));
        async move {
            let _wait = Wait::begin(&waits);
            attendant.asked_for_input(&job, question).await
        }
        .boxed_local()
    }
}
