// Relays a stream whose bytes need no change; called by src/pipeline/stream_relay/verbatim.rs.

// The most that the platform reads from an upstream at a time. A read that returns more returns queued bytes.
const PIECE = 16 << 10;
const ROOM = 2 * PIECE;
// Pauses between inspections.
const FIRST_PAUSE_MS = 250;
const LEAST_PAUSE_MS = 50;
const MOST_PAUSE_MS = 2000;
// How long to wait for the end of a connection after a complete answer.
const LINGER_MS = 10_000;
// Reusable buffers.
const spare = [];
const MOST_SPARE = 16;

// `unread` goes to the caller; `body` has the same bytes, of which `reader` has read the first. `caller` fires when
// they disconnect.
export function nexus_pass(unread, body, reader, relay, caller, idle_ms) {
  reader.releaseLock();
  const observer = body.getReader({ mode: "byob" });
  const { readable, writable } = new IdentityTransformStream();
  const most_pause = Math.max(LEAST_PAUSE_MS, Math.min(MOST_PAUSE_MS, idle_ms / 4));
  let pause = Math.min(FIRST_PAUSE_MS, most_pause);
  let timer;
  let reading;
  let asked_at;
  let is_late = false;
  let is_at_end = false;
  let is_over = false;
  let is_idle = false;
  const read = () => {
    const room = new Uint8Array(spare.pop() ?? new ArrayBuffer(ROOM));
    asked_at = Date.now();
    is_late = false;
    reading = observer.read(room).then(
      ({ done, value }) => {
        reading = undefined;
        is_at_end = done;
        const size = value?.length ?? 0;
        if (size) relay.look_at(value);
        if (value && spare.length < MOST_SPARE) spare.push(value.buffer);
        return size;
      },
      () => {
        reading = undefined;
        is_at_end = true;
        return 0;
      },
    );
    return reading;
  };
  const look = async () => {
    let seen = 0;
    for (;;) {
      const size = await read();
      seen += size;
      if (size < ROOM || is_at_end || is_over) break;
    }
    if (seen > ROOM) pause = Math.max(pause / 2, LEAST_PAUSE_MS);
    else if (seen <= PIECE) pause = Math.min(pause * 2, most_pause);
  };
  // Closing the upstream drops bytes that have not reached the caller. After a complete answer all of it may be on
  // its way to a slow caller, with only the end of the connection late: that is waited for.
  const is_silent = (quiet_ms) => quiet_ms >= idle_ms && (quiet_ms >= idle_ms + LINGER_MS || !relay.is_complete());
  const watch = () => {
    if (is_at_end) return;
    if (!reading) {
      if (!is_over) look();
    } else if (is_silent(Date.now() - asked_at)) {
      // On a busy isolate received bytes may be queued behind this timer: they are processed before the next one.
      if (is_late) {
        is_idle = true;
        relay.close();
        return;
      }
      is_late = true;
    }
    timer = setTimeout(watch, is_late ? LEAST_PAUSE_MS : pause);
  };
  const finish = async (is_whole) => {
    is_over = true;
    let has_left = caller?.aborted;
    // The stream has ended, or the caller has left. Bytes that arrived until then can still be read.
    if (!is_whole || has_left) relay.close();
    await reading;
    while (!is_at_end) await read();
    clearTimeout(timer);
    const writer = writable.getWriter();
    if (!has_left) {
      const rest = relay.end(is_idle);
      if (rest) {
        try {
          await writer.write(rest);
        } catch {
          has_left = true;
        }
      }
      if (!has_left) relay.settle();
    }
    relay.free();
    // On abort, the writable side is aborted, too, so that a caller who is still there sees an error, not a clean
    // end.
    (has_left ? writer.abort() : writer.close()).catch(() => {});
  };
  timer = setTimeout(watch, pause);
  unread.pipeTo(writable, { preventClose: true, preventAbort: true }).then(
    () => finish(true),
    () => finish(false),
  );
  return readable;
}
