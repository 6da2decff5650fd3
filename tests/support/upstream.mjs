// A loopback stand-in for a model provider. It does exactly what a test tells it to, byte by byte and in the
// order told, and remembers everything it was sent: so a test can compare what left the caller with what arrived
// here, and what left here with what reached the caller.
//
// A test registers one behaviour per model name: `upstream.on('slow', async (x) => { … })`. The model name is the
// selector because it is the one thing that always travels through the gateway. `x` is an `Exchange`.
//
// What the providers' answers look like is in the files beside this one: `anthropic.mjs`, `bedrock.mjs`, `cohere.mjs`,
// `gemini.mjs`, `dashscope.mjs`, `dify.mjs`, `azure.mjs`; OpenAI's are below.
import http from "node:http";
import net from "node:net";
import { once } from "node:events";

// Gemini and Vertex, Bedrock, Azure's deployments, and the applications of Dify, which have a key instead of a model: there the
// tests put the name into the base address.
function modelInPath(path) {
  const found = path.match(
    /\/(?:models\/([^/?]+):\w+|model\/([^/?]+)\/converse|deployments\/([^/?]+)\/|apps\/([^/?]+)\/)/,
  );
  return found ? decodeURIComponent(found.slice(1).find((name) => name !== undefined)) : undefined;
}

function modelInForm(x) {
  if (!x.headers["content-type"]?.startsWith("multipart/form-data")) return undefined;
  return x.body.toString("latin1").match(/name="model"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n/)?.[1];
}

function modelInJson(x) {
  try {
    return x.json().model;
  } catch {
    return undefined;
  }
}

/** One request as it arrived, and the means to answer it. */
class Exchange {
  #req;
  #res;
  #closed;
  #model;

