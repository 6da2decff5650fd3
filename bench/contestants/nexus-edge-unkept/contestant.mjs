// Nexus Edge for a key whose conversations are not archived (`store: none`): the difference to `nexus-edge` is the cost of the
// archive.
import { missing, settleMs, start as startWith } from "../nexus-edge/contestant.mjs";

export { missing, settleMs };
export const name = "nexus-edge-unkept";
export const about = "the same for a key with `store: none`: nothing that is said is archived";
export const peer = true;
export const rounds = 2;
export const scenarios =
  /^(chat-1k-c1|chat-1k-c16|chat-100k-c16|stream-first-byte-c1|stream-flood-c50|stream-paced-c50)$/;
export const start = (context) => startWith(context, { store: "none" });
