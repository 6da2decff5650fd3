// A Worker that forwards a stream in one of several ways: `env.VARIANT` says which. `plain` is what the platform does by itself; the
// others read every chunk and send other bytes instead, as a translation does, or read what has been piped from time to time.
const ask = (request, env) => {
  const { pathname, search } = new URL(request.url);
  return fetch(new Request(env.UPSTREAM + pathname + search, request));
};

/** What a translation costs beyond its own work: the bytes are copied into a new buffer. */
const changed = (chunk) => chunk.slice();

function joined(pieces) {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

async function drain(body) {
  let seen = 0;
  for await (const chunk of body) seen += chunk.length;
  return seen;
}

/** Reads what is queued in a branch every 250 ms. */
async function look(branch) {
  const reader = branch.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(32 << 10);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (done) return;
    buffer = value.buffer;
  }
}

/** Pieces are written to a pipe of the platform; those that come while `write` is under way are written as one. */
function written(answer, context, write) {
  const reader = answer.body.getReader();
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const pieces = [];
  let writing;
  const writeAll = async () => {
    while (pieces.length) await write(joined(pieces.splice(0)), writer);
    writing = undefined;
  };
  const run = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(changed(value));
      writing ??= writeAll();
    }
    await writing;
    await writer.close();
  };
  context.waitUntil(run());
  return readable;
}

const VARIANTS = {
  plain: (answer) => answer.body,
  reader(answer, context) {
    const [forCaller, forUs] = answer.body.tee();
    context.waitUntil(drain(forUs));
    return forCaller;
  },
  tee(answer, context) {
    const [forCaller, forUs] = answer.body.tee();
    context.waitUntil(look(forUs));
    return forCaller;
  },
  identity(answer, context) {
    const { readable, writable } = new IdentityTransformStream();
    context.waitUntil(answer.body.pipeTo(writable));
    return readable;
  },
  "tee-identity": (answer, context) => {
    const [forCaller, forUs] = answer.body.tee();
    context.waitUntil(look(forUs));
    const { readable, writable } = new IdentityTransformStream();
    context.waitUntil(forCaller.pipeTo(writable));
    return readable;
  },
  /** A chunk is read when one is pulled. */
  carried(answer) {
    const reader = answer.body.getReader();
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(changed(value));
        },
      },
      { highWaterMark: 0 },
    );
  },
  /** Chunks are read ahead while the caller has not taken the last piece, and are then sent as one. */
  "read-ahead": (answer) => {
    const reader = answer.body.getReader();
    const pieces = [];
    let size = 0;
    let isDone = false;
    let wanted;
    let roomy;
    const run = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        isDone = done;
        if (!done) {
          pieces.push(changed(value));
          size += value.length;
        }
        wanted?.();
        if (done) return;
        if (size > 65536) await new Promise((resolve) => (roomy = resolve));
      }
    };
    run();
    return new ReadableStream(
      {
        async pull(controller) {
          if (!pieces.length && !isDone) await new Promise((resolve) => (wanted = resolve));
          wanted = undefined;
          if (pieces.length) {
            controller.enqueue(joined(pieces.splice(0)));
            size = 0;
            roomy?.();
            roomy = undefined;
          } else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  },
  "write-behind": (answer, context) => written(answer, context, (piece, writer) => writer.write(piece)),
  "write-later": (answer, context) =>
    written(answer, context, async (piece, writer) => {
      await writer.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }),
  /** Pieces that come within 5 ms after the last write are written together; others do not wait. The gateway does this. */
  "write-joined": (answer, context) => {
    const reader = answer.body.getReader();
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const pieces = [];
    let writing;
    let timer;
    let wrote = 0;
    const write = async () => {
      clearTimeout(timer);
      timer = undefined;
      await writer.write(joined(pieces.splice(0)));
      wrote = Date.now();
      writing = undefined;
      if (pieces.length) flush();
    };
    const flush = () => {
      if (writing || timer) return;
      const rest = wrote + 5 - Date.now();
      if (rest <= 0) writing = write();
      else timer = setTimeout(() => (writing = write()), rest);
    };
    const run = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        pieces.push(changed(value));
        flush();
      }
      for (;;) {
        await writing;
        if (!pieces.length) break;
        writing = write();
      }
      await writer.close();
    };
    context.waitUntil(run());
    return readable;
  },
};

export default {
  async fetch(request, env, context) {
    const answer = await ask(request, env);
    return new Response(VARIANTS[env.VARIANT](answer, context), answer);
  },
};
