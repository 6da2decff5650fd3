// Relays a stream chunk by chunk; called by src/pipeline/stream_relay/carried.rs.

// `held` is sent first. `pending` is a read that was begun already. A timer runs during the relay; it matters only
// while waiting for the upstream, not while waiting for the caller.
export function nexus_carry(reader, pending, held, relay, remembers, first_ms) {
  let since = 0;
  let timer;
  let over = false;
  const finish = (controller) => {
    over = true;
    clearTimeout(timer);
    relay.free();
    controller.close();
  };
  const watch = (controller, ms) => {
    timer = setTimeout(() => {
      if (over) return;
      const piece = relay.on_timer(since ? Date.now() - since : 0);
      if (piece) controller.enqueue(piece);
      if (relay.is_over()) {
        reader.cancel().catch(() => {});
        finish(controller);
      } else {
        watch(controller, relay.timer_ms());
      }
    }, ms);
  };
  const next = async () => {
    try {
      return await (pending ?? reader.read());
    } catch {
      return { done: true };
    } finally {
      pending = undefined;
    }
  };
  return new ReadableStream(
    {
      start(controller) {
        watch(controller, first_ms);
      },
      async pull(controller) {
        if (held.length) {
          controller.enqueue(held.shift());
          if (!held.length && relay.held_is_sent()) finish(controller);
          return;
        }
        for (;;) {
          since = Date.now();
          const { done, value } = await next();
          if (over) return;
          const verdict = done ? relay.end() : relay.look_at(value);
          if (remembers) {
            const remembered = relay.remember();
            if (remembered) await remembered;
            if (over) return;
          }
          if (verdict === 0) controller.enqueue(value);
          else if (verdict >= 2) controller.enqueue(relay.replacement());
          if (verdict === 3) {
            reader.cancel().catch(() => {});
            return finish(controller);
          }
          if (done) return finish(controller);
          if (verdict !== 1) {
            since = 0;
            return;
          }
        }
      },
      cancel(reason) {
        if (over) return;
        over = true;
        clearTimeout(timer);
        relay.free();
        return reader.cancel(reason).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}
