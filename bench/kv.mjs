// A KV namespace outside the Worker's process, as it is outside the machine in production: what the platform's client for KV
// asks over HTTP, answered from a map. A port of its own for every gateway, so that none finds another's configuration.
//
//   GET /<key>             the value, 404
//   PUT /<key>             stores the body; `expiration_ttl` and `expiration` are honoured, metadata is kept
//   DELETE /<key>
import { serveWhole } from "./http1.mjs";

const EMPTY = "content-length: 0\r\n\r\n";
const DONE = `HTTP/1.1 200 OK\r\n${EMPTY}`;
const MISSING = `HTTP/1.1 404 Not Found\r\n${EMPTY}`;
const UNKNOWN = `HTTP/1.1 501 Not Implemented\r\n${EMPTY}`;

/** @returns {Promise<number>} the port of a new, empty namespace */
export function openNamespace() {
  const values = new Map();
  return serveWhole((head, body) => answer(values, head, body));
}

function answer(values, head, body) {
  const [, method, target] = /^(\S+) (\S+)/.exec(head);
  const [key, query] = target.split("?");
  // Lists and reads of many keys at once have paths of their own, which nothing here needs.
  if (key === "/" || key.startsWith("/bulk")) return UNKNOWN;
  if (method === "GET") return get(values.get(key));
  if (method === "PUT") values.set(key, { value: body, expires: expiry(query), metadata: metadataOf(head) });
  else if (method === "DELETE") values.delete(key);
  else return UNKNOWN;
  return DONE;
}

function get(entry) {
  if (!entry || entry.expires < Date.now()) return MISSING;
  const { value, metadata } = entry;
  const head = `HTTP/1.1 200 OK\r\n${metadata ? `cf-kv-metadata: ${metadata}\r\n` : ""}content-length: ${value.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), value]);
}

function expiry(query) {
  const parameters = new URLSearchParams(query);
  const ttl = Number(parameters.get("expiration_ttl"));
  if (ttl > 0) return Date.now() + ttl * 1000;
  const at = Number(parameters.get("expiration"));
  return at > 0 ? at * 1000 : Infinity;
}

const metadataOf = (head) => /\r\ncf-kv-metadata: *([^\r]*)/i.exec(head)?.[1];
