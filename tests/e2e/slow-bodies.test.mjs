// Proves that a request body which stops arriving, or trickles, is answered with 408 in its caller's dialect on every
// route that reads one, that its upstream is not blamed for it, and that a slow body which goes on arriving is served.
import assert from "node:assert/strict";
import { request } from "node:http";
import { suite, test } from "../support/suite.mjs";
import { completion, delay } from "../support/upstream.mjs";
import { bearer, within } from "../support/util.mjs";

const LIMIT_MS = 1_000;
const t = suite({
  vars: { BODY_TIMEOUT_MS: String(LIMIT_MS) },
  setUp: () => t.model("good", (x) => x.reply(200, completion("good", "here"))),
});

/** Sends `pieces` with pauses of `pause` milliseconds, and never ends the body if `ends` is false. */
async function send(path, { method = "POST", headers = {}, pieces, pause = 0, length, ends = false }) {
  const began = Date.now();
  const req = request(`${t.gw.url}${path}`, {
    method,
    agent: false,
    headers: {
      "content-type": "application/json",
      ...(length === undefined ? { "transfer-encoding": "chunked" } : { "content-length": length }),
      ...headers,
    },
  });
  const answered = new Promise((resolve, reject) => {
    req.on("response", (res) => {
      let text = "";
      res.setEncoding("utf8");
      res.on("data", (piece) => {
        text += piece;
      });
      res.on("end", () => resolve({ status: res.statusCode, text, ms: Date.now() - began, headers: res.headers }));
      res.on("error", reject);
    });
    // The connection of a caller who goes on sending may be reset after the answer.
    req.on("error", (error) => setTimeout(() => reject(error), 200));
  });
  let over = false;
  const done = () => {
    over = true;
  };
  answered.then(done, done);
  const sending = (async () => {
    for (const piece of pieces) {
      if (over) return;
      req.write(piece);
      if (pause) await delay(pause);
    }
    if (ends && !over) req.end();
  })();
  const answer = await within(20_000, answered, `an answer of ${path}`);
  await sending;
  req.destroy();
  return answer;
}

const BODY = JSON.stringify({ model: "good", messages: [{ role: "user", content: "hi" }] });
const HALF = BODY.slice(0, 30);

const codeOf = {
  openai: ({ error }) => error.code,
  anthropic: (body) => [body.type, body.error.type, body.error.message.includes("did not arrive in time")].join(),
  gemini: ({ error }) => [error.code, error.message.includes("did not arrive in time")].join(),
  envelope: (body) => body.error?.code ?? body.code,
};

test("a body that stops is a 408 on every route, in the caller's dialect", async (context) => {
  const caller = bearer(t.key);
  const admin = bearer(t.gw.adminToken);
  const rows = [
    ["/v1/chat/completions", "openai", caller],
    ["/v1/completions", "openai", caller],
    ["/v1/responses", "openai", caller],
    ["/v1/embeddings", "openai", caller],
    ["/v1/moderations", "openai", caller],
    ["/v1/images/generations", "openai", caller],
    ["/v1/messages", "anthropic", { "x-api-key": t.key }],
    ["/v1/messages/count_tokens", "anthropic", { "x-api-key": t.key }],
    ["/v1beta/models/good:generateContent", "gemini", { "x-goog-api-key": t.key }],
    ["/v1beta/models/good:streamGenerateContent?alt=sse", "gemini", { "x-goog-api-key": t.key }],
    ["/providers", "openai", admin],
    ["/keys", "openai", admin],
    ["/prices/table", "openai", admin, "PUT"],
  ];
  await Promise.all(
    rows.flatMap(([path, dialect, headers, method]) =>
      [undefined, 500].map((length) =>
        context.test(`${path} ${length === undefined ? "chunked" : "with a length"}`, async () => {
          const answer = await send(path, { method, headers, pieces: [HALF], length });
          assert.equal(answer.status, 408, answer.text);
          const expected = { anthropic: "error,timeout_error,true", gemini: "408,true" }[dialect] ?? "request_timeout";
          assert.equal(codeOf[dialect](JSON.parse(answer.text)), expected, answer.text);
          assert.ok(answer.ms >= LIMIT_MS - 50 && answer.ms < 6 * LIMIT_MS, `after ${answer.ms} ms`);
        }),
      ),
    ),
  );
});

