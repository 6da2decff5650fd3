// Proves discovery in every caller dialect: model lists in three formats, token counts, provider presets, and the
// embedded model, which answers in every dialect.
import assert from "node:assert/strict";
import * as anthropic from "../support/anthropic.mjs";
import {
  anthropicTools,
  both,
  chat,
  collect,
  dialectSuite,
  failure,
  generate,
  KEY,
  partsOf,
  recorded,
  say,
  user,
} from "../support/dialects.mjs";
import * as gemini from "../support/gemini.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion } from "../support/upstream.mjs";

const t = dialectSuite(["openai", "anthropic", "gemini"]);

test("models in three shapes", async () => {
  await t.on("openai", "org/some-model", answersWith(completion("m", "ok")));
  const openai = await collect(t.openai().models.list());
  assert.ok(openai.some(({ id, object }) => id === "org/some-model" && object === "model"));

  const client = t.anthropic();
  const listed = await collect(client.models.list());
  const found = listed.find(({ id }) => id === "org/some-model");
  assert.deepEqual([found.type, found.display_name], ["model", "org/some-model"]);
  assert.ok(!Number.isNaN(Date.parse(found.created_at)));
  assert.equal((await client.models.retrieve("org/some-model")).id, "org/some-model");
  const raw = (
    await t.gw.call("/v1/models?limit=1000", { headers: { "x-api-key": t.key, "anthropic-version": "2023-06-01" } })
  ).json();
  assert.deepEqual([raw.has_more, raw.first_id, raw.last_id], [false, raw.data[0].id, raw.data.at(-1).id]);
  assert.equal(raw.data.length, openai.length);

  const google = t.gemini();
  const models = await collect(google.models.list({ config: { queryBase: true } }));
  const model = models.find(({ name }) => name === "models/org/some-model");
  assert.ok(model, JSON.stringify(models.map(({ name }) => name)));
  assert.ok(model.supportedActions.includes("generateContent"));
  const one = (await t.gw.call("/v1beta/models/org/some-model", { headers: { "x-goog-api-key": t.key } })).json();
  assert.equal(one.name, "models/org/some-model");
});

test("a model that does not exist, in three shapes", async () => {
  assert.equal((await failure(t.openai().models.retrieve("nothing"))).code, "model_not_found");
  assert.equal((await failure(t.anthropic().models.retrieve("nothing"))).error.error.type, "not_found_error");
  const reply = await t.gw.call("/v1beta/models/nothing", { headers: { "x-goog-api-key": t.key } });
  assert.deepEqual([reply.status, reply.json().error.status], [404, "NOT_FOUND"]);
});

test("tokens are counted by an upstream of the same dialect", async () => {
  await t.on("anthropic", "counting", (x) => x.reply(200, { input_tokens: 14 }), { upstream: "claude-of-upstream" });
  const counted = await t
    .anthropic()
    .messages.countTokens({ model: "counting", messages: user("x"), tools: anthropicTools });
  assert.equal(counted.input_tokens, 14);
  const x = t.up.last("claude-of-upstream");
  assert.deepEqual(
    [x.path, x.json().model, x.json().tools.length, x.headers["x-api-key"]],
    ["/v1/messages/count_tokens", "claude-of-upstream", 2, KEY],
  );

  await t.on("gemini", "gem-counting", (x) =>
    x.reply(200, { totalTokens: 31, promptTokensDetails: [{ modality: "TEXT", tokenCount: 31 }] }),
  );
  const { totalTokens } = await t.gemini().models.countTokens({ model: "gem-counting", contents: "x" });
  assert.equal(totalTokens, 31);
  assert.equal(t.up.last("gem-counting").path, "/v1beta/models/gem-counting:countTokens");
});

test("tokens are estimated for an upstream of another dialect", async () => {
  await t.on("openai", "estimating", (x) => x.reply(500, "must not be asked"));
  const text = "The quick brown fox jumps over the lazy dog. ".repeat(20);
  const counted = await t
    .anthropic()
    .messages.countTokens({ model: "estimating", messages: user(text), system: "Be brief." });
  assert.ok(counted.input_tokens > 150 && counted.input_tokens < 260, String(counted.input_tokens));
  const more = await t
    .anthropic()
    .messages.countTokens({ model: "estimating", messages: user(text), system: "Be brief.", tools: anthropicTools });
  assert.ok(more.input_tokens > counted.input_tokens, "tools cost nothing?");
  const { totalTokens } = await t.gemini().models.countTokens({ model: "estimating", contents: text });
  assert.ok(totalTokens > 150 && totalTokens < 260, String(totalTokens));
  assert.equal(t.up.seen("estimating").length, 0);
});

