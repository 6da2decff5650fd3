// The little of HTTP/1.1 that a load generator and a canned upstream need, on raw sockets: node:http costs several
// times more per message, and on a small machine that would be time taken from the gateway under test.
import net from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");

/** Reads the messages (requests or responses) of one connection; hands body bytes over as slices of what arrived. */
export class MessageReader {
  /** @param {{onHead(head: string): void, onBody(bytes: Buffer): void, onEnd(): void}} handler */
  constructor(handler) {
    this.handler = handler;
    this.pending = null;
    this.state = "head";
    this.left = 0;
    this.line = "";
  }

  push(bytes) {
    let at = 0;
    while (at < bytes.length) {
      switch (this.state) {
        case "head": {
          if (this.pending) {
            bytes = Buffer.concat([this.pending, bytes.subarray(at)]);
            this.pending = null;
            at = 0;
          }
          const end = bytes.indexOf(HEAD_END, at);
          if (end < 0) {
            this.pending = at ? bytes.subarray(at) : bytes;
            return;
          }
          const head = bytes.latin1Slice(at, end + 2);
          at = end + 4;
          this.#startBody(head);
          break;
        }
        case "length":
        case "chunk": {
          const to = Math.min(bytes.length, at + this.left);
          this.left -= to - at;
          this.handler.onBody(at === 0 && to === bytes.length ? bytes : bytes.subarray(at, to));
          at = to;
          if (this.left === 0) {
            if (this.state === "length") this.#finish();
            else this.state = "chunk-end";
          }
          break;
        }
        case "chunk-end":
          if (bytes[at++] === 10) this.state = "chunk-size";
          break;
        case "chunk-size": {
          const end = bytes.indexOf(10, at);
          if (end < 0) {
            this.line += bytes.latin1Slice(at);
            return;
          }
          const line = this.line + bytes.latin1Slice(at, end);
          const size = parseInt(line, 16);
          if (!(size >= 0)) throw new Error(`bad chunk size: ${JSON.stringify(line)}`);
          this.line = "";
          at = end + 1;
          this.left = size;
          this.state = size === 0 ? "trailer" : "chunk";
          break;
        }
        case "trailer": {
          const end = bytes.indexOf(10, at);
          if (end < 0) {
            this.line += bytes.latin1Slice(at);
            return;
          }
          const line = this.line + bytes.latin1Slice(at, end);
          this.line = "";
          at = end + 1;
          if (line === "\r" || line === "") this.#finish();
          break;
        }
        default:
          throw new Error(`unreachable state ${this.state}`);
      }
    }
  }

  get idle() {
    return this.state === "head" && this.pending === null;
  }

  #startBody(head) {
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.state = "chunk-size";
      this.handler.onHead(head);
      return;
    }
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    this.left = length ? Number(length[1]) : 0;
    this.state = "length";
    this.handler.onHead(head);
    if (this.left === 0) this.#finish();
  }

  #finish() {
    this.state = "head";
    this.handler.onEnd();
  }
}

/** One frame of a chunked body. */
export function chunkFrame(bytes) {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

export const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/**
 * A server on a free port of the loopback interface for requests that are taken whole.
 *
 * @param {(head: string, body: Buffer) => string | Buffer} answer the bytes that answer a request
 * @returns {Promise<number>} its port
 */
export function serveWhole(answer) {
  const serve = (socket) => {
    let head;
    let parts;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    const reader = new MessageReader({
      onHead(text) {
        head = text;
        parts = [];
      },
      onBody: (bytes) => parts.push(Buffer.from(bytes)),
      onEnd: () => socket.write(answer(head, Buffer.concat(parts))),
    });
    socket.on("data", (bytes) => {
      try {
        reader.push(bytes);
      } catch {
        socket.destroy();
      }
    });
  };
  return new Promise((resolve) => {
    const server = net.createServer(serve);
    server.listen(0, "127.0.0.1", () => resolve(server.address().port));
  });
}
