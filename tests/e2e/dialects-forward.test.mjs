// Proves that operations without translation are forwarded: JSON with the model's name spliced in; uploads and binary
// answers streamed without being held.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import OpenAI, { toFile } from "openai";
import { collect, dialectSuite, failure, KEY } from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { gate } from "../support/upstream.mjs";
import { within } from "../support/util.mjs";

let client;
const t = dialectSuite(["openai", "anthropic"], { setUp: () => (client = t.openai()) });

test("embeddings", async () => {
  await t.on(
    "openai",
    "embedder",
    (x) =>
      x.reply(200, {
        object: "list",
        model: "e-1",
        data: [{ object: "embedding", index: 0, embedding: [0.25, -0.5] }],
        usage: { prompt_tokens: 6, total_tokens: 6 },
      }),
    { upstream: "text-embedding-3-small" },
  );
  const { data, request_id } = await client.embeddings
    .create({ model: "embedder", input: ["a", "b"], encoding_format: "float", dimensions: 2 })
    .withResponse();
  assert.deepEqual([data.data[0].embedding, data.usage.prompt_tokens], [[0.25, -0.5], 6]);
  const x = t.up.last("text-embedding-3-small");
  assert.deepEqual([x.path, x.headers.authorization], ["/v1/embeddings", `Bearer ${KEY}`]);
  assert.deepEqual(x.json(), {
    model: "text-embedding-3-small",
    input: ["a", "b"],
    encoding_format: "float",
    dimensions: 2,
  });
  const row = await t.gw.row(request_id);
  assert.deepEqual(
    [row.outcome, row.usage_source, row.prompt_tokens, row.completion_tokens],
    ["completed", "reported", 6, 0],
  );
});

test("images, moderations, rerank", async () => {
  await t.on("openai", "painter", (x) => x.reply(200, { created: 1, data: [{ b64_json: "AAAA" }] }));
  assert.equal(
    (await client.images.generate({ model: "painter", prompt: "a dot", size: "1024x1024" })).data[0].b64_json,
    "AAAA",
  );
  assert.equal(t.up.last("painter").path, "/v1/images/generations");
  await t.on("openai", "moderator", (x) => x.reply(200, { id: "modr-1", model: "m", results: [{ flagged: false }] }));
  assert.equal((await client.moderations.create({ model: "moderator", input: "x" })).results[0].flagged, false);
  assert.equal(t.up.last("moderator").path, "/v1/moderations");
  // OpenAI has a model for these where the request names none.
  await t.on("openai", "omni-moderation-latest", (x) =>
    x.reply(200, { id: "modr-2", model: "m", results: [{ flagged: true }] }),
  );
  assert.equal((await client.moderations.create({ input: "x" })).results[0].flagged, true);
  assert.deepEqual(t.up.last("omni-moderation-latest").json(), { model: "omni-moderation-latest", input: "x" });
  await t.on("openai", "ranker", (x) => x.reply(200, { id: "r", results: [{ index: 1, relevance_score: 0.9 }] }));
  const reply = await t.gw.complete(
    t.key,
    { model: "ranker", query: "x", documents: ["a", "b"] },
    { target: "/v1/rerank" },
  );
  assert.equal(reply.json().results[0].relevance_score, 0.9);
  assert.equal(t.up.last("ranker").path, "/v1/rerank");
});

test("transcriptions and translations", async () => {
  const sound = randomBytes(300_000);
  await t.on(
    "openai",
    "hearing",
    (x) =>
      x.reply(200, { text: "Grüezi", usage: { type: "tokens", input_tokens: 14, output_tokens: 4, total_tokens: 18 } }),
    { upstream: "whisper-1" },
  );
  for (const [operation, path] of [
    ["transcriptions", "/v1/audio/transcriptions"],
    ["translations", "/v1/audio/translations"],
  ]) {
    const answer = await client.audio[operation].create({
      model: "hearing",
      file: await toFile(sound, "speech.wav", { type: "audio/wav" }),
      prompt: "ü",
    });
    assert.equal(answer.text, "Grüezi");
    const x = t.up.last("whisper-1");
    assert.equal(x.path, path);
    assert.match(x.headers["content-type"], /^multipart\/form-data; ?boundary=/);
    assert.ok(x.body.includes(sound), "the file did not arrive whole");
    assert.ok(x.body.includes('name="prompt"') && x.body.includes("speech.wav"));
  }
});

