//! Runs the futures of requests.
//!
//! The executor of the bindings schedules each woken future as a microtask of its own, which costs more than most
//! futures do until they wait again, and a request waits some ten times. Here the callback that delivers a result
//! also runs, at once, the future that it wakes; only futures that are woken by other futures go through a microtask.
//!
//! As with the bindings, a future that never completes is never dropped, and a panic is fatal to its instance.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use slab::Slab;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::closure::Closure;
use worker::wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(module = "/src/js/executor.js")]
extern "C" {
    fn nexus_promise() -> Promise;
    fn nexus_resolve(promise: &Promise, value: &JsValue);
    fn nexus_wait_until(context: &JsValue) -> Promise;
    fn nexus_soon(run: &JsValue);
}

struct Task {
    /// Absent while the task runs.
    future: Option<LocalBoxFuture<'static, ()>>,
    waker: Waker,
    is_queued: bool,
    /// The request that it works for, once it is known.
    request: Option<Rc<str>>,
}

thread_local! {
    static TASKS: RefCell<Slab<Task>> = const { RefCell::new(Slab::new()) };
    static QUEUE: RefCell<VecDeque<usize>> = const { RefCell::new(VecDeque::new()) };
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
    static IS_DUE: Cell<bool> = const { Cell::new(false) };
    /// The time, read once while futures run; `None` if it was not read yet.
    static NOW_MS: Cell<Option<u64>> = const { Cell::new(None) };
    /// The request that the running future works for.
    static REQUEST: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
    static RUN: JsValue = Closure::<dyn Fn()>::new(run_due).into_js_value();
}

/// Number of tasks that have not ended.
pub fn tasks() -> usize {
    TASKS.with_borrow(Slab::len)
}

/// Says for which request the running future works, and what it starts from here on.
pub fn works_for(request_id: &str) {
    if IS_RUNNING.get() {
        REQUEST.set(Some(request_id.into()));
    }
}

/// The request that the running future works for, if that is known.
pub fn request() -> Option<Rc<str>> {
    REQUEST.with_borrow(Clone::clone)
}

/// Wakes the task with this number. A reused number wakes another task, which is harmless.
struct Wakeful(usize);

impl Wake for Wakeful {
    fn wake(self: Arc<Self>) {
        enqueue(self.0);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        enqueue(self.0);
    }
}

fn enqueue(number: usize) {
    let is_new = TASKS.with_borrow_mut(|tasks| {
        tasks.get_mut(number).is_some_and(|task| !std::mem::replace(&mut task.is_queued, true))
    });
    if !is_new {
        return;
    }
    QUEUE.with_borrow_mut(|queue| queue.push_back(number));
    if !IS_RUNNING.get() && !IS_DUE.replace(true) {
        RUN.with(nexus_soon);
    }
}

fn run_due() {
    IS_DUE.set(false);
    run_after(|| ());
}

/// Calls `wake`, then runs every woken future. Only for callbacks from JavaScript, when no future is running.
pub fn run_after(wake: impl FnOnce()) {
    NOW_MS.set(None);
    IS_RUNNING.set(true);
    wake();
    while let Some(number) = QUEUE.with_borrow_mut(VecDeque::pop_front) {
        run(number);
    }
    IS_RUNNING.set(false);
}

/// The time of `clock`, read once while futures run without waiting: on Cloudflare the clock advances only with I/O.
pub fn now_ms(clock: impl FnOnce() -> u64) -> u64 {
    match NOW_MS.get() {
        Some(now_ms) if IS_RUNNING.get() => now_ms,
        _ => {
            let now_ms = clock();
            NOW_MS.set(Some(now_ms));
            now_ms
        }
    }
}

fn run(number: usize) {
    let awake = TASKS.with_borrow_mut(|tasks| {
        let task = tasks.get_mut(number)?;
        task.is_queued = false;
        REQUEST.set(task.request.take());
        Some((task.future.take()?, task.waker.clone()))
    });
    let Some((mut future, waker)) = awake else { return };
    if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        TASKS.with_borrow_mut(|tasks| {
            if let Some(task) = tasks.get_mut(number) {
                task.future = Some(future);
                task.request = REQUEST.take();
            }
        });
        return;
    }
    // What is left behind when it is dropped belongs to its request, too.
    drop(future);
    REQUEST.set(None);
    TASKS.with_borrow_mut(|tasks| tasks.try_remove(number));
}

fn spawn(future: impl Future<Output = ()> + 'static) {
    let number = TASKS.with_borrow_mut(|tasks| {
        let entry = tasks.vacant_entry();
        let number = entry.key();
        let waker = Waker::from(Arc::new(Wakeful(number)));
        let request = request();
        entry.insert(Task { future: Some(future.boxed_local()), waker, is_queued: false, request });
        number
    });
    enqueue(number);
}

/// Starts a future at once and returns a promise of its result.
pub fn begin(future: impl Future<Output = JsValue> + 'static) -> Promise {
    let promise = nexus_promise();
    let resolved = promise.clone();
    run_after(|| spawn(async move { nexus_resolve(&resolved, &future.await) }));
    promise
}

/// What keeps an event or an object alive for background work.
#[derive(Clone)]
pub struct Tasks(JsValue);

impl Tasks {
    /// Those of an event.
    pub fn of_event(context: &worker::Context) -> Self {
        let context: &JsValue = context.as_ref();
        Self(context.clone())
    }

    /// Those of a Durable Object.
    pub fn of_object(state: &worker::State) -> Self {
        let state: &JsValue = state.as_raw().as_ref();
        Self(state.clone())
    }

    /// Runs a future in the background. After the answer of an event the platform keeps it alive for half a minute at most.
    pub fn wait_until(&self, future: impl Future<Output = ()> + 'static) {
        let promise = nexus_wait_until(&self.0);
        spawn(async move {
            future.await;
            nexus_resolve(&promise, &JsValue::UNDEFINED);
        });
    }
}
