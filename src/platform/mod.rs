//! Calls into JavaScript that several modules need.

mod allocator;
pub mod bytes;
pub mod executor;
pub mod gzip;
pub mod hidden;
pub mod http;
pub mod kv;
pub mod log;
pub mod promise;
pub mod queue;
pub mod rows;
pub mod rs256;
pub mod subtle;
pub mod zone;

use std::cell::RefCell;

use futures::future::LocalBoxFuture;

pub use log::{log_debug, log_error, log_info, log_warn};

use nexus_edge_core::id;
use worker::js_sys;
use worker::wasm_bindgen::JsCast;
use worker::web_sys::WorkerGlobalScope;

/// Awaits a future that is rarely needed behind an indirect call. Otherwise its code becomes part of that of the future that awaits
/// it, and the engine optimises both as one function although a part of it hardly ever runs, which every fresh isolate pays for.
pub fn rarely<'a, T>(future: impl Future<Output = T> + 'a) -> LocalBoxFuture<'a, T> {
    Box::pin(future)
}

/// Milliseconds since the epoch. The clock advances only with I/O.
pub fn now_ms() -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole positive number of milliseconds well below 2^53"
    )]
    executor::now_ms(|| js_sys::Date::now() as u64)
}

/// Random bytes of the platform's generator; an error only where there is none, as outside of an event.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A random number of the platform's generator; 0 only where there is none, as outside of an event.
pub fn random_u64() -> u64 {
    u64::from_le_bytes(random_bytes().unwrap_or_default())
}

/// A random number from 0 up to 1, good enough for sampling.
pub fn random_unit() -> f64 {
    js_sys::Math::random()
}

/// A new ULID. Without randomness, which the platform always has inside of an event, only the time would differ.
pub fn new_ulid(now_ms: u64) -> String {
    thread_local! {
        /// A request needs several ULIDs, so the random bytes of many are fetched at once.
        static SUPPLY: RefCell<Vec<[u8; id::ULID_RANDOM_BYTES]>> = const { RefCell::new(Vec::new()) };
    }
    let random = SUPPLY.with_borrow_mut(|supply| {
        if supply.is_empty()
            && let Ok(bytes) = random_bytes::<{ 32 * id::ULID_RANDOM_BYTES }>()
        {
            supply.extend(bytes.as_chunks().0);
        }
        supply.pop().unwrap_or_default()
    });
    id::ulid(now_ms, random)
}

/// The global object of the Worker.
pub fn global() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Bytes of this instance's linear memory. It grows and never shrinks.
pub fn memory_bytes() -> usize {
    #[cfg(target_arch = "wasm32")]
    let pages = core::arch::wasm32::memory_size(0);
    #[cfg(not(target_arch = "wasm32"))]
    let pages = 0;
    pages * 65_536
}