test("a body that trickles ends, whether its length is stated or not", async () => {
  for (const length of [undefined, 5_000, 3_000_000]) {
    const answer = await send("/v1/chat/completions", {
      headers: bearer(t.key),
      pieces: Array.from({ length: 200 }, () => " "),
      pause: 100,
      length,
    });
    assert.equal(answer.status, 408, answer.text);
    assert.ok(answer.ms < 8 * LIMIT_MS, `after ${answer.ms} ms`);
  }
});

test("a body that pauses within its limit is served", async () => {
  for (const length of [undefined, BODY.length]) {
    const answer = await send("/v1/chat/completions", {
      headers: bearer(t.key),
      pieces: [BODY.slice(0, 20), BODY.slice(20, 40), BODY.slice(40)],
      pause: 150,
      length,
      ends: true,
    });
    assert.equal(answer.status, 200, answer.text);
  }
  const filler = " ".repeat(20_000);
  const long = await send("/v1/chat/completions", {
    headers: bearer(t.key),
    pieces: [...Array.from({ length: 12 }, () => filler), BODY],
    pause: 150,
    ends: true,
  });
  assert.equal(long.status, 200, long.text);
  assert.ok(long.ms > LIMIT_MS, "longer than one pause may be");
});

const field = (name, value) => `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const FILE = '--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
const multipart = () => ({ ...bearer(t.key), "content-type": "multipart/form-data; boundary=B" });

test("an upload that stops is the caller's 408, before and after its model, and no fault of the upstream", async () => {
  const provider = await t.gw.createProvider({
    name: "ears",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-ears-0001",
  });
  await t.model("hearing", (x) => x.reply(200, { text: "heard" }), { provider_id: provider.id });
  for (let i = 0; i < 6; i++) {
    const pieces = i % 2 ? [FILE, "sound"] : [field("model", "hearing"), FILE, "sound"];
    const answer = await send("/v1/audio/transcriptions", { headers: multipart(), pieces });
    assert.equal(answer.status, 408, answer.text);
    assert.equal(JSON.parse(answer.text).error.code, "request_timeout");
    assert.ok(answer.ms < 6 * LIMIT_MS, `after ${answer.ms} ms`);
  }
  const whole = await send("/v1/audio/transcriptions", {
    headers: multipart(),
    pieces: [field("model", "hearing"), FILE, "sound", "\r\n--B--\r\n"],
    ends: true,
  });
  assert.deepEqual([whole.status, whole.text], [200, '{"text":"heard"}']);
});

test("the time that a caller takes for an upload is not the upstream's", async () => {
  const provider = await t.gw.createProvider({
    name: "quick-ears",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-ears-0002",
    first_byte_timeout_ms: 500,
  });
  await t.model("quick-hearing", (x) => x.reply(200, { text: "heard" }), { provider_id: provider.id });
  const answer = await send("/v1/audio/transcriptions", {
    headers: multipart(),
    pieces: [field("model", "quick-hearing"), FILE, "so", "un", "d", "\r\n--B--\r\n"],
    pause: 150,
    ends: true,
  });
  assert.deepEqual([answer.status, answer.text], [200, '{"text":"heard"}']);
  t.up.on("quick-hearing", (x) => x.hang());
  const mute = await send("/v1/audio/transcriptions", {
    headers: multipart(),
    pieces: [field("model", "quick-hearing"), FILE, "sound\r\n--B--\r\n"],
    ends: true,
  });
  assert.equal(mute.status, 504, mute.text);
});
