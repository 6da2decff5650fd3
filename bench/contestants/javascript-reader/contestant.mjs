// A bare JavaScript Worker that looks at every chunk of a stream and parses none, which is the least that a gateway which
// reads usage must do: what reading costs on this platform, before any work is done with what was read.
import { headersFor, startForwarder } from "../../forwarder.mjs";

export const name = "javascript-reader";
export const about = "a bare JavaScript Worker that forwards, and looks at every chunk of an answer";

export { headersFor };

export const start = (context) => startForwarder(name, new URL("worker.js", import.meta.url), context);
