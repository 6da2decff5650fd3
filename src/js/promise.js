// Promises and timers that wake a future by its slot; called by src/platform/promise.rs.

// An exception here must reach the runtime as an uncaught error: by that it knows that an instance is broken.
function settled(settle, slot, value, isFulfilled) {
  try {
    settle(slot, value, isFulfilled);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

export function nexus_await(promise, slot, settle) {
  promise.then(
    (value) => settled(settle, slot, value, true),
    (reason) => settled(settle, slot, reason, false),
  );
}

export function nexus_set_timer(milliseconds, slot, settle) {
  return setTimeout(settled, milliseconds, settle, slot, undefined, true);
}

export function nexus_clear_timer(timer) {
  clearTimeout(timer);
}
