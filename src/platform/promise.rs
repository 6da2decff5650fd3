//! Awaiting JavaScript: promises and timers.
//!
//! The bindings create two closures for every awaited promise. Each is registered with JavaScript's garbage
//! collector, which often costs as much as the awaited operation. Here one closure serves all awaited promises of the
//! isolate: each has a slot, and JavaScript calls with the slot and its result.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::closure::Closure;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::executor;

#[wasm_bindgen(module = "/src/js/promise.js")]
extern "C" {
    fn nexus_await(promise: &Promise, slot: usize, settle: &JsValue);
    fn nexus_set_timer(milliseconds: i32, slot: usize, settle: &JsValue) -> JsValue;
    fn nexus_clear_timer(timer: &JsValue);
}

enum Slot {
    Waiting(Option<Waker>),
    Settled(Result<JsValue, JsValue>),
    /// The future was dropped; JavaScript will still settle the slot.
    Abandoned,
}

thread_local! {
    static SLOTS: RefCell<Slab<Slot>> = const { RefCell::new(Slab::new()) };
    static SETTLE: JsValue = Closure::<dyn Fn(usize, JsValue, bool)>::new(settle).into_js_value();
}

/// Number of promises that are waited for.
pub fn pending() -> usize {
    SLOTS.with_borrow(Slab::len)
}

/// Called by JavaScript with the result for a slot.
fn settle(slot: usize, value: JsValue, is_fulfilled: bool) {
    let waker = SLOTS.with_borrow_mut(|slots| match slots.get_mut(slot)? {
        Slot::Abandoned => {
            slots.try_remove(slot);
            None
        }
        waiting => {
            let settled = Slot::Settled(if is_fulfilled { Ok(value) } else { Err(value) });
            match std::mem::replace(waiting, settled) {
                Slot::Waiting(waker) => waker,
                Slot::Settled(_) | Slot::Abandoned => None,
            }
        }
    });
    if let Some(waker) = waker {
        executor::run_after(|| waker.wake());
    }
}

fn open_slot() -> usize {
    SLOTS.with_borrow_mut(|slots| slots.insert(Slot::Waiting(None)))
}

/// Reads a slot; while it is pending, the last poller will be woken.
fn poll_slot<T>(slot: usize, context: &Context<'_>, come: impl FnOnce(&mut Slot) -> Poll<T>) -> Poll<T> {
    SLOTS.with_borrow_mut(|slots| {
        match slots.get_mut(slot) {
            Some(Slot::Waiting(Some(waker))) => waker.clone_from(context.waker()),
            Some(Slot::Waiting(none)) => *none = Some(context.waker().clone()),
            Some(settled) => return come(settled),
            None => {}
        }
        Poll::Pending
    })
}

/// The result of a promise: its value, or the reason for its rejection. Wakes the last poller. Dropping it does not
/// affect the promise.
pub struct Awaited {
    slot: usize,
}

impl From<Promise> for Awaited {
    fn from(promise: Promise) -> Self {
        let slot = open_slot();
        SETTLE.with(|settle| nexus_await(&promise, slot, settle));
        Self { slot }
    }
}

impl Future for Awaited {
    type Output = Result<JsValue, JsValue>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        poll_slot(self.slot, context, |slot| match std::mem::replace(slot, Slot::Abandoned) {
            Slot::Settled(result) => Poll::Ready(result),
            Slot::Waiting(_) | Slot::Abandoned => Poll::Pending,
        })
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        SLOTS.with_borrow_mut(|slots| match slots.get_mut(self.slot) {
            Some(waiting @ Slot::Waiting(_)) => *waiting = Slot::Abandoned,
            _ => drop(slots.try_remove(self.slot)),
        });
    }
}

/// Completes after its time, and wakes the last poller. Dropping it cancels the timer.
///
/// The platform crate's own `Delay` wakes the task that polled it first, but a relay polls one timer from many.
pub struct Timer {
    slot: usize,
    timer: JsValue,
}

impl Timer {
    /// A timer that starts now. More than 2^31 milliseconds (24 days) count as that.
    pub fn after_ms(milliseconds: u64) -> Self {
        let slot = open_slot();
        let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
        let timer = SETTLE.with(|settle| nexus_set_timer(milliseconds, slot, settle));
        Self { slot, timer }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        poll_slot(self.slot, context, |_| Poll::Ready(()))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let slot = SLOTS.with_borrow_mut(|slots| slots.try_remove(self.slot));
        if let Some(Slot::Waiting(_)) = slot {
            nexus_clear_timer(&self.timer);
        }
    }
}
