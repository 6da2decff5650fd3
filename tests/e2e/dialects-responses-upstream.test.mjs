// Proves that callers of every dialect reach a provider that has the Responses API through it, with the official SDKs: what
// it is asked, texts, calls and reasoning of the answer, whole and streamed, and what goes back to it in the next turn.
import assert from "node:assert/strict";
import {
  anthropicTools,
  both,
  chat,
  dialectSuite,
  failure,
  geminiTools,
  generate,
  KEY,
  openaiTools,
  partsOf,
  recorded,
  say,
  user,
} from "../support/dialects.mjs";
import { answersWith, response } from "../support/responses.mjs";
import { test } from "../support/suite.mjs";

let provider;
const t = dialectSuite(["openai"], {
  setUp: async () => {
    provider = await t.gw.createProvider({
      name: "has-responses",
      kind: "openai",
      server_url: `${t.up.url}/v1`,
      server_key: KEY,
      quirks: ["responses"],
    });
  },
});

async function serves(name, behaviour) {
  t.up.on("gpt-5.6", behaviour);
  await t.gw.createModel({ provider_id: provider.id, model_name: name, upstream_model: "gpt-5.6" });
  return name;
}

const sent = () => t.up.last("gpt-5.6").json();
const ofType = (items, type) => items.filter((item) => item.type === type);

/** An answer that thinks, and then calls two tools. */
function thoughtful() {
  const reasoning = {
    type: "reasoning",
    id: "rs_1",
    summary: [{ type: "summary_text", text: "Two questions." }],
    encrypted_content: "gAAAAABsealed==",
  };
  const call = (number, name, args) => ({
    type: "function_call",
    id: `fc_${number}`,
    call_id: `call_${number}`,
    status: "completed",
    name,
    arguments: JSON.stringify(args),
  });
  const whole = response("", { before: [reasoning, call(1, "weather", { city: "Emden" }), call(2, "clock", {})] });
  whole.output.pop();
  return whole;
}

/** What the provider is asked when the results of the calls come back. */
function isContinued(dialect) {
  const { input } = sent();
  const names = ofType(input, "function_call").map(({ name, call_id }) => [name, call_id]);
  assert.deepEqual(
    names.map(([name]) => name),
    ["weather", "clock"],
    dialect,
  );
  const outputs = ofType(input, "function_call_output");
  assert.deepEqual(
    outputs.map(({ call_id }) => call_id),
    names.map(([, id]) => id),
  );
  assert.deepEqual(JSON.parse(ofType(input, "function_call")[0].arguments), { city: "Emden" });
  assert.match(JSON.stringify(outputs[0].output), /Rain/);
  const [reasoning] = ofType(input, "reasoning");
  assert.equal(reasoning?.encrypted_content, "gAAAAABsealed==", `${dialect}: the reasoning did not come back`);
  const order = input.map(({ type, role }) => type ?? role);
  assert.ok(order.indexOf("reasoning") < order.indexOf("function_call"), order.join(" "));
}

test("OpenAI's SDK: texts, calls and reasoning", async () => {
  const client = t.openai();
  const model = await serves("chat-caller", answersWith(thoughtful()));
  const messages = [{ role: "system", content: "Be brief." }, ...user("Weather and time?")];
  await both(async (stream) => {
    t.up.on("gpt-5.6", answersWith(thoughtful()));
    const body = { model, messages, tools: openaiTools, reasoning_effort: "low", max_completion_tokens: 900 };
    const answer = await chat(client, body, { stream });
    assert.equal(t.up.last("gpt-5.6").path, "/v1/responses");
    const asked = sent();
    assert.deepEqual([asked.max_output_tokens, asked.reasoning.effort, asked.store], [900, "low", false]);
    assert.deepEqual(
      ofType(asked.tools, "function").map(({ name }) => name),
      ["weather", "clock"],
    );
    const [{ message, finish_reason }] = answer.choices;
    assert.equal(finish_reason, "tool_calls");
    assert.equal(message.reasoning_content, "Two questions.");
    assert.deepEqual(
      message.tool_calls.map(({ function: { name, arguments: args } }) => [name, JSON.parse(args)]),
      [
        ["weather", { city: "Emden" }],
        ["clock", {}],
      ],
    );
    assert.equal(answer.usage.prompt_tokens_details.cached_tokens, 80);
    t.up.on("gpt-5.6", answersWith(response("Rain at noon.")));
    const results = message.tool_calls.map(({ id, function: { name } }) => ({
      role: "tool",
      tool_call_id: id,
      content: name === "weather" ? "Rain" : "12:00",
    }));
    const said = { role: "assistant", ...message };
    const last = await chat(client, { ...body, messages: [...messages, said, ...results] }, { stream });
    assert.deepEqual([last.choices[0].message.content, last.choices[0].finish_reason], ["Rain at noon.", "stop"]);
    isContinued("openai");
  });
});

