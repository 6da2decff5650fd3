// Relays a stream chunk by chunk; called by src/pipeline/stream_relay/carried.rs.

// What comes less than this after the last write waits until then, so that a flood of small pieces becomes few larger ones.
const REST_MS = 5;
// About how many bytes are read ahead of the caller.
const MOST_AHEAD = 16 << 10;

// What `look_at` and `end` answer.
const UNCHANGED = 0;
const NOTHING = 1;
const LAST = 3;

// A timer runs during the relay. It matters only while waiting for the upstream, not while waiting for the caller.
// `send` takes what it has for the caller, `close` is called if the stream ended with that.
function watched(relay, first_ms, send, close) {
  let since = 0;
  let timer;
  let is_stopped = false;
  const watch = (ms) => {
    timer = setTimeout(() => {
      if (is_stopped) return;
      const piece = relay.on_timer(since ? Date.now() - since : 0);
      if (piece) send(piece);
      if (relay.is_over()) close();
      else watch(relay.timer_ms());
    }, ms);
  };
  watch(first_ms);
  return {
    wait(now) {
      since = now;
    },
    pause() {
      since = 0;
    },
    stop() {
      is_stopped = true;
      clearTimeout(timer);
    },
  };
}

async function read(reading) {
  try {
    return await reading;
  } catch {
    return { done: true };
  }
}

// `held` is sent first. `pending` is a read that was begun already. `caller` fires when the connection of a caller at its other end
// closes; without it the reader is in this isolate.
export function nexus_carry(reader, pending, held, relay, remembers, first_ms, caller) {
  const carry = caller ? written : pulled;
  return carry(reader, pending, held, relay, remembers, first_ms, caller);
}

// For a reader in this isolate: a chunk is read when one is pulled.
function pulled(reader, pending, held, relay, remembers, first_ms) {
  let timer;
  let over = false;
  const finish = (controller) => {
    over = true;
    timer.stop();
    relay.free();
    controller.close();
  };
  return new ReadableStream(
    {
      start(controller) {
        const send = (piece) => controller.enqueue(piece);
        timer = watched(relay, first_ms, send, () => {
          reader.cancel().catch(() => {});
          finish(controller);
        });
      },
      async pull(controller) {
        if (held.length) {
          controller.enqueue(held.shift());
          if (!held.length && relay.held_is_sent()) finish(controller);
          return;
        }
        for (;;) {
          timer.wait(Date.now());
          const { done, value } = await read(pending ?? reader.read());
          pending = undefined;
          if (over) return;
          const verdict = done ? relay.end() : relay.look_at(value, false);
          if (remembers) {
            const remembered = relay.remember();
            if (remembered) await remembered;
            if (over) return;
          }
          if (verdict === UNCHANGED) controller.enqueue(value);
          else if (verdict !== NOTHING) controller.enqueue(relay.kept());
          if (verdict === LAST) {
            reader.cancel().catch(() => {});
            return finish(controller);
          }
          if (done) return finish(controller);
          if (verdict !== NOTHING) {
            timer.pause();
            return;
          }
        }
      },
      cancel(reason) {
        if (over) return;
        over = true;
        timer.stop();
        relay.free();
        return reader.cancel(reason).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

// For a caller at the other end of a connection. What comes while a write is under way, or shortly after one, is written as one piece;
// the first piece never waits.
function written(reader, pending, held, relay, remembers, first_ms, caller) {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  let is_over = false;
  let has_left = false;
  // About how many bytes wait in `relay`, for the write that is under way or for the pause after it.
  let ahead = 0;
  let writing;
  let resting;
  let wrote_at = 0;
  // The time as it was when something was last read or written: the clock is read no more often than that.
  let now = Date.now();
  const free = () => {
    timer.stop();
    clearTimeout(resting);
    caller.removeEventListener("abort", leave);
    relay.free();
  };
  const leave = () => {
    if (has_left) return;
    has_left = true;
    is_over = true;
    free();
    reader.cancel().catch(() => {});
    writer.abort().catch(() => {});
  };
  const write = async (piece) => {
    try {
      await writer.write(piece);
    } catch {
      return leave();
    }
    wrote_at = now = Date.now();
    writing = undefined;
    if (ahead) flush();
  };
  const write_kept = () => {
    clearTimeout(resting);
    resting = undefined;
    ahead = 0;
    writing = write(relay.kept());
  };
  const rest_ms = () => Math.min(wrote_at + REST_MS - now, REST_MS);
  const flush = () => {
    if (writing || resting !== undefined) return;
    const ms = rest_ms();
    if (ms > 0) resting = setTimeout(write_kept, ms);
    else write_kept();
  };
  const keep = (bytes) => {
    ahead += bytes;
    flush();
  };
  const drain = async () => {
    while (!has_left && (writing || ahead)) {
      if (!writing) write_kept();
      await writing;
    }
  };
  const close = async () => {
    is_over = true;
    await drain();
    if (has_left) return;
    has_left = true;
    free();
    writer.close().catch(() => {});
  };
  const interject = (piece) => {
    relay.keep(piece);
    keep(piece.length);
  };
  const timer = watched(relay, first_ms, interject, () => {
    reader.cancel().catch(() => {});
    close();
  });
  const run = async () => {
    for (const piece of held) {
      writing = write(piece);
      await writing;
    }
    if (is_over) return;
    if (relay.held_is_sent()) return close();
    for (;;) {
      timer.wait(now);
      const { done, value } = await read(pending ?? reader.read());
      pending = undefined;
      if (is_over) return;
      now = Date.now();
      timer.pause();
      // The end settles the request: the caller has everything else by then.
      if (done) await drain();
      if (is_over) return;
      const is_behind = ahead > 0 || writing !== undefined || rest_ms() > 0;
      const verdict = done ? relay.end() : relay.look_at(value, is_behind);
      if (remembers) {
        const remembered = relay.remember();
        if (remembered) await remembered;
        if (is_over) return;
      }
      if (verdict === UNCHANGED) writing = write(value);
      else if (verdict !== NOTHING) keep(value?.length ?? 1);
      if (verdict === LAST) reader.cancel().catch(() => {});
      if (done || verdict === LAST) return close();
      if (ahead > MOST_AHEAD) {
        if (!writing) write_kept();
        await writing;
      }
    }
  };
  caller.addEventListener("abort", leave);
  run().catch((error) => {
    has_left = true;
    is_over = true;
    timer.stop();
    reader.cancel().catch(() => {});
    writer.abort(error).catch(() => {});
    // It must reach the runtime as an uncaught error: by that it knows that an instance is broken.
    queueMicrotask(() => {
      throw error;
    });
  });
  return readable;
}
