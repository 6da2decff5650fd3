// An R2 bucket outside the Worker's process, as it is outside the machine in production: what the platform's client for R2 asks over
// HTTP, answered from a map. A port of its own for every gateway.
//
//   PUT /   `cf-r2-metadata-size` says how much of the body is JSON, { method: "put", object, … } or { method: "delete", object | objects };
//           the rest of it is the value
//   GET /   `cf-r2-request` is the JSON, { method: "get" | "head", object, range? } or { method: "list", prefix?, limit?, cursor? }
//
// The answer has the properties of the object as JSON in the same way, and its value after them.
import { serveWhole } from "./http1.mjs";

const DONE = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const UNKNOWN = "HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n\r\n";
const MISSING = `HTTP/1.1 404 Not Found\r\ncf-r2-error: ${JSON.stringify({
  message: "The specified key does not exist.",
  version: 1,
  v4code: 10007,
})}\r\ncontent-length: 0\r\n\r\n`;

/** @returns {Promise<number>} the port of a new, empty bucket */
export function openBucket() {
  const objects = new Map();
  return serveWhole((head, body) => answer(objects, head, body));
}

function answer(objects, head, body) {
  if (head.startsWith("GET ")) return read(objects, JSON.parse(/\r\ncf-r2-request: *([^\r]*)/i.exec(head)[1]));
  const size = Number(/\r\ncf-r2-metadata-size: *(\d+)/i.exec(head)?.[1]);
  const asked = JSON.parse(body.subarray(0, size));
  if (asked.method === "delete") {
    for (const name of asked.objects ?? [asked.object]) objects.delete(name);
    return DONE;
  }
  if (asked.method !== "put") return UNKNOWN;
  const object = { asked, value: Buffer.from(body.subarray(size)), uploaded: Date.now() };
  objects.set(asked.object, object);
  return told(object);
}

function read(objects, { method, object: name, range, ...listed }) {
  if (method === "list") return list(objects, listed);
  const object = objects.get(name);
  if (method !== "get" && method !== "head") return UNKNOWN;
  if (!object) return MISSING;
  if (method === "head") return told(object);
  const { length } = object.value;
  const offset = range?.suffix ? length - Number(range.suffix) : Number(range?.offset ?? 0);
  const part = object.value.subarray(offset, offset + Number(range?.length ?? length - offset));
  return told(object, part, range && { offset, length: part.length });
}

/** Names in order; the cursor is the last of a page. */
function list(objects, { prefix = "", limit = 1000, cursor = "" }) {
  const names = [...objects.keys()].filter((name) => name.startsWith(prefix) && name > cursor).sort();
  const page = names.slice(0, limit);
  const truncated = names.length > page.length;
  const found = page.map((name) => propertiesOf(objects.get(name)));
  return encoded({ objects: found, truncated, cursor: truncated ? page.at(-1) : undefined, delimitedPrefixes: [] });
}

const propertiesOf = ({ asked, value, uploaded }, range = undefined) => ({
  name: asked.object,
  version: String(uploaded),
  size: value.length,
  etag: String(uploaded),
  uploaded,
  httpFields: asked.httpFields ?? {},
  customFields: asked.customFields ?? [],
  checksums: {},
  range,
});

const told = (object, part = Buffer.alloc(0), range = undefined) => encoded(propertiesOf(object, range), part);

function encoded(properties, part = Buffer.alloc(0)) {
  const json = Buffer.from(JSON.stringify(properties));
  const lines = ["HTTP/1.1 200 OK", "content-type: application/json", `cf-r2-metadata-size: ${json.length}`];
  const head = `${lines.join("\r\n")}\r\ncontent-length: ${json.length + part.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), json, part]);
}
