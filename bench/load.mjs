// The load generator: a process of its own that keeps a fixed number of connections busy for a fixed time (closed
// loop), checks every answer, and reports throughput, latency, time to the first byte of the body and chunks received.
// Every request has another number (see payload.mjs). One job at a time, from the runner:
//   { url, headers, request: { promptBytes, stream, usage?, turns?, model? }, chunks, dialect, answer, concurrency, warmupMs,
//     measureMs, paced, timeoutMs }
// What `chunks`, `dialect` and `answer` say about the answer: answers.mjs.
import net from "node:net";
import { answerCheck, excerpt } from "./answers.mjs";
import { MessageReader } from "./http1.mjs";
import { digitsOf, requestTemplate, Template } from "./payload.mjs";

/** The number of the last request of any job. */
let number = 0;

class Run {
  constructor(job) {
    this.job = job;
    const url = new URL(job.url);
    this.host = url.hostname;
    this.port = Number(url.port);
    const body = requestTemplate(job.request);
    const fixed = { host: url.host, "content-type": "application/json", "content-length": body.bytes.length };
    const headers = { ...fixed, ...job.headers };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`;
    this.request = new Template(Buffer.concat([Buffer.from(head), body.bytes]));
    this.check = answerCheck(job);
    this.latency = [];
    this.firstByte = [];
    this.pauses = [];
    this.requests = 0;
    this.chunks = 0;
    this.total = { requests: 0, chunks: 0 };
    this.reconnects = 0;
    this.busy = 0;
  }

  go() {
    const { concurrency, warmupMs, measureMs, paced } = this.job;
    return new Promise((resolve, reject) => {
      this.fail = (error) => {
        this.failed = true;
        clearInterval(this.watch);
        for (const connection of this.connections) connection.socket?.destroy();
        reject(error);
      };
      this.finish = resolve;
      this.startedAt = performance.now();
      this.from = this.startedAt + warmupMs;
      this.to = this.from + measureMs;
      this.connections = Array.from({ length: concurrency }, () => new Connection(this));
      this.busy = concurrency;
      this.connections.forEach((connection, i) => {
        // Paced streams start spread over the warm-up: in step they would all want the gateway in the same instant.
        setTimeout(() => connection.open(), paced ? (i * warmupMs) / concurrency : 0);
      });
      this.watch = setInterval(() => {
        const now = performance.now();
        const stuck = this.connections.find((c) => c.sentAt && now - c.lastAt > this.job.timeoutMs);
        if (!stuck) return;
        this.fail(new Error(`no bytes for ${this.job.timeoutMs} ms, received ${stuck.check.progress()}`));
      }, 500);
    });
  }

  done() {
    if (--this.busy > 0 || this.failed) return;
    clearInterval(this.watch);
    for (const connection of this.connections) connection.socket.destroy();
    const seconds = this.job.measureMs / 1000;
    const result = {
      requests: this.requests,
      requests_per_s: this.requests / seconds,
      latency_ms: summary(this.latency),
      first_byte_ms: summary(this.firstByte),
      reconnects: this.reconnects,
      total: this.total,
      busy_ms: performance.now() - this.startedAt,
    };
    if (this.job.chunks) result.chunks_per_s = this.chunks / seconds;
    if (this.job.paced) result.pause_ms = summary(this.pauses);
    this.finish(result);
  }
}

class Connection {
  constructor(run) {
    this.run = run;
    this.check = run.check();
    this.request = run.request.copy();
  }

  open() {
    this.reader = new MessageReader(this);
    this.socket = net.connect(this.run.port, this.run.host);
    this.socket.setNoDelay(true);
    this.socket.on("connect", () => this.send());
    this.socket.on("data", (bytes) => {
      try {
        this.reader.push(bytes);
      } catch (error) {
        this.run.fail(error);
      }
    });
    this.socket.on("error", (error) => !this.run.failed && this.run.fail(error));
    this.socket.on("close", () => this.closed());
  }

  send() {
    const digits = digitsOf(++number);
    this.check.begin(digits);
    this.run.request.stamp(this.request, digits);
    this.pieces = 0;
    this.firstAt = 0;
    this.refusal = null;
    this.lastAt = this.sentAt = performance.now();
    this.socket.write(this.request);
  }

  onHead(head) {
    const status = head.slice(9, 12);
    if (status !== "200") this.refusal = `${head}\r\n`;
    this.closing = /\r\nconnection: *close/i.test(head);
  }

  onBody(bytes) {
    const { run } = this;
    if (this.refusal !== null) {
      this.refusal += excerpt(bytes, 0, 2000);
      return;
    }
    const now = performance.now();
    if (this.firstAt === 0) this.firstAt = now;
    else if (run.job.paced && now >= run.from && now < run.to) run.pauses.push(now - this.lastAt);
    this.lastAt = now;
    const before = this.pieces;
    this.pieces = this.check.feed(bytes);
    run.total.chunks += this.pieces - before;
    if (now >= run.from && now < run.to) run.chunks += this.pieces - before;
  }

  onEnd() {
    const { run } = this;
    const now = performance.now();
    if (this.refusal !== null) throw new Error(`answered:\n${this.refusal}`);
    this.check.end();
    run.total.requests++;
    if (now >= run.from && now < run.to) run.requests++;
    // A stream may outlast the window, so its first byte counts by when it was asked for.
    if (this.sentAt >= run.from && this.firstAt < run.to) run.firstByte.push(this.firstAt - this.sentAt);
    if (this.sentAt >= run.from && now < run.to) run.latency.push(now - this.sentAt);
    this.sentAt = 0;
    if (now >= run.to) {
      this.finished = true;
      run.done();
    } else if (this.closing) {
      this.socket.end();
    } else {
      this.send();
    }
  }

  closed() {
    if (this.finished || this.run.failed) return;
    if (this.sentAt) {
      this.run.fail(new Error(`the connection closed after ${this.check.progress()}`));
      return;
    }
    this.run.reconnects++;
    this.open();
  }
}

function summary(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (q) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : null);
  const mean = sorted.length ? sorted.reduce((sum, value) => sum + value, 0) / sorted.length : null;
  return { n: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1), mean };
}

process.on("message", async ({ id, job }) => {
  try {
    process.send({ id, result: await new Run(job).go() });
  } catch (error) {
    process.send({ id, error: error.message });
  }
});
process.on("disconnect", () => process.exit(0));
process.send({ ready: true });
