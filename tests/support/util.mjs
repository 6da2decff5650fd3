// Small things that every suite needs: polling with a deadline, a seeded generator, and one bare HTTP caller that
// neither retries, nor decodes, nor hides what came over the wire.
import { readFile, readdir } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { once } from "node:events";

/** Calls `probe` until it returns something truthy; fails with its last answer or error after `within` ms. */
export async function eventually(probe, { within = 15_000, every = 25, what = "the condition" } = {}) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} did not come true within ${within} ms; last: ${describe(last)}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

const describe = (value) => (value instanceof Error ? value.message : JSON.stringify(value));

/** Fails unless `promise` settles within `ms`. */
export async function within(ms, promise, what = "it") {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** mulberry32: the same numbers on every run and machine. */
export function prng(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Sends one request. `reply` settles as soon as the response's headers are there; the body stays unread until `bytes()`,
 * `text()`, `json()` or `read()` is called, so a test decides how fast (or whether) the caller reads.
 *
 * A caller may leave in two ways at any time. `abort()` resets the connection, which workerd notices at once, as it does when
 * Cloudflare's edge cancels a request. `leave()` closes it in the ordinary way: workerd takes that for a caller who has
 * said all he had to say, and notices only when it next writes to him.
 */
export function begin(url, { method = "GET", headers = {}, body } = {}) {
  const target = new URL(url);
  const payload = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(body);
  const req = http.request({
    host: target.hostname,
    port: target.port,
    // Taken from the text, because URL would repair the very paths that some tests are about.
    path: url.replace(/^https?:\/\/[^/]+/, "") || "/",
    method,
    agent: false,
    headers: payload === undefined ? headers : { "content-length": payload.length, ...headers },
  });
  const reply = once(req, "response").then(([res]) => new Reply(req, res));
  req.end(payload);
  return { reply, abort: () => req.socket?.resetAndDestroy(), leave: () => req.destroy() };
}

export const open = (url, options) => begin(url, options).reply;

class Reply {
  #req;
  #res;
  #ended;

  constructor(req, res) {
    this.#req = req;
    this.#res = res;
    this.status = res.statusCode;
    this.headers = res.headers;
    this.#ended = new Promise((resolve) => {
      res.once("end", () => resolve("end"));
      res.once("error", () => resolve("error"));
      res.once("aborted", () => resolve("error"));
      res.once("close", () => resolve("close"));
    });
    req.on("error", () => {});
    res.on("error", () => {});
  }

  /** The next piece of the body as it came off the socket, or null at its end. */
  async read() {
    for (;;) {
      const piece = this.#res.read();
      if (piece !== null) return piece;
      if (this.#res.readableEnded || this.#res.destroyed) return null;
      await Promise.race([once(this.#res, "readable").catch(() => {}), this.#ended]);
      if (this.#res.destroyed && this.#res.readableLength === 0) return null;
      if (this.#res.readableEnded) return null;
    }
  }

  /** Reads on until what was read so far contains `needle`; returns all that this call read. */
  async readUntil(needle) {
    let got = Buffer.alloc(0);
    while (!got.includes(needle)) {
      const piece = await this.read();
      if (piece === null) throw new Error(`the body ended without ${JSON.stringify(needle)}: ${got.toString()}`);
      got = Buffer.concat([got, piece]);
    }
    return got;
  }

  /** Everything that is left, and whether the body came to its proper end. */
  async rest() {
    const pieces = [];
    for (let piece = await this.read(); piece !== null; piece = await this.read()) pieces.push(piece);
    return { bytes: Buffer.concat(pieces), complete: this.#res.complete };
  }

  async bytes() {
    const { bytes, complete } = await this.rest();
    if (!complete)
      throw new Error(`the response was cut off after ${bytes.length} bytes: ${bytes.toString().slice(0, 400)}`);
    return bytes;
  }

  async text() {
    return (await this.bytes()).toString("utf8");
  }

  async json() {
    const text = await this.text();
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`status ${this.status}, not JSON: ${text.slice(0, 400)}`);
    }
  }

  /** See `begin`. */
  abort() {
    this.#req.socket.resetAndDestroy();
  }

  /** See `begin`. */
  leave() {
    this.#req.destroy();
  }
}

/** `open` and read it all. */
export async function send(url, options) {
  const reply = await open(url, options);
  const bytes = await reply.bytes();
  return {
    status: reply.status,
    headers: reply.headers,
    bytes,
    text: bytes.toString("utf8"),
    json: () => JSON.parse(bytes.toString("utf8")),
  };
}

/** Writes bytes to a socket and returns all that comes back: for requests that no HTTP library would send. */
export async function rawExchange(url, bytes, { within: limit = 10_000 } = {}) {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  const pieces = [];
  socket.on("data", (piece) => pieces.push(piece));
  socket.on("error", () => {});
  socket.write(bytes);
  await within(
    limit,
    once(socket, "close").catch(() => {}),
    "the raw exchange",
  ).finally(() => socket.destroy());
  return Buffer.concat(pieces).toString("latin1");
}

/** The payloads of the `data:` lines of an event stream, comments left out. */
export function dataOf(text) {
  return text
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((block) =>
      block
        .split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).replace(/^ /, ""))
        .join("\n"),
    )
    .filter((data) => data !== "");
}

/** The text that a streamed answer spells. */
export const spelled = (text) =>
  dataOf(text)
    .filter((data) => data !== "[DONE]")
    .map((data) => JSON.parse(data).choices?.[0]?.delta?.content ?? "")
    .join("");

export const bearer = (key) => ({ authorization: `Bearer ${key}` });

/**
 * The contents of every file below a folder, as `{ name, text }` with a character for each byte. A file that is removed while the
 * others are read is left out: databases of objects that are put away lose their write-ahead log.
 */
export async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const read = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const name = path.join(entry.parentPath, entry.name);
      try {
        return { name, text: (await readFile(name)).toString("latin1") };
      } catch (error) {
        if (error.code !== "ENOENT") throw error;
      }
    });
  return (await Promise.all(read)).filter(Boolean);
}
