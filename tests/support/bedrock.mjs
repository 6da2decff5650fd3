// What Bedrock answers to Converse and ConverseStream, how it frames a stream, and how it verifies a signature:
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { inPieces } from "./upstream.mjs";

/** Temporary credentials, as they are entered. */
export const CREDENTIALS = {
  access_key_id: "ASIALOOPBACKEXAMPLE",
  secret_access_key: "secret-of-the-loopback/+EXAMPLEKEY",
  session_token: "token-of-the-loopback//////////wEXAMPLE==",
  region: "eu-central-1",
};

const TYPE = "application/vnd.amazon.eventstream";

const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const hmac = (key, data) => createHmac("sha256", key).update(data).digest();
const escaped = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);

/** What is wrong with the signature of a request, worked out anew from what arrived; nothing if it is valid. */
export function signatureFault(x, { access_key_id, secret_access_key, session_token, region } = CREDENTIALS) {
  const [, id, date, place, service, names, signature] =
    x.headers.authorization?.match(
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/,
    ) ?? [];
  if (!signature) return `no signature: ${x.headers.authorization}`;
  if (id !== access_key_id || place !== region || service !== "bedrock") return `for ${id}, ${place}, ${service}`;
  if (x.headers["x-amz-security-token"] !== session_token) return "another session token";
  const signed = names.split(";");
  if (!signed.includes("host") || (session_token && !signed.includes("x-amz-security-token")))
    return `covers only ${names}`;
  const at = x.headers["x-amz-date"];
  const time = Date.parse(at?.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(Date.now() - time) < 300_000) || !at.startsWith(date)) return `made at ${at}`;
  if (x.headers["x-amz-content-sha256"] !== sha256(x.body)) return "another body";
  const [path, query = ""] = x.path.split("?");
  const parameters = [...new URLSearchParams(query)]
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort();
  const headers = signed.map((name) => `${name}:${x.headers[name].trim().replace(/ +/g, " ")}\n`).join("");
  const canonical = [
    x.method,
    path.split("/").map(escaped).join("/"),
    parameters.join("&"),
    headers,
    names,
    sha256(x.body),
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", at, `${date}/${region}/bedrock/aws4_request`, sha256(canonical)].join("\n");
  const key = [date, region, "bedrock", "aws4_request"].reduce(hmac, `AWS4${secret_access_key}`);
  const expected = hmac(key, toSign).toString("hex");
  return timingSafeEqual(Buffer.from(expected), Buffer.from(signature))
    ? undefined
    : `not the signature of\n${canonical}`;
}

const CRC_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});
const crc32 = (bytes) =>
  (bytes.reduce((crc, byte) => CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;

const uint32 = (number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
};

/** A message of an event stream, with headers of text. */
export function message(headers, payload) {
  const written = Object.entries(headers).map(([name, value]) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Buffer.byteLength(value));
    return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), length, Buffer.from(value)]);
  });
  const head = Buffer.concat(written);
  const body = Buffer.from(JSON.stringify(payload));
  const lengths = Buffer.concat([uint32(16 + head.length + body.length), uint32(head.length)]);
  const covered = Buffer.concat([lengths, uint32(crc32(lengths)), head, body]);
  return Buffer.concat([covered, uint32(crc32(covered))]);
}

/** Events are padded, so that their sizes tell nothing. */
export const event = (name, payload) =>
  message(
    { ":event-type": name, ":content-type": "application/json", ":message-type": "event" },
    { ...payload, p: "abcdefghij" },
  );

export const exception = (name, text) =>
  message(
    { ":exception-type": name, ":content-type": "application/json", ":message-type": "exception" },
    { message: text },
  );

export const tokens = (input, output, extra = {}) => ({
  inputTokens: input,
  outputTokens: output,
  totalTokens: input + output,
  ...extra,
});

/** A whole answer; `content` is a text or blocks. */
export const converse = (content, { stop = "end_turn", usage = tokens(9, 4) } = {}) => ({
  output: { message: { role: "assistant", content: typeof content === "string" ? [{ text: content }] : content } },
  stopReason: stop,
  usage,
  metrics: { latencyMs: 5 },
});

/** The same as the events of a stream. */
export function eventsOf({ output, stopReason, usage, metrics }, size = 3) {
  const events = [event("messageStart", { role: "assistant" })];
  for (const [contentBlockIndex, block] of output.message.content.entries()) {
    const say = (delta) => events.push(event("contentBlockDelta", { contentBlockIndex, delta }));
    if (block.text) inPieces(block.text, size).forEach((text) => say({ text }));
    if (block.reasoningContent) {
      const { text, signature } = block.reasoningContent.reasoningText;
      inPieces(text, size).forEach((piece) => say({ reasoningContent: { text: piece } }));
      say({ reasoningContent: { signature } });
    }
    if (block.toolUse) {
      const { input, ...start } = block.toolUse;
      events.push(event("contentBlockStart", { contentBlockIndex, start: { toolUse: start } }));
      inPieces(JSON.stringify(input), size).forEach((piece) => say({ toolUse: { input: piece } }));
    }
    events.push(event("contentBlockStop", { contentBlockIndex }));
  }
  return [...events, event("messageStop", { stopReason }), event("metadata", { usage, metrics })];
}

export const streamOf = (x, pieces) => x.stream(pieces, { "content-type": TYPE });

/** Refuses what is not signed as it must be, with the service's own words. */
export const refused = (x, status, type, text) =>
  x.reply(status, { message: text }, { "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/` });

/** Answers like Bedrock: only to those who sign, streamed or not as the address says. */
export const answersWith = (whole) => (x) => {
  const fault = signatureFault(x);
  if (fault)
    return refused(x, 403, "InvalidSignatureException", `The request signature we calculated does not match: ${fault}`);
  return x.wantsStream ? streamOf(x, eventsOf(whole)) : x.reply(200, whole);
};
