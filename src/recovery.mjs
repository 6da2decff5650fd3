// Recovery after a panic. A panic, or any other trap, leaves the instance of the WebAssembly module in an unknown state:
// what was being written may be half-written. Such an instance is not called again. Before the next call a new one takes
// its place, and objects that lived in the old one are constructed anew, with the arguments of the first time.
//
// Without this every later request of the isolate would fail, until the platform happens to replace it.

/**
 * @param {{ criticalError: boolean, instanceId: number }} state outlives the instances. The panic hook of the crate `worker`
 *   sets `criticalError`; every new instance raises `instanceId`
 * @param {() => void} replaceInstance puts a new instance into the place of the present one
 * @returns {{ call: (work: () => any) => any, recovering: (Class: Function) => Function }} `call` does work that calls the
 *   module; `recovering` makes of a class of the module one whose objects outlive its instances
 */
export function recovery(state, replaceInstance) {
  function replaceBrokenInstance() {
    if (!state.criticalError) return;
    log("warn", "the module is replaced after a panic");
    replaceInstance();
    state.criticalError = false;
    state.instanceId += 1;
  }

  function notice(error) {
    if (!(error instanceof WebAssembly.RuntimeError)) return;
    log("error", "a panic", String(error));
    state.criticalError = true;
  }

  // A trap in what runs later (a timer, a promise that was awaited) has no call here to be caught by.
  addEventListener("error", (event) => notice(event.error));

  function call(work) {
    replaceBrokenInstance();
    try {
      return work();
    } catch (error) {
      notice(error);
      throw error;
    }
  }

  function construct(Class, args) {
    try {
      return { object: new Class(...args), instanceId: state.instanceId };
    } catch (error) {
      state.criticalError = true;
      throw error;
    }
  }

  function recovering(Class) {
    class Recovering {
      #args;
      #inner;

      constructor(...args) {
        this.#args = args;
        call(() => this.#current());
      }

      #current() {
        if (this.#inner?.instanceId !== state.instanceId) this.#inner = construct(Class, this.#args);
        return this.#inner.object;
      }

      static {
        for (const name of handlersOf(Class)) {
          this.prototype[name] = function (...args) {
            return call(() => this.#current()[name](...args));
          };
        }
      }
    }
    return Recovering;
  }

  return { call, recovering };
}

/** The methods that the platform calls: all but those that wasm-bindgen adds for memory. */
function handlersOf(Class) {
  const names = Object.getOwnPropertyNames(Class.prototype);
  return names.filter((name) => name !== "constructor" && name !== "free" && !name.startsWith("__"));
}

/** A line as the module writes them, whose own logger is gone with it. */
function log(level, event, detail) {
  console[level](JSON.stringify({ ts: Date.now(), level, event, detail }));
}
