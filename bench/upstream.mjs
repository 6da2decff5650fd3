// The model provider that every contestant talks to: a process of its own that answers any POST from prebuilt buffers,
// so that it costs next to nothing. What it answers is set by the runner before each measurement:
//   { delayMs, dialect, stream: null | { chunks, gapMs }, request: { promptBytes, stream, usage?, turns?, model? }, forwards }
//   delayMs   time from the last byte of the request to the first byte of the answer
//   dialect   "openai" or "anthropic": how it streams
//   gapMs     pause between chunks; 0 writes one chunk each turn of the event loop, as fast as the reader takes them
//   request   what was asked; a request that says anything else is answered with a 500 that fails the run;
//             null takes anything
//   forwards  "bytes": the very body that was sent; "turns": every turn of the prompt, in a body that may be written anew
// A second port takes queue messages, for a contestant whose queue is outside its process, and counts them. Asked for
// `kv` or `r2`, it opens a KV namespace (kv.mjs) or a bucket (r2.mjs) on another port, asked for `lastMessage`, it tells the last
// message of the queue.
import net from "node:net";
import { chunkFrame, LAST_CHUNK, MessageReader } from "./http1.mjs";
import { openNamespace } from "./kv.mjs";
import { openBucket } from "./r2.mjs";
import { completion, digitsIn, digitsOf, requestTemplate, streamEvents, Template, turnTemplates } from "./payload.mjs";

const OK = "HTTP/1.1 200 OK\r\n";
const EXTRAS = "x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\nx-request-id: req_1\r\n";
const JSON_TYPE = "content-type: application/json\r\n";
const EVENTS_TYPE = "content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n";
const NO_NUMBER = digitsOf(0);
const WANTS_USAGE = Buffer.from('"include_usage":true');

let answer = prepare({ delayMs: 0, dialect: "openai", stream: null, request: null });

function prepare({ delayMs, dialect, stream, request, forwards }) {
  const isFaithful = request === null ? () => true : forwards === "bytes" ? sameBytes(request) : sameTurns(request);
  const plan = { delayMs, isFaithful };
  if (!stream) {
    const head = `${OK}${JSON_TYPE}${EXTRAS}content-length: ${completion.bytes.length}\r\n\r\n`;
    return { ...plan, whole: new Template(Buffer.concat([Buffer.from(head), completion.bytes])) };
  }
  const head = Buffer.from(`${OK}${EVENTS_TYPE}${EXTRAS}transfer-encoding: chunked\r\n\r\n`);
  const { opening, pieces, closing, usage } = streamEvents(stream.chunks, dialect);
  const [first, ...rest] = [...pieces, ...closing.slice(0, -1)].map(frame);
  const end = Buffer.concat([frame(closing.at(-1)), LAST_CHUNK]);
  return {
    ...plan,
    gapMs: stream.gapMs,
    opening: Buffer.concat([head, ...opening.map(frame)]),
    first: new Template(first),
    rest: [...rest, end],
    restWithUsage: usage ? [...rest, frame(usage), end] : [...rest, end],
  };
}

const frame = (text) => chunkFrame(Buffer.from(text));

/** The body is the one that was sent, whatever its number. */
function sameBytes(request) {
  const template = requestTemplate(request);
  const expected = template.copy();
  return (body, digits) => template.stamp(expected, digits).equals(body);
}

/** The body says every turn, in order. */
function sameTurns(request) {
  const turns = turnTemplates(request).map((template) => ({ template, expected: template.copy() }));
  return (body, digits) => {
    let at = 0;
    for (const { template, expected } of turns) {
      const found = body.indexOf(template.stamp(expected, digits), at);
      if (found < 0) return false;
      at = found + expected.length;
    }
    return true;
  };
}

