// Proves that the legacy completions endpoint works with chat upstreams.
import assert from "node:assert/strict";
import * as anthropic from "../support/anthropic.mjs";
import { collect, dialectSuite, failure, recorded } from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion, usage } from "../support/upstream.mjs";

let client;
const t = dialectSuite(["openai", "anthropic"], { setUp: () => (client = t.openai()) });
const textOf = (content) => (typeof content === "string" ? content : content.map(({ text }) => text).join(""));

for (const [kind, says] of [
  ["openai", (text, finish) => answersWith(completion("m-1", text, { finish, reported: usage(9, 4) }))],
  [
    "anthropic",
    (text, finish) =>
      anthropic.answersWith(anthropic.message("m-1", text, { stop: finish === "length" ? "max_tokens" : "end_turn" })),
  ],
]) {
  test(`${kind}: a completion`, async () => {
    await t.on(kind, `${kind}-text`, says("upon a time 😀", "length"));
    const body = { model: `${kind}-text`, prompt: "Once", max_tokens: 4, temperature: 0.3, stop: ["END"] };
    const { data, request_id } = await client.completions.create(body).withResponse();
    assert.deepEqual(
      [data.object, data.model, data.choices[0].text, data.choices[0].finish_reason, data.choices[0].index],
      ["text_completion", "m-1", "upon a time 😀", "length", 0],
    );
    assert.deepEqual([data.usage.prompt_tokens, data.usage.completion_tokens, data.usage.total_tokens], [9, 4, 13]);
    assert.equal((await recorded(t, request_id)).prompt, 9);
    const sent = t.up.last(`${kind}-text`).json();
    assert.deepEqual(
      sent.messages.map(({ role, content }) => [role, textOf(content)]),
      [["user", "Once"]],
    );
    assert.deepEqual(
      [sent.max_tokens ?? sent.max_completion_tokens, sent.temperature, [sent.stop ?? sent.stop_sequences].flat()],
      [4, 0.3, ["END"]],
    );

    const chunks = await collect(
      client.completions.create({ ...body, stream: true, stream_options: { include_usage: true } }),
    );
    assert.equal(chunks.map(({ choices }) => choices[0]?.text ?? "").join(""), "upon a time 😀");
    assert.ok(chunks.every(({ object }) => object === "text_completion"));
    assert.equal(chunks.findLast(({ choices }) => choices.length > 0).choices[0].finish_reason, "length");
    assert.deepEqual([chunks.at(-1).choices, chunks.at(-1).usage.total_tokens], [[], 13]);
    const silent = await collect(client.completions.create({ ...body, stream: true }));
    assert.ok(silent.every(({ usage: reported }) => !reported));
  });
}

test("a prompt of one text in a list", async () => {
  await t.on("openai", "list", answersWith(completion("m", "ok")));
  await client.completions.create({ model: "list", prompt: ["Once"] });
  assert.equal(textOf(t.up.last("list").json().messages[0].content), "Once");
});

test("several prompts get an answer each, or are refused", async () => {
  await t.on("openai", "several", (x) =>
    answersWith(completion("m", `after ${textOf(x.json().messages.at(-1).content)}`))(x),
  );
  const reply = await t.gw.complete(t.key, { model: "several", prompt: ["one", "two"] }, { target: "/v1/completions" });
  if (reply.status === 400) assert.equal(reply.json().error.param, "prompt");
  else
    assert.deepEqual(
      reply.json().choices.map(({ index, text }) => [index, text]),
      [
        [0, "after one"],
        [1, "after two"],
      ],
    );
});

test("echo", async () => {
  await t.on("openai", "echoing", answersWith(completion("m", " upon")));
  const reply = await client.completions.create({ model: "echoing", prompt: "Once", echo: true }).withResponse();
  const echoed = reply.data.choices[0].text === "Once upon";
  assert.ok(echoed || reply.response.headers.get("x-nexus-dropped-params")?.includes("echo"), "echo was lost silently");
});

test("errors are of OpenAI’s shape", async () => {
  const error = await failure(client.completions.create({ model: "nothing", prompt: "x" }));
  assert.deepEqual([error.status, error.code], [404, "model_not_found"]);
  await t.on("openai", "promptless", answersWith(completion("m", "ok")));
  const reply = await t.gw.complete(t.key, { model: "promptless", prompt: 17 }, { target: "/v1/completions" });
  assert.deepEqual([reply.status, reply.json().error.param], [400, "prompt"]);
});
