//! A request to a server, and what is heard of it before its end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use nexus_edge_mcp::notes::Wanted;
use nexus_edge_mcp::rpc::Notification;
use serde_json::value::RawValue;

use super::person::Person;

/// What a request carries besides its method.
pub struct Call<'a> {
    /// The parameters with the server's own names, and with the progress token of [`Notes`], if any.
    pub params: &'a RawValue,
    /// `ClientCapabilities` of the caller, as far as it can be asked for input.
    pub capabilities: &'a RawValue,
    /// Whose session it is asked in, where the server has sessions.
    pub tenant: &'a str,
    /// The key that it is made with; agents are told.
    pub key_id: &'a str,
    /// Where goes what is said before the end; `None` where it is not wanted.
    pub notes: Option<&'a Notes>,
    /// Who can be asked while it runs; `None` where the caller is told of questions, or cannot be asked.
    pub person: Option<&'a Rc<dyn Person>>,
}

impl<'a> Call<'a> {
    /// Who hears what the server says before the end.
    pub(super) fn audience(&self) -> Audience<'a> {
        Audience { notes: self.notes, person: self.person }
    }
}

/// Who hears what a server says of a request before its end.
#[derive(Clone, Copy, Default)]
pub struct Audience<'a> {
    /// Where goes what it tells; `None` where that is not wanted.
    pub notes: Option<&'a Notes>,
    /// Who can be asked what it asks.
    pub person: Option<&'a Rc<dyn Person>>,
}

/// What was said of a request and not told on yet.
#[derive(Clone)]
pub struct Notes {
    wanted: Rc<Wanted>,
    queue: Rc<RefCell<VecDeque<Notification>>>,
}

impl Notes {
    /// None yet, of a request of a caller who wants these.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted: Rc::new(wanted), queue: Rc::default() }
    }

    /// What the caller wants.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Takes what a server said, as far as it is told.
    pub fn take(&self, notification: Notification) {
        self.add(self.wanted.told(notification));
    }

    /// Takes what is told.
    pub fn add(&self, told: Option<Notification>) {
        self.queue.borrow_mut().extend(told);
    }

    /// The next that is told on.
    pub fn next(&self) -> Option<Notification> {
        self.queue.borrow_mut().pop_front()
    }
}
