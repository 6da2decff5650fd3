// The Worker with every use of a binding counted, and of what the platform offers to all (timers, clock, signals): put in front of
// index.js by ../counting.mjs, which adds the objects. It hands out what it counted at /__counted, and begins anew. What a handler of
// the Worker used is told apart from what the queue's consumer, the cron and the objects used; what belongs to no binding cannot be, and is
// `isolate`.
import { WorkerEntrypoint, DurableObject } from "cloudflare:workers";
import Original from "./index.js";

let counts = {};
// The size of the database after the last statement, in bytes.
let size = 0;

function count(place, operation, amount = 1) {
  counts[place] ??= {};
  counts[place][operation] = (counts[place][operation] ?? 0) + amount;
}

/** What stands for `target`: its methods, with those that `wrappers` names called through them. */
function stand(target, wrappers) {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function" || name === "constructor") return value;
      const bound = value.bind(target);
      return Object.hasOwn(wrappers, name) ? (...args) => wrappers[name](bound, ...args) : bound;
    },
  });
}

const originals = new WeakMap();

function d1(place, database) {
  const rows = (result) => {
    size = result?.meta?.size_after || size;
    count(place, "D1 rows read", result?.meta?.rows_read ?? 0);
    count(place, "D1 rows written", result?.meta?.rows_written ?? 0);
    return result;
  };
  // One statement, or a batch in one go, is one trip to the database.
  const statement = (original, kind) => {
    const query = async (call, ...args) => {
      count(place, "D1 trips");
      count(place, kind);
      return rows(await call(...args));
    };
    const wrapped = stand(original, {
      bind: (call, ...args) => statement(call(...args), kind),
      run: query,
      all: query,
      first: query,
      raw: query,
    });
    originals.set(wrapped, { original, kind });
    return wrapped;
  };
  return stand(database, {
    prepare: (call, sql) =>
      statement(call(sql), /\b(insert|update|delete|replace)\b/i.test(sql) ? "D1 writes" : "D1 reads"),
    batch: async (call, statements) => {
      count(place, "D1 trips");
      const known = statements.map((one) => originals.get(one));
      for (const { kind } of known) count(place, kind);
      const results = await call(known.map(({ original }) => original));
      results.forEach(rows);
      return results;
    },
  });
}

const calls = (place, names) =>
  Object.fromEntries(
    Object.entries(names).map(([name, operation]) => [
      name,
      (call, ...args) => (count(place, operation), call(...args)),
    ]),
  );

function wrap(place, name, binding) {
  switch (binding?.constructor?.name) {
    case "D1Database":
      return d1(place, binding);
    case "KvNamespace":
      return stand(
        binding,
        calls(place, {
          get: "KV reads",
          getWithMetadata: "KV reads",
          put: "KV writes",
          delete: "KV writes",
          list: "KV lists",
        }),
      );
    case "R2Bucket":
      return stand(binding, {
        ...calls(place, { get: "R2 reads", head: "R2 reads", delete: "R2 deletes", list: "R2 lists" }),
        put: (call, name, value, ...rest) => {
          count(place, "R2 writes");
          count(place, "R2 bytes", value?.byteLength ?? value?.length ?? 0);
          return call(name, value, ...rest);
        },
      });
    case "WorkerQueue":
      return stand(binding, {
        send: (call, body, ...rest) => {
          count(place, "queue messages");
          // It is paid by the 64 KB.
          count(place, "queue operations", Math.ceil((body?.length ?? 1) / 65_536) || 1);
          return call(body, ...rest);
        },
        sendBatch: (call, messages, ...rest) => {
          const list = [...messages];
          count(place, "queue messages", list.length);
          return call(list, ...rest);
        },
      });
    case "DurableObjectNamespace": {
      const stub = (call, ...args) => stand(call(...args), calls(place, { fetch: `object calls: ${name}` }));
      return stand(binding, { get: stub, getByName: stub });
    }
    default:
      return binding;
  }
}

/** Counts the calls of a function that is a property of a global object. */
function countCalls(owner, name, operation) {
  const original = owner[name];
  owner[name] = function (...args) {
    count("isolate", operation);
    return original.apply(this, args);
  };
}

countCalls(globalThis, "setTimeout", "timers");
countCalls(globalThis, "fetch", "fetches");
countCalls(globalThis, "queueMicrotask", "microtasks");
countCalls(Date, "now", "clock readings");
countCalls(AbortSignal, "any", "joined signals");
globalThis.AbortController = class extends AbortController {
  constructor() {
    super();
    count("isolate", "abort controllers");
  }
};

function counted(place, env) {
  return Object.fromEntries(Object.entries(env).map(([name, binding]) => [name, wrap(place, name, binding)]));
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    if (new URL(request.url).pathname === "/__counted") {
      const answer = Response.json({ counts, d1_bytes: size });
      counts = {};
      return answer;
    }
    count("request", "requests");
    return new Original(this.ctx, counted("request", this.env)).fetch(request);
  }

  queue(batch) {
    count("consumer", "batches");
    return new Original(this.ctx, counted("consumer", this.env)).queue(batch);
  }

  scheduled(controller) {
    return new Original(this.ctx, counted("cron", this.env)).scheduled(controller);
  }
}

// biome-ignore lint/correctness/noUnusedVariables: the lines that counting.mjs adds use it
function countedObject(Inner) {
  return class extends DurableObject {
    constructor(ctx, env) {
      super(ctx, env);
      this.inner = new Inner(ctx, counted("object", env));
    }

    fetch(request) {
      return this.inner.fetch(request);
    }

    alarm() {
      return this.inner.alarm?.();
    }
  };
}