test("the embedded model answers in every dialect", async () => {
  await both(async (stream) => {
    assert.match(
      (await chat(t.openai(), { model: "demo/echo", messages: user("Marco") }, { stream })).choices[0].message.content,
      /Marco/,
    );
    assert.match(
      (await say(t.anthropic(), { model: "demo/echo", max_tokens: 50, messages: user("Marco") }, { stream })).content[0]
        .text,
      /Marco/,
    );
    assert.match(
      partsOf(await generate(t.gemini(), { model: "demo/echo", contents: "Marco" }, { stream }))
        .map(({ text }) => text)
        .join(""),
      /Marco/,
    );
    const response = stream
      ? (await collect(t.openai().responses.create({ model: "demo/echo", input: "Marco", stream }))).at(-1).response
      : await t.openai().responses.create({ model: "demo/echo", input: "Marco" });
    assert.match(response.output[0].content[0].text, /Marco/);
    const completed = t.openai().completions.create({ model: "demo/echo", prompt: "Marco", stream });
    assert.match(
      stream
        ? (await collect(completed)).map(({ choices }) => choices[0]?.text ?? "").join("")
        : (await completed).choices[0].text,
      /Marco/,
    );
  });
});

test("presets of providers", async () => {
  const { status, body } = await t.gw.admin("GET", "/provider-presets");
  assert.equal(status, 200);
  const presets = new Map(body.presets.map((preset) => [preset.id, preset]));
  for (const id of ["openai", "anthropic", "deepseek", "mistral", "groq", "openrouter", "ollama"])
    assert.ok(presets.has(id), `${id} is missing among ${[...presets.keys()]}`);
  const kinds = new Set(body.presets.map(({ kind }) => kind));
  for (const kind of ["openai", "azure_openai", "anthropic", "gemini", "vertex", "dashscope", "dify"])
    assert.ok(kinds.has(kind), `no preset of kind ${kind}`);
  assert.ok(body.presets.every(({ id, name, kind }) => id && name && kind));

  const made = await t.gw.admin("POST", "/providers", { preset: "deepseek", server_key: "sk-deepseek-0001" });
  assert.equal(made.status, 201, made.text);
  const preset = presets.get("deepseek");
  assert.deepEqual([made.body.name, made.body.kind, made.body.server_url], [preset.id, preset.kind, preset.server_url]);
  const renamed = await t.gw.admin("POST", "/providers", {
    preset: "deepseek",
    name: "second",
    server_key: "sk-deepseek-0002",
    server_url: "https://deepseek.example/v1",
  });
  assert.deepEqual(
    [renamed.status, renamed.body.name, renamed.body.server_url],
    [201, "second", "https://deepseek.example/v1"],
  );
  const unknown = await t.gw.admin("POST", "/providers", { preset: "no-such-preset", server_key: "x" });
  assert.deepEqual([unknown.status, unknown.body.error.param], [400, "preset"]);
  assert.equal((await t.gw.call("/provider-presets")).status, 401);
});

test("what was used is recorded for every dialect and kind", async () => {
  await t.on(
    "anthropic",
    "rec-anthropic",
    anthropic.answersWith(
      anthropic.message("m", "ok", {
        usage: anthropic.tokens(20, 5, { cache_read_input_tokens: 70, cache_creation_input_tokens: 10 }),
      }),
    ),
  );
  await t.on(
    "gemini",
    "rec-gemini",
    gemini.answersWith(gemini.generated("m", "ok", { usage: gemini.tokens(100, 5, { cached: 70 }) })),
  );
  await t.on(
    "openai",
    "rec-openai",
    answersWith(
      completion("m", "ok", {
        reported: {
          prompt_tokens: 100,
          completion_tokens: 5,
          total_tokens: 105,
          prompt_tokens_details: { cached_tokens: 70 },
        },
      }),
    ),
  );
  const dialects = (model, stream) => [
    ["/v1/chat/completions", { model, messages: user("x"), stream }],
    ["/v1/completions", { model, prompt: "x", stream }],
    ["/v1/responses", { model, input: "x", stream }],
    ["/v1/messages", { model, max_tokens: 50, messages: user("x"), stream }],
    [
      `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
      { contents: [{ role: "user", parts: [{ text: "x" }] }] },
    ],
  ];
  const wrong = [];
  for (const model of ["rec-anthropic", "rec-gemini", "rec-openai"]) {
    for (const stream of [false, true]) {
      for (const [target, body] of dialects(model, stream)) {
        const reply = await t.gw.complete(t.key, body, { target });
        const row =
          reply.status === 200
            ? await recorded(t, reply.headers["x-request-id"])
            : { status: reply.status, text: reply.text };
        const expected = { outcome: "completed", source: "reported", prompt: 100, completion: 5, cached: 70 };
        if (JSON.stringify(row) !== JSON.stringify(expected)) wrong.push([model, stream, target, row]);
      }
    }
  }
  assert.deepEqual(wrong, []);
});
