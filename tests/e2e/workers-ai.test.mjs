// Proves that models of the platform's AI binding work in both answer formats of Workers AI, for callers of two
// dialects, streamed and not, and that failures are reported clearly.
import assert from "node:assert/strict";
import {
  anthropicTools,
  both,
  chat,
  CITY,
  dialectSuite,
  failure,
  openaiTools,
  recorded,
  say,
  user,
} from "../support/dialects.mjs";
import { startGateway } from "../support/gateway.mjs";
import { ask, errorOf, test } from "../support/suite.mjs";

const MODELS = ["older", "newer", "tools", "json", "mirror", "full", "unknown", "odd", "never"];
let provider;
const addModels = async (gw, fields) => {
  const made = await gw.createProvider({ kind: "workers_ai", ...fields });
  for (const name of MODELS)
    await gw.createModel({ provider_id: made.id, model_name: name, upstream_model: `@cf/${name}` });
  return made;
};
const t = dialectSuite([], {
  ai: true,
  setUp: async () => (provider = await addModels(t.gw, { name: "platform", first_byte_timeout_ms: 1500 })),
});

for (const model of ["older", "newer"]) {
  test(`text of ${model} models`, () =>
    both(async (stream) => {
      const answer = await chat(t.openai(), { model, messages: user("Hi") }, { stream });
      assert.deepEqual(
        answer.choices.map(({ message, finish_reason }) => [message.content, finish_reason]),
        [["Grüezi 😀", "stop"]],
      );
      assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [9, 4]);

      const said = await say(t.anthropic(), { model, max_tokens: 50, messages: user("Hi") }, { stream });
      assert.deepEqual(
        [said.content[0].text, said.stop_reason, said.usage.output_tokens],
        ["Grüezi 😀", "end_turn", 4],
      );
    }));
}

test("tool calls at the top of an answer", () =>
  both(async (stream) => {
    const answer = await chat(t.openai(), { model: "tools", messages: user("Hi"), tools: openaiTools }, { stream });
    const [{ message, finish_reason }] = answer.choices;
    assert.equal(finish_reason, "tool_calls");
    assert.deepEqual(
      message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
      [
        ["weather", { city: "Bern" }],
        ["weather", { city: "Chur" }],
      ],
    );
    assert.equal(new Set(message.tool_calls.map(({ id }) => id)).size, 2);

    const said = await say(
      t.anthropic(),
      { model: "tools", max_tokens: 50, messages: user("Hi"), tools: anthropicTools },
      { stream },
    );
    assert.equal(said.stop_reason, "tool_use");
    assert.deepEqual(
      said.content.filter(({ type }) => type === "tool_use").map(({ input }) => input.city),
      ["Bern", "Chur"],
    );
  }));

test("what the binding is given", async () => {
  const schema = { type: "json_schema", json_schema: { name: "city", schema: CITY } };
  const body = {
    model: "mirror",
    messages: [{ role: "system", content: "Be brief." }, ...user("Hi")],
    temperature: 0.3,
    top_p: 0.9,
    seed: 5,
    max_completion_tokens: 77,
    tools: openaiTools,
    response_format: schema,
  };
  const { model, inputs } = JSON.parse((await chat(t.openai(), body)).choices[0].message.content);
  assert.equal(model, "@cf/mirror");
  assert.deepEqual(
    [inputs.model, inputs.temperature, inputs.top_p, inputs.seed, inputs.max_tokens, inputs.max_completion_tokens],
    [undefined, 0.3, 0.9, 5, 77, undefined],
  );
  assert.deepEqual(inputs.messages, body.messages);
  assert.deepEqual(
    inputs.tools.map((tool) => tool.function.name),
    ["weather", "clock"],
  );
  assert.equal(inputs.response_format.type, "json_schema");
});

test("an answer in JSON, and one that was not streamed though it was to be", () =>
  both(async (stream) => {
    const answer = await chat(t.openai(), { model: "json", messages: user("Hi") }, { stream });
    assert.deepEqual(JSON.parse(answer.choices[0].message.content), { name: "Bern", people: 7 });
  }));

test("usage is recorded", async () => {
  const answer = await t.complete(ask("older"));
  assert.deepEqual(await recorded(t, answer.headers["x-request-id"]), {
    outcome: "completed",
    source: "reported",
    prompt: 9,
    completion: 4,
    cached: 0,
  });
});

test("what the binding throws", () =>
  both(async (stream) => {
    const full = await failure(chat(t.openai(), { model: "full", messages: user("Hi") }, { stream }));
    assert.equal(full.status, 429);
    assert.match(full.message, /Capacity temporarily exceeded/);
    const unknown = await failure(
      say(t.anthropic(), { model: "unknown", max_tokens: 50, messages: user("Hi") }, { stream }),
    );
    assert.equal(unknown.status, 404);
    assert.match(unknown.message, /No such model/);
  }));

test("an answer that is none, and one that does not come", async () => {
  const odd = await t.complete(ask("odd"));
  assert.deepEqual([odd.status, errorOf(odd.text).code], [502, "upstream_invalid_response"]);
  const never = await t.complete(ask("never"));
  assert.deepEqual([never.status, errorOf(never.text).code], [504, "upstream_timeout"]);
});

test("a sign of life", async () => {
  for (const stream of [false, true]) {
    const { body } = await t.gw.admin("POST", `/providers/${provider.id}/test`, { model: "older", stream });
    assert.deepEqual([body.success, body.status, body.reply], [true, 200, "Grüezi 😀"], JSON.stringify(body));
  }
  const { body } = await t.gw.admin("POST", `/providers/${provider.id}/test`, { model: "full" });
  assert.deepEqual([body.success, body.status], [false, 429]);
});

test("what is no chat is refused", async () => {
  const answer = await t.complete({ model: "older", input: "x" }, { target: "/v1/embeddings" });
  assert.deepEqual([answer.status, errorOf(answer.text).code], [400, "unsupported_operation"]);
});

test("a deployment without the binding", async () => {
  const gw = await startGateway();
  try {
    const { id } = await addModels(gw, { preset: "workers_ai_binding", name: "absent" });
    const { key } = await gw.createKey();
    for (const stream of [false, true]) {
      const answer = await gw.complete(key, ask("older", { stream }));
      const error = errorOf(answer.text);
      assert.deepEqual([answer.status, error.code], [503, "provider_unavailable"]);
      assert.match(error.message, /no AI binding/);
    }
    const { body } = await gw.admin("POST", `/providers/${id}/test`, { model: "older" });
    assert.match(body.error, /no AI binding/);
  } finally {
    await gw.stop();
  }
});
