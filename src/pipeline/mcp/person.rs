//! A person who can be asked while a call runs, and the questions that wait for the person.
//!
//! Guarantee: the questions of a call are asked one after the other, and are open only while the call is waited for.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use futures::future::LocalBoxFuture;
use nexus_edge_mcp::mrtr::InputRequest;
use serde_json::value::RawValue;

/// See the module documentation. What is returned asks when it is first polled, and asks no more once it is dropped.
pub trait Person {
    /// Whether the person agrees to the call, which its agent asks.
    fn agrees(&self) -> LocalBoxFuture<'static, bool>;

    /// The `ElicitResult` for a request of the method `elicitation/create`.
    fn answers(&self, request: InputRequest) -> LocalBoxFuture<'static, Box<RawValue>>;
}

/// What a question is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Whether the call may be made.
    Agreement,
    /// What the call needs while it is made.
    Input,
}

/// Questions, each with all that is done about it.
#[derive(Default)]
pub(super) struct Questions<'a> {
    waiting: RefCell<VecDeque<(About, LocalBoxFuture<'a, ()>)>>,
}

impl<'a> Questions<'a> {
    /// Asks this after those that wait.
    pub(super) fn add(&self, about: About, question: LocalBoxFuture<'a, ()>) {
        self.waiting.borrow_mut().push_back((about, question));
    }

    /// Withdraws those about this. Not called by a question.
    pub(super) fn withdraw(&self, about: About) {
        let waiting = self.waiting.take();
        let (over, open): (VecDeque<_>, _) = waiting.into_iter().partition(|(one, _)| *one == about);
        self.waiting.replace(open);
        drop(over);
    }

    /// Whether one is open.
    pub(super) fn are_open(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// What comes of a future, while the questions are asked.
    pub(super) async fn beside<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.go_on(context);
            future.as_mut().poll(context)
        })
        .await
    }

    fn go_on(&self, context: &mut Context<'_>) {
        loop {
            let first = self.waiting.borrow_mut().pop_front();
            let Some((about, mut first)) = first else { return };
            if first.as_mut().poll(context) == Poll::Pending {
                // It counts as open while it is out: nothing looks meanwhile.
                self.waiting.borrow_mut().push_front((about, first));
                return;
            }
        }
    }
}
