// A bare JavaScript Worker that makes the same calls of the platform as `nexus-edge-unkept` and does nothing else: the cost of
// recording on this platform, for any gateway. Its KV and queue are outside its process, as those of Nexus Edge are.
import { createHash } from "node:crypto";
import { headersFor, startForwarder } from "../../forwarder.mjs";

export const name = "javascript-recorder";
export const about =
  "a bare JavaScript Worker that checks a key, parses request and answer, and records in KV and a queue; nothing else";
export const scenarios = /^(chat-1k-c1|chat-1k-c16|chat-100k-c16|stream-first-byte-c1|stream-flood-c50)$/;
/** Work that it defers until after the answer must not run in the next contestant's turn. */
export const settleMs = 300;

export { headersFor };

export async function start(context) {
  const key = headersFor().authorization.slice("Bearer ".length);
  const kv = await context.openKv();
  const env = {
    KEY_HASH: { type: "text", value: createHash("sha256").update(key).digest("hex") },
    KV: { type: "kv", id: name },
    QUEUE: { type: "queue", name },
  };
  return startForwarder(name, new URL("worker.js", import.meta.url), { ...context, kv }, env);
}