function refuse(socket, why) {
  const body = JSON.stringify({ error: { message: `bench upstream: ${why}`, type: "bench", param: null, code: null } });
  socket.write(`HTTP/1.1 500 Bench\r\n${JSON_TYPE}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function serve(socket) {
  let received = [];
  let size = 0;
  socket.setNoDelay(true);
  socket.on("error", () => {});
  const reader = new MessageReader({
    onHead() {
      received = [];
      size = 0;
    },
    onBody(bytes) {
      received.push(bytes);
      size += bytes.length;
    },
    onEnd() {
      const plan = answer;
      const body = received.length === 1 ? received[0] : Buffer.concat(received, size);
      received = [];
      if (plan.delayMs > 0) setTimeout(respond, plan.delayMs, socket, plan, body);
      else respond(socket, plan, body);
    },
  });
  socket.on("data", (bytes) => {
    try {
      reader.push(bytes);
    } catch (error) {
      refuse(socket, error.message);
      socket.destroySoon();
    }
  });
}

function respond(socket, plan, body) {
  if (socket.destroyed) return;
  const digits = digitsIn(body) ?? NO_NUMBER;
  if (!plan.isFaithful(body, digits)) {
    return refuse(socket, `the request body of ${body.length} bytes is not the one that was sent`);
  }
  if (plan.whole) return void socket.write(plan.whole.with(digits));
  const rest = body.includes(WANTS_USAGE) ? plan.restWithUsage : plan.rest;
  const frames = [plan.opening, plan.first.with(digits), ...rest];
  if (plan.gapMs > 0) pace(socket, frames, plan.gapMs);
  else burst(socket, frames);
}

function burst(socket, frames) {
  let next = 0;
  const step = () => {
    if (socket.destroyed) return;
    const room = socket.write(frames[next++]);
    if (next === frames.length) return;
    if (room) setImmediate(step);
    else socket.once("drain", step);
  };
  step();
}

function pace(socket, frames, gapMs) {
  const start = performance.now();
  let next = 0;
  const step = () => {
    if (socket.destroyed) return;
    // What opens a stream and its first piece come together, as a model's do: a gateway may wait for the piece before it
    // commits itself. Timers are late under load; what is due by now is written, each chunk by itself, so that the offered
    // rate holds.
    const due = Math.min(frames.length, Math.floor((performance.now() - start) / gapMs) + 2);
    while (next < due) socket.write(frames[next++]);
    if (next < frames.length) setTimeout(step, Math.max(0, start + (next - 1) * gapMs - performance.now()));
  };
  step();
}

let queued = 0;
let lastMessage = null;
const QUEUED = Buffer.from('{"metadata":{"metrics":{"backlogCount":0,"backlogBytes":0,"oldestMessageTimestamp":0}}}');
const QUEUE_ANSWER = Buffer.concat([Buffer.from(`${OK}${JSON_TYPE}content-length: ${QUEUED.length}\r\n\r\n`), QUEUED]);

function takeMessages(socket) {
  let parts = [];
  socket.setNoDelay(true);
  socket.on("error", () => {});
  const reader = new MessageReader({
    onHead(head) {
      queued += Number(/\r\ncf-queue-batch-count: *(\d+)/i.exec(head)?.[1] ?? 1);
      parts = [];
    },
    onBody: (bytes) => parts.push(Buffer.from(bytes)),
    onEnd() {
      lastMessage = Buffer.concat(parts).toString();
      socket.write(QUEUE_ANSWER);
    },
  });
  socket.on("data", (bytes) => reader.push(bytes));
}

const listen = (handler) =>
  new Promise((resolve) => {
    const server = net.createServer(handler);
    server.listen(0, "127.0.0.1", () => resolve(server.address().port));
  });

process.on("message", async ({ id, spec, kv, r2, lastMessage: wantsMessage }) => {
  if (spec) answer = prepare(spec);
  const result = {
    queued,
    kv: kv ? await openNamespace() : null,
    r2: r2 ? await openBucket() : null,
    message: wantsMessage ? lastMessage : null,
  };
  process.send({ id, result });
});
process.on("disconnect", () => process.exit(0));
process.send({ ready: true, port: await listen(serve), queuePort: await listen(takeMessages) });
