// Memory for a thousand idle WebSockets: chat sessions are Durable Objects whose sockets may hibernate. The resident memory of
// workerd before, with all of them open, and when they have been idle for longer than the ten seconds after which an object
// is taken out of memory while its socket stays.
import { configure, startGateway } from "../gateway.mjs";
import { residentMb, sleep } from "../processes.mjs";

export const name = "idle_sockets";
export const about = "memory for a thousand idle WebSockets";

const AT_ONCE = 20;
const IDLE_MS = 15_000;

export async function run({ root, upstreamAddress, openStores, quick, upstream }) {
  await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
  // A session has 1000 connections at most, and the first one is open already.
  const kinds = {
    a_session_each: { sockets: quick ? 100 : 1000, query: () => "" },
    one_session: { sockets: quick ? 100 : 999, query: (session) => `&session_id=${session}` },
  };
  const result = {};
  for (const [kind, { sockets, query }] of Object.entries(kinds)) {
    const gateway = await startGateway({ root }, await openStores());
    try {
      const { key } = await configure(gateway, upstreamAddress);
      const open = opener(gateway.url, key);
      // The first connection starts what all others share.
      const first = await open("");
      await sleep(2000);
      const before = residentMb(gateway.pid);
      const all = await openMany(sockets, () => open(query(first.session)));
      const opened = residentMb(gateway.pid);
      await sleep(IDLE_MS);
      const idle = residentMb(gateway.pid);
      const alive = all.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length;
      if (alive !== sockets) throw new Error(`${sockets - alive} of ${sockets} sockets are no longer open`);
      const wokenMs = await roundTrip(all[0].socket);
      for (const { socket } of [first, ...all]) socket.close();
      const per1000 = (mb) => ((mb - before) / sockets) * 1000;
      result[kind] = {
        sockets,
        before_mb: before,
        opened_mb_per_1000: per1000(opened),
        idle_mb_per_1000: per1000(idle),
        woken_ms: wokenMs,
      };
    } finally {
      await gateway.stop();
    }
  }
  return result;
}

/** Opens a connection; it is open when it has said hello. */
function opener(url, key) {
  return (query) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/ws/chat?v=2${query}`, [
        "nexus.chat.v2",
        `nexus-key.${key}`,
      ]);
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.type === "hello") resolve({ socket, session: frame.session_id });
      };
      socket.onerror = ({ error, message }) =>
        reject(new Error(`a WebSocket could not be opened: ${error?.cause?.message ?? error?.message ?? message}`));
    });
}

async function openMany(times, open) {
  const all = [];
  let left = times;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) all.push(await open());
    }),
  );
  return all;
}

/** Time in ms until a sleeping session answers. */
function roundTrip(socket) {
  const began = performance.now();
  return new Promise((resolve) => {
    socket.onmessage = () => resolve(performance.now() - began);
    socket.send(JSON.stringify({ type: "ping", seq: 1 }));
  });
}
