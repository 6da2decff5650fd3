// The load generator: a process of its own that keeps a fixed number of connections busy for a fixed time (closed
// loop), checks every byte of every answer, and reports throughput, latency, time to the first byte of the body and
// chunks received. One job at a time, from the runner:
//   { url, headers, request: { promptBytes, stream }, chunks, concurrency, warmupMs, measureMs, paced, timeoutMs }
import net from "node:net";
import { MessageReader } from "./http1.mjs";
import { completionBody, expectedStream, requestBody } from "./payload.mjs";

class Run {
  constructor(job) {
    this.job = job;
    const url = new URL(job.url);
    this.host = url.hostname;
    this.port = Number(url.port);
    const body = requestBody(job.request);
    const fixed = { host: url.host, "content-type": "application/json", "content-length": body.length };
    const headers = { ...fixed, ...job.headers };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`;
    this.requestBytes = Buffer.concat([Buffer.from(head), body]);
    if (job.request.stream) ({ body: this.expected, ends: this.ends } = expectedStream(job.chunks));
    else this.expected = completionBody();
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
        const got = `${stuck.at} of ${this.expected.length} bytes received`;
        this.fail(new Error(`no bytes for ${this.job.timeoutMs} ms, ${got}`));
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
    if (this.ends) result.chunks_per_s = this.chunks / seconds;
    if (this.job.paced) result.pause_ms = summary(this.pauses);
    this.finish(result);
  }
}

class Connection {
  constructor(run) {
    this.run = run;
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
    this.at = 0;
    this.event = 0;
    this.firstAt = 0;
    this.refusal = null;
    this.lastAt = this.sentAt = performance.now();
    this.socket.write(this.run.requestBytes);
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
    const to = this.at + bytes.length;
    if (to > run.expected.length || run.expected.compare(bytes, 0, bytes.length, this.at, to) !== 0) {
      let same = 0;
      while (same < bytes.length && bytes[same] === run.expected[this.at + same]) same++;
      const at = this.at + same;
      const [wanted, got] = [excerpt(run.expected, at), excerpt(bytes, same)].map((text) => JSON.stringify(text));
      throw new Error(`wrong bytes at ${at} of ${run.expected.length}:\n  expected ${wanted}\n  received ${got}`);
    }
    if (this.firstAt === 0) this.firstAt = now;
    else if (run.job.paced && now >= run.from && now < run.to) run.pauses.push(now - this.lastAt);
    this.lastAt = now;
    this.at = to;
    if (run.ends) {
      const before = this.event;
      while (this.event < run.ends.length && run.ends[this.event] <= to) this.event++;
      run.total.chunks += this.event - before;
      if (now >= run.from && now < run.to) run.chunks += this.event - before;
    }
  }

  onEnd() {
    const { run } = this;
    const now = performance.now();
    if (this.refusal !== null) throw new Error(`answered:\n${this.refusal}`);
    if (this.at !== run.expected.length) {
      const counted = run.ends ? ` (${this.event} of ${run.ends.length} chunks)` : "";
      throw new Error(`the answer ended after ${this.at} of ${run.expected.length} bytes${counted}`);
    }
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
      this.run.fail(new Error(`the connection closed after ${this.at} of ${this.run.expected.length} bytes`));
      return;
    }
    this.run.reconnects++;
    this.open();
  }
}

const excerpt = (bytes, from, length = 160) => bytes.subarray(from, from + length).toString("latin1");

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
