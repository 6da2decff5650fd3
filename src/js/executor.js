// Promises for futures, and what keeps an event alive; called by src/platform/executor.rs.

function deferred() {
  const { promise, resolve } = Promise.withResolvers();
  promise.nexusResolve = resolve;
  return promise;
}

export function nexus_promise() {
  return deferred();
}

export function nexus_resolve(promise, value) {
  promise.nexusResolve(value);
}

export function nexus_wait_until(context) {
  const promise = deferred();
  context.waitUntil(promise);
  return promise;
}

export function nexus_soon(run) {
  queueMicrotask(run);
}
