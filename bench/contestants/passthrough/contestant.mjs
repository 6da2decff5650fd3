// A bare JavaScript Worker that only forwards: what the platform itself costs, and so the limit for any gateway on it.
import { headersFor, startForwarder } from "../../forwarder.mjs";

export const name = "passthrough";
export const about = "a bare JavaScript Worker that forwards, on the same workerd";
/** It forwards everything, in any dialect. */
export const reference = true;

export { headersFor };

export const start = (context) => startForwarder(name, new URL("worker.js", import.meta.url), context);