test("an upload is passed on while it arrives", async () => {
  const arrived = gate();
  // An upstream that reports the arrival of the first bytes, which the loopback upstream, reading to the end, cannot.
  const server = createServer((req, res) => {
    let length = 0;
    req.on("data", (piece) => {
      length += piece.length;
      arrived.open();
    });
    req.on("end", () =>
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ text: String(length) })),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const provider = await t.gw.createProvider({
    server_url: `http://127.0.0.1:${server.address().port}/v1`,
    server_key: KEY,
  });
  await t.gw.createModel({ provider_id: provider.id, model_name: "streamed-upload" });
  const head =
    '--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nstreamed-upload\r\n--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  let push;
  const body = new ReadableStream({
    start(controller) {
      push = (bytes) => (bytes === null ? controller.close() : controller.enqueue(bytes));
    },
  });
  const pending = fetch(`${t.gw.url}/v1/audio/transcriptions`, {
    method: "POST",
    duplex: "half",
    headers: { authorization: `Bearer ${t.key}`, "content-type": "multipart/form-data; boundary=B" },
    body,
  });
  push(Buffer.from(head));
  push(Buffer.alloc(200_000, 1));
  await within(15_000, arrived.opened, "the first part of the upload at the upstream");
  push(Buffer.alloc(3_000_000, 2));
  push(Buffer.from("\r\n--B--\r\n"));
  push(null);
  const reply = await pending;
  assert.deepEqual([reply.status, await reply.json()], [200, { text: String(head.length + 3_200_000 + 9) }]);
  server.closeAllConnections();
  server.close();
});

test("image edits, with the model after the file", async () => {
  const picture = randomBytes(100_000);
  await t.on("openai", "editor", (x) => x.reply(200, { created: 1, data: [{ b64_json: "AAAA" }] }), {
    upstream: "gpt-image-1",
  });
  const answer = await client.images.edit({
    image: await toFile(picture, "in.png", { type: "image/png" }),
    prompt: "a dot",
    model: "editor",
  });
  assert.equal(answer.data[0].b64_json, "AAAA");
  const x = t.up.last("gpt-image-1");
  assert.equal(x.path, "/v1/images/edits");
  assert.ok(x.body.includes(picture));
});

test("speech is streamed", async () => {
  const sound = randomBytes(200_000);
  const half = gate();
  await t.on("openai", "speaker", async (x) => {
    x.head(200, { "content-type": "audio/mpeg" });
    await x.write(sound.subarray(0, 100_000));
    await half.opened;
    await x.write(sound.subarray(100_000));
    x.end();
  });
  const answer = await client.audio.speech.create({ model: "speaker", voice: "alloy", input: "Grüezi" });
  assert.equal(answer.headers.get("content-type"), "audio/mpeg");
  const pieces = [];
  for await (const piece of answer.body) {
    pieces.push(piece);
    if (Buffer.concat(pieces).length >= 100_000) half.open();
  }
  assert.ok(Buffer.concat(pieces).equals(sound));
  assert.equal(t.up.last("speaker").path, "/v1/audio/speech");
});

test("errors pass, and a provider without the operation says so", async () => {
  await t.on("openai", "failing", (x) =>
    x.reply(
      429,
      { error: { message: "slow down", type: "rate_limit_error", param: null, code: "rate_limit_exceeded" } },
      { "retry-after": "7" },
    ),
  );
  const error = await failure(client.embeddings.create({ model: "failing", input: "x" }));
  assert.ok(error instanceof OpenAI.RateLimitError);
  assert.deepEqual([error.code, error.headers.get("retry-after")], ["rate_limit_exceeded", "7"]);
  await t.on("anthropic", "wordy", (x) => x.reply(500, "must not be asked"));
  const unsupported = await failure(client.embeddings.create({ model: "wordy", input: "x" }));
  assert.deepEqual([unsupported.status, unsupported.code], [400, "unsupported_operation"]);
  const missing = await t.gw.call("/v1/audio/transcriptions", {
    method: "POST",
    headers: { authorization: `Bearer ${t.key}`, "content-type": "multipart/form-data; boundary=B" },
    body: '--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n--B--\r\n',
  });
  assert.deepEqual([missing.status, missing.json().error.param], [400, "model"]);
  const unknown = await failure(client.embeddings.create({ model: "nothing", input: "x" }));
  assert.equal(unknown.code, "model_not_found");
});

test("streamed transcriptions", async () => {
  await t.on("openai", "live-hearing", (x) =>
    x.stream([
      'data: {"type":"transcript.text.delta","delta":"Grü"}\n\n',
      'data: {"type":"transcript.text.delta","delta":"ezi"}\n\n',
      'data: {"type":"transcript.text.done","text":"Grüezi"}\n\n',
    ]),
  );
  const events = await collect(
    client.audio.transcriptions.create({
      model: "live-hearing",
      file: await toFile(Buffer.alloc(1000), "a.wav"),
      stream: true,
    }),
  );
  assert.equal(events.at(-1).text, "Grüezi");
});
