// Proves that a broken instance of the module is replaced before the next call, and that objects outlive it.
import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";

let recovery;
let state;
let listeners;
let instances;

/** Stands for a class that wasm-bindgen wrote: an object of another instance refuses to work. */
class Counter {
  constructor(...args) {
    if (args[0] === "broken") throw new WebAssembly.RuntimeError("unreachable");
    this.args = args;
    this.instance = instances;
  }

  free() {}

  __destroy_into_raw() {}

  fetch(request) {
    assert.equal(this.instance, instances, "a stale object was called");
    if (request === "trap") throw new WebAssembly.RuntimeError("unreachable");
    if (request === "refuse") throw new Error("no");
    return [request, ...this.args];
  }
}

before(async () => {
  globalThis.addEventListener = (type, listener) => listeners.push({ type, listener });
  ({ recovery } = await import("../../src/recovery.mjs"));
});

beforeEach((t) => {
  state = { criticalError: false, instanceId: 1 };
  listeners = [];
  instances = 1;
  t.mock.method(console, "log", () => {});
  t.mock.method(console, "error", () => {});
});

const begin = () =>
  recovery(state, () => {
    instances += 1;
    // What the module does when it starts.
    state.instanceId += 1;
  });

test("calls pass their answers and their errors through, and replace nothing", () => {
  const { call } = begin();
  assert.equal(
    call(() => 7),
    7,
  );
  assert.throws(() => call(() => assert.fail("as it is")), /as it is/);
  assert.equal(
    call(() => 8),
    8,
  );
  assert.equal(instances, 1);
});

test("after a trap the next call has a new instance, and only the next", () => {
  const { call } = begin();
  const trap = () => {
    throw new WebAssembly.RuntimeError("unreachable");
  };
  assert.throws(() => call(trap), WebAssembly.RuntimeError);
  assert.equal(instances, 1, "not before the next call");
  assert.equal(
    call(() => instances),
    2,
  );
  assert.equal(
    call(() => instances),
    2,
  );
});

test("what the panic hook notes has the same effect", () => {
  const { call } = begin();
  state.criticalError = true;
  assert.equal(
    call(() => instances),
    2,
  );
  assert.equal(state.criticalError, false);
});

test("so has a trap that no call caught", () => {
  const { call } = begin();
  const [{ type, listener }] = listeners;
  assert.equal(type, "error");
  listener({ error: new Error("of another module") });
  assert.equal(
    call(() => instances),
    1,
  );
  listener({ error: new WebAssembly.RuntimeError("unreachable") });
  assert.equal(
    call(() => instances),
    2,
  );
});

test("an object answers, and has no methods but the handlers", () => {
  const { recovering } = begin();
  const Recovering = recovering(Counter);
  assert.deepEqual(new Recovering("state", "env").fetch("hello"), ["hello", "state", "env"]);
  assert.deepEqual(Object.getOwnPropertyNames(Recovering.prototype).sort(), ["constructor", "fetch"]);
});

test("an object that lived in a broken instance is constructed anew, with the same arguments", () => {
  const { recovering } = begin();
  const Recovering = recovering(Counter);
  const [first, second] = [new Recovering(1), new Recovering(2)];
  assert.throws(() => first.fetch("trap"), WebAssembly.RuntimeError);
  assert.deepEqual(second.fetch("x"), ["x", 2]);
  assert.deepEqual(first.fetch("y"), ["y", 1]);
  assert.equal(instances, 2);
});

test("an object is constructed anew where the module replaced its instance by itself", () => {
  const { recovering } = begin();
  const object = new (recovering(Counter))(1);
  instances += 1;
  state.instanceId += 1;
  assert.deepEqual(object.fetch("x"), ["x", 1]);
});

test("an error that is no trap leaves the object as it is", () => {
  const { recovering } = begin();
  const object = new (recovering(Counter))(1);
  assert.throws(() => object.fetch("refuse"), /no/);
  assert.deepEqual(object.fetch("x"), ["x", 1]);
  assert.equal(instances, 1);
});

test("an object that cannot be constructed leaves an instance that is replaced", () => {
  const { recovering } = begin();
  const Recovering = recovering(Counter);
  assert.throws(() => new Recovering("broken"), WebAssembly.RuntimeError);
  assert.deepEqual(new Recovering(1).fetch("x"), ["x", 1]);
  assert.equal(instances, 2);
});
