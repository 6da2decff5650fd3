//! A timer that may be waited for by one task after another.
//!
//! The platform crate's own `Delay` wakes the task that polled it first. A relay polls one timer from a new task for
//! every chunk, so its timer has to wake whoever polled last.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::closure::Closure;

use super::global;

/// Completes once the time is over. Dropping it cancels it.
pub struct Timer {
    state: Rc<RefCell<State>>,
    id: Option<i32>,
    _callback: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct State {
    fired: bool,
    waker: Option<Waker>,
}

impl Timer {
    /// A timer that starts now. More than 2^31 milliseconds (24 days) count as that.
    pub fn after_ms(milliseconds: u64) -> Self {
        let state = Rc::new(RefCell::new(State::default()));
        let shared = Rc::clone(&state);
        let callback = Closure::once_assert_unwind_safe(move || {
            let waker = {
                let mut state = shared.borrow_mut();
                state.fired = true;
                state.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
        let id = global()
            .set_timeout_with_callback_and_timeout_and_arguments_0(
                callback.as_ref().unchecked_ref(),
                milliseconds,
            )
            .ok();
        Self { state, id, _callback: callback }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        if state.fired {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(id) = self.id
            && !self.state.borrow().fired
        {
            global().clear_timeout_with_handle(id);
        }
    }
}
