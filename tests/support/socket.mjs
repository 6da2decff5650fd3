// A WebSocket client that records every frame, for tests that expect certain frames and disconnect at any point.
import { createRequire } from "node:module";
import { within } from "./util.mjs";

const require = createRequire(import.meta.url);
const { WebSocket } = createRequire(createRequire(require.resolve("wrangler")).resolve("miniflare"))("ws");

export class Socket {
  #ws;
  #waiters = [];

  constructor(ws) {
    this.#ws = ws;
    /** Every frame, as it came; JSON is parsed. */
    this.frames = [];
    /** Is called with each frame as it comes. */
    this.onFrame = undefined;
    this.closed = new Promise((resolve) =>
      ws.once("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    ws.on("error", () => {});
    ws.on("message", (data, isBinary) => {
      const text = isBinary ? data : data.toString();
      let frame = text;
      try {
        frame = JSON.parse(text);
      } catch {
        // The platform's own "pong" is not JSON.
      }
      this.frames.push(frame);
      this.onFrame?.(frame);
      this.#waiters = this.#waiters.filter(({ probe, resolve }) => {
        const found = probe(this.frames);
        if (found === undefined) return true;
        resolve(found);
        return false;
      });
    });
  }

  get protocol() {
    return this.#ws.protocol;
  }

  send(frame) {
    this.#ws.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  /** Closes the connection without a close frame. */
  cut() {
    this.#ws.terminate();
  }

  close() {
    this.#ws.close();
  }

  /** The first frame from index `from` on that matches: a type, or a function. */
  frame(wanted, { from = 0, ms = 15_000 } = {}) {
    const matches = typeof wanted === "function" ? wanted : (frame) => frame?.type === wanted;
    const probe = (frames) => frames.slice(from).find(matches);
    const found = probe(this.frames);
    if (found !== undefined) return Promise.resolve(found);
    const promise = new Promise((resolve) => this.#waiters.push({ probe, resolve }));
    return within(ms, promise, `the frame ${wanted}`).catch((error) => {
      throw new Error(`${error.message}; came: ${JSON.stringify(this.frames).slice(-1_500)}`);
    });
  }

  /** The frames that all connections of the session receive, in order. */
  get numbered() {
    return this.frames.filter((frame) => frame?.seq !== undefined);
  }

  /** The concatenated text of the deltas. */
  text(turnId) {
    return this.frames
      .filter((frame) => frame?.type === "delta" && (turnId === undefined || frame.turn_id === turnId))
      .map((frame) => frame.content)
      .join("");
  }
}

/** Opens a connection; fails with `{status, body}` if it is refused. */
export function connect(url, { protocols = [], headers = {} } = {}) {
  const ws = new WebSocket(url.replace(/^http/, "ws"), protocols, { headers, perMessageDeflate: false });
  const socket = new Socket(ws);
  return new Promise((resolve, reject) => {
    ws.once("open", () => resolve(socket));
    ws.once("unexpected-response", (_request, response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => {
        const error = new Error(`refused with ${response.statusCode}: ${Buffer.concat(parts)}`);
        error.status = response.statusCode;
        try {
          error.body = JSON.parse(Buffer.concat(parts).toString());
        } catch {
          // Not every refusal is ours.
        }
        reject(error);
      });
    });
    ws.once("error", reject);
  });
}