test("Anthropic's SDK: texts, calls and reasoning", async () => {
  const client = t.anthropic();
  const model = await serves("messages-caller", answersWith(thoughtful()));
  const messages = user("Weather and time?");
  await both(async (stream) => {
    t.up.on("gpt-5.6", answersWith(thoughtful()));
    const thinking = { type: "enabled", budget_tokens: 1024 };
    const body = { model, max_tokens: 4096, system: "Be brief.", messages, tools: anthropicTools, thinking };
    const answer = await say(client, body, { stream });
    assert.equal(t.up.last("gpt-5.6").path, "/v1/responses");
    assert.equal(answer.stop_reason, "tool_use");
    const [thought] = ofType(answer.content, "thinking");
    assert.equal(thought.thinking, "Two questions.");
    const calls = ofType(answer.content, "tool_use");
    assert.deepEqual(
      calls.map(({ name, input }) => [name, input]),
      [
        ["weather", { city: "Emden" }],
        ["clock", {}],
      ],
    );
    t.up.on("gpt-5.6", answersWith(response("Rain at noon.")));
    const content = calls.map(({ id, name }) => ({
      type: "tool_result",
      tool_use_id: id,
      content: name === "weather" ? "Rain" : "12:00",
    }));
    const later = [...messages, { role: "assistant", content: answer.content }, { role: "user", content }];
    const last = await say(client, { ...body, messages: later }, { stream });
    assert.deepEqual([last.content[0].text, last.stop_reason], ["Rain at noon.", "end_turn"]);
    isContinued("anthropic");
  });
});

test("Google's SDK: texts, calls and reasoning", async () => {
  const client = t.gemini();
  const model = await serves("gemini-caller", answersWith(thoughtful()));
  const contents = [{ role: "user", parts: [{ text: "Weather and time?" }] }];
  await both(async (stream) => {
    t.up.on("gpt-5.6", answersWith(thoughtful()));
    const config = {
      systemInstruction: "Be brief.",
      tools: geminiTools,
      thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 },
      maxOutputTokens: 4096,
    };
    const answer = await generate(client, { model, contents, config }, { stream });
    assert.equal(t.up.last("gpt-5.6").path, "/v1/responses");
    const parts = partsOf(answer);
    assert.equal(parts.find(({ thought }) => thought)?.text, "Two questions.");
    const calls = parts.filter(({ functionCall }) => functionCall);
    assert.deepEqual(
      calls.map(({ functionCall: { name, args } }) => [name, args]),
      [
        ["weather", { city: "Emden" }],
        ["clock", {}],
      ],
    );
    t.up.on("gpt-5.6", answersWith(response("Rain at noon.")));
    const results = calls.map(({ functionCall: { id, name } }) => ({
      functionResponse: { id, name, response: { output: name === "weather" ? "Rain" : "12:00" } },
    }));
    const later = [...contents, { role: "model", parts }, { role: "user", parts: results }];
    const last = await generate(client, { model, contents: later, config }, { stream });
    assert.equal(partsOf(last)[0].text, "Rain at noon.");
    isContinued("gemini");
  });
});

test("what the provider refuses and what it reports is told to callers of each dialect", async () => {
  const message = "Unsupported value: 'low' is not supported with this model.";
  const error = { message, type: "invalid_request_error", param: "reasoning.effort", code: "unsupported_value" };
  const model = await serves("refusing", (x) => x.reply(400, { error }));
  const refusals = [
    failure(t.openai().chat.completions.create({ model, messages: user("Hi") })),
    failure(t.anthropic().messages.create({ model, max_tokens: 64, messages: user("Hi") })),
    failure(t.gemini().models.generateContent({ model, contents: "Hi" })),
  ];
  for (const refused of await Promise.all(refusals)) {
    assert.equal(refused.status, 400);
    assert.ok(refused.message.includes(message), refused.message);
  }
  t.up.on("gpt-5.6", answersWith(response("Hello")));
  const { request_id } = await t
    .openai()
    .chat.completions.create({ model, messages: user("Hi") })
    .withResponse();
  assert.deepEqual(await recorded(t, request_id), {
    outcome: "completed",
    source: "reported",
    prompt: 120,
    completion: 5,
    cached: 80,
  });
});
