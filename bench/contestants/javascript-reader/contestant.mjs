// A bare JavaScript Worker that reads every chunk of a stream and parses none, which is the minimum for a gateway that reads
// usage: the cost of reading on this platform, before any processing.
import { headersFor, startForwarder } from "../../forwarder.mjs";

export const name = "javascript-reader";
export const about = "a bare JavaScript Worker that forwards, and looks at every chunk of an answer";

export { headersFor };

export const start = (context) => startForwarder(name, new URL("worker.js", import.meta.url), context);