  constructor(req, res, body) {
    this.#req = req;
    this.#res = res;
    this.method = req.method;
    this.path = req.url;
    this.headers = req.headers;
    this.rawHeaders = req.rawHeaders;
    this.body = body;
    this.receivedAt = Date.now();
    this.finished = false;
    this.closedEarly = false;
    this.closedAt = null;
    this.bytesAccepted = 0;
    // Resolves when the connection is closed by either side.
    this.#closed = new Promise((resolve) => {
      res.once("close", () => {
        this.closedAt = Date.now();
        if (!this.finished) this.closedEarly = true;
        resolve();
      });
    });
    res.on("error", () => {});
    req.socket.setNoDelay(true);
  }

  get text() {
    return this.body.toString("utf8");
  }

  json() {
    return JSON.parse(this.text);
  }

  /** The model that is asked for, wherever the provider's protocol says it. */
  get model() {
    this.#model ??= modelInPath(this.path) ?? modelInForm(this) ?? modelInJson(this);
    return this.#model;
  }

  /** Whether the request asks for a stream, wherever the provider's protocol says it. */
  get wantsStream() {
    if (this.path.includes(":streamGenerateContent") || this.path.endsWith("/converse-stream")) return true;
    if (this.path.endsWith("/converse")) return false;
    if (this.headers["x-dashscope-sse"] === "enable") return true;
    const body = this.json();
    return body.stream === true || body.response_mode === "streaming";
  }

  /** Settles when the gateway has let go of the connection (or we have). */
  get closed() {
    return this.#closed;
  }

  get gone() {
    return this.closedAt !== null;
  }

  /** Sends status and headers at once, before any body byte. */
  head(status = 200, headers = {}) {
    this.#res.writeHead(status, headers);
    this.#res.flushHeaders();
  }

  /** Sends one chunk and waits until the peer's side has taken it, so that a stalled reader stalls us too. */
  async write(bytes) {
    if (this.gone) return false;
    const chunk = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    if (!this.#res.write(chunk)) {
      await Promise.race([once(this.#res, "drain").catch(() => {}), this.#closed]);
    }
    this.bytesAccepted += chunk.length;
    // Yields to the event loop: two writes in one turn would leave in one packet.
    await new Promise(setImmediate);
    return !this.gone;
  }

  end(bytes) {
    this.finished = true;
    this.#res.end(bytes);
  }

  /** Cuts the connection as a crashed provider would. */
  cut() {
    this.finished = true;
    this.#req.socket.destroy();
  }

  /** Never answers (further); returns when the gateway gives up. */
  async hang() {
    await this.#closed;
  }

  /** Writes to the socket below HTTP, for answers that are not HTTP. */
  raw(bytes) {
    this.finished = true;
    this.#req.socket.end(bytes);
  }

  /** A whole answer in one go. */
  reply(status, body, headers = {}) {
    const bytes =
      Buffer.isBuffer(body) || typeof body === "string" ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
    this.finished = true;
    this.#res.writeHead(status, { "content-type": "application/json", "content-length": bytes.length, ...headers });
    this.#res.end(bytes);
  }

  /** Starts an event stream. */
  sse(headers = {}) {
    this.head(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", ...headers });
  }

  /** Sends a whole event stream in the given pieces (one piece unless told otherwise). */
  async stream(pieces, headers = {}) {
    this.sse(headers);
    for (const piece of Array.isArray(pieces) ? pieces : [pieces]) {
      if (!(await this.write(piece))) return;
    }
    this.end();
  }
}

class Upstream {
  #server;
  #behaviours = new Map();
  #fallback;
  #waiters = [];

  constructor() {
    this.exchanges = [];
    this.#server = http.createServer((req, res) => void this.#serve(req, res));
    // A connection that is closed just as it is used again would be a failure of the test's own making.
    this.#server.keepAliveTimeout = 60_000;
    this.#server.requestTimeout = 0;
  }

  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  async stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Says how requests for `model` are answered: a function of an `Exchange`. */
  on(model, behaviour) {
    this.#behaviours.set(model, behaviour);
    return model;
  }

  /** Says how requests for any other model are answered. */
  otherwise(behaviour) {
    this.#fallback = behaviour;
  }

  /** Every request that asked for `model`, oldest first. */
  seen(model) {
    return this.exchanges.filter((x) => x.model === model);
  }

  last(model) {
    return (model === undefined ? this.exchanges : this.seen(model)).at(-1);
  }

  /** The next request for `model` that arrives from now on. */
  next(model) {
    return new Promise((resolve) => this.#waiters.push({ model, resolve }));
  }

  async #serve(req, res) {
    const parts = [];
    try {
      for await (const part of req) parts.push(part);
    } catch {
      return;
    }
    const x = new Exchange(req, res, Buffer.concat(parts));
    this.exchanges.push(x);
    const { model } = x;
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.model !== undefined && waiter.model !== model) return true;
      waiter.resolve(x);
      return false;
    });
    const behaviour = this.#behaviours.get(model) ?? this.#fallback;
    if (!behaviour) {
      x.reply(404, {
        error: {
          message: `no behaviour for ${model}`,
          type: "invalid_request_error",
          param: "model",
          code: "model_not_found",
        },
      });
      return;
    }
    try {
      await behaviour(x);
    } catch (error) {
      x.cut();
      throw error;
    }
  }
}

export const startUpstream = () => new Upstream().start();

/** A port on which nothing listens: connecting to it is refused. */
export async function refusedPort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

export const usage = (prompt, completion, extra = {}) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  ...extra,
});

/** A whole, not streamed, answer. */
export const completion = (model, message, { finish = "stop", reported = usage(9, 4), ...rest } = {}) => ({
  id: "chatcmpl-loopback-1",
  object: "chat.completion",
  created: 1_700_000_000,
  model,
  choices: [
    {
      index: 0,
      message: typeof message === "string" ? { role: "assistant", content: message, refusal: null } : message,
      logprobs: null,
      finish_reason: finish,
    },
  ],
  ...(reported === null ? {} : { usage: reported }),
  ...rest,
});

export const chunk = (model, choices, extra = {}) => ({
  id: "chatcmpl-loopback-1",
  object: "chat.completion.chunk",
  created: 1_700_000_000,
  model,
  choices,
  ...extra,
});

