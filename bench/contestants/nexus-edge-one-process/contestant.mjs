// Nexus Edge with Miniflare's KV, queue broker, queue consumer, D1 and R2 all in the Worker's own process and thread, as under
// `npm start`. What it needs beyond `nexus-edge` is the price of simulators, records and roll-ups that production pays
// on other machines. Only run when asked for: npm run bench -- --contestants nexus
import { missing, start as startWith } from "../nexus-edge/contestant.mjs";

export { missing };
export const name = "nexus-edge-one-process";
export const about = "Nexus Edge with KV, its queue, the queue's consumer, D1 and R2 in the same thread";
export const optIn = true;
/** The queue hands a batch over after a second. */
export const settleMs = 1300;
export const start = (context) => startWith({ ...context, openStores: undefined });