export const delta = (delta, finish = null) => [{ index: 0, delta, logprobs: null, finish_reason: finish }];

/** `data:` events with the given line ending. */
export const event = (value, eol = "\n") =>
  `data: ${typeof value === "string" ? value : JSON.stringify(value)}${eol}${eol}`;

/**
 * The events of an ordinary streamed answer, one string each: role, the words, the finish, the usage chunk if
 * `reported` is given, `[DONE]`.
 */
export function streamEvents(
  model,
  words,
  { finish = "stop", reported = usage(9, 4), done = true, eol = "\n", extra } = {},
) {
  const events = [event(chunk(model, delta({ role: "assistant", content: "" }), extra), eol)];
  for (const word of words) events.push(event(chunk(model, delta({ content: word }), extra), eol));
  events.push(event(chunk(model, delta({}, finish), extra), eol));
  if (reported) events.push(event(chunk(model, [], { ...extra, usage: reported }), eol));
  if (done) events.push(event("[DONE]", eol));
  return events;
}

/** A tool call as OpenAI writes it. */
export const toolCall = (id, name, args) => ({ id, type: "function", function: { name, arguments: args } });

/** The events by which OpenAI would have streamed a whole answer; what is text comes in pieces of `size` characters. */
export function eventsOf(whole, { size = 3, includeUsage = true } = {}) {
  const { choices, usage: reported, ...rest } = whole;
  const head = { ...rest, object: "chat.completion.chunk" };
  const events = [];
  const say = (parts, extra = {}) => events.push(event({ ...head, choices: parts, ...extra }));
  for (const { index, message, finish_reason } of choices) {
    const part = (fields, finish = null) => say([{ index, delta: fields, logprobs: null, finish_reason: finish }]);
    part({ role: "assistant", content: message.content === null ? null : "", refusal: null });
    for (const name of ["reasoning_content", "content", "refusal"]) {
      for (const piece of inPieces(message[name] ?? "", size)) part({ [name]: piece });
    }
    // As OpenAI does it: id and name come first, then the arguments, one call after the other.
    for (const [
      position,
      {
        id,
        type,
        function: { name, arguments: args },
      },
    ] of (message.tool_calls ?? []).entries()) {
      part({ tool_calls: [{ index: position, id, type, function: { name, arguments: "" } }] });
      for (const piece of inPieces(args, size))
        part({ tool_calls: [{ index: position, function: { arguments: piece } }] });
    }
    part({}, finish_reason);
  }
  if (includeUsage && reported) say([], { usage: reported });
  events.push(event("[DONE]"));
  return events;
}

/** Answers as OpenAI does, streamed or not as the request says. */
export const answersWith =
  (whole, headers = {}) =>
  (x) => {
    const body = x.json();
    if (!body.stream) return x.reply(200, whole, headers);
    return x.stream(eventsOf(whole, { includeUsage: body.stream_options?.include_usage === true }), headers);
  };

/** A text in pieces of so many characters. */
export const inPieces = (text, size) =>
  [...text].reduce((pieces, character, i) => {
    if (i % size === 0) pieces.push("");
    pieces.push(pieces.pop() + character);
    return pieces;
  }, []);

/** Cuts a buffer at the given offsets. */
export function cutAt(bytes, offsets) {
  const pieces = [];
  let from = 0;
  for (const offset of [...offsets].sort((a, b) => a - b)) {
    if (offset > from && offset < bytes.length) {
      pieces.push(bytes.subarray(from, offset));
      from = offset;
    }
  }
  pieces.push(bytes.subarray(from));
  return pieces;
}

export const everyByte = (bytes) =>
  cutAt(
    bytes,
    Array.from({ length: bytes.length }, (_, i) => i),
  );

/** Sleeps. For upstream behaviours that must be slow; tests themselves poll (`eventually`). */
export const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A promise that a test opens by hand: the upstream waits at it until the test has looked at the caller's side. */
export function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, opened };
}
