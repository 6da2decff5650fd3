// Proves that the Responses API of the OpenAI SDK works with upstreams that do not have it: answers and events,
// stored state, tools and reasoning.
import assert from "node:assert/strict";
import OpenAI from "openai";
import * as anthropic from "../support/anthropic.mjs";
import { both, CITY, collect, dialectSuite, failure, PNG, recorded, TOOLS } from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion, eventsOf, toolCall, usage } from "../support/upstream.mjs";

let client;
const t = dialectSuite(["openai", "anthropic"], { setUp: () => (client = t.openai()) });
const sentTo = (name) => t.up.last(name).json();
const tools = TOOLS.map(({ name, description, schema }) => ({
  type: "function",
  name,
  description,
  parameters: schema,
  strict: false,
}));
const textOf = (content) => (typeof content === "string" ? content : content.map(({ text }) => text ?? "").join(""));

/** The complete response, from the last event if it is streamed. */
async function respond(body, { stream, ...options } = {}) {
  if (!stream) return client.responses.create(body, options);
  const events = await collect(client.responses.create({ ...body, stream: true }, options));
  assert.deepEqual(
    events.map(({ sequence_number }) => sequence_number),
    events.map((_, i) => i),
  );
  return events.at(-1).response;
}

for (const [kind, model] of [
  ["openai", "gpt-4o"],
  ["anthropic", "claude-3-5-haiku"],
]) {
  const says = (text) =>
    kind === "openai"
      ? answersWith(
          completion("m-1", text, { reported: usage(120, 5, { prompt_tokens_details: { cached_tokens: 80 } }) }),
        )
      : anthropic.answersWith(
          anthropic.message("m-1", text, { usage: anthropic.tokens(40, 5, { cache_read_input_tokens: 80 }) }),
        );

  test(`${kind}: an answer`, async () => {
    await t.on(kind, `${kind}-plain`, says("Grüezi 😀"), { upstream: model });
    await both(async (stream) => {
      const answer = await respond(
        {
          model: `${kind}-plain`,
          instructions: "Be brief.",
          input: "Hi",
          temperature: 0.3,
          max_output_tokens: 77,
          metadata: { a: "b" },
        },
        { stream },
      );
      assert.match(answer.id, /^resp_/);
      assert.deepEqual(
        [answer.object, answer.status, answer.error, answer.incomplete_details, answer.metadata, answer.instructions],
        ["response", "completed", null, null, { a: "b" }, "Be brief."],
      );
      assert.equal(answer.output.length, 1);
      const [item] = answer.output;
      assert.deepEqual(
        [item.type, item.role, item.status, item.content[0].type, item.content[0].text, item.content[0].annotations],
        ["message", "assistant", "completed", "output_text", "Grüezi 😀", []],
      );
      const { input_tokens, output_tokens, total_tokens, input_tokens_details, output_tokens_details } = answer.usage;
      assert.deepEqual(
        [
          input_tokens,
          output_tokens,
          total_tokens,
          input_tokens_details.cached_tokens,
          output_tokens_details.reasoning_tokens,
        ],
        [120, 5, 125, 80, 0],
      );
      const sent = sentTo(model);
      assert.deepEqual([sent.temperature, sent.max_tokens ?? sent.max_completion_tokens], [0.3, 77]);
      assert.equal(textOf(kind === "openai" ? sent.messages[0].content : sent.system), "Be brief.");
      assert.equal(textOf(sent.messages.at(-1).content), "Hi");
    });
    const { request_id } = await client.responses.create({ model: `${kind}-plain`, input: "Hi" }).withResponse();
    assert.deepEqual(await recorded(t, request_id), {
      outcome: "completed",
      source: "reported",
      prompt: 120,
      completion: 5,
      cached: 80,
    });
  });

  test(`${kind}: the events of a stream`, async () => {
    await t.on(kind, `${kind}-events`, says("abcdef"));
    const events = await collect(client.responses.create({ model: `${kind}-events`, input: "Hi", stream: true }));
    assert.deepEqual(
      events.map(({ type }) => type),
      [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
      ],
    );
    assert.equal(
      events
        .filter(({ type }) => type.endsWith("text.delta"))
        .map((e) => e.delta)
        .join(""),
      "abcdef",
    );
    const item = events.find(({ type }) => type === "response.output_item.done").item;
    assert.ok(
      events
        .filter((e) => e.item_id)
        .every((e) => e.item_id === item.id && e.output_index === 0 && e.content_index === 0),
    );
    assert.deepEqual(events.at(-1).response.output, [item]);
    assert.ok(events[0].response.status === "in_progress" && events[0].response.id === events.at(-1).response.id);
    const helped = await client.responses.stream({ model: `${kind}-events`, input: "Hi" }).finalResponse();
    assert.equal(helped.output_text, "abcdef");
  });

  test(`${kind}: the state is kept, and goes on`, async () => {
    await t.on(kind, `${kind}-state`, (x) =>
      says(`answer ${x.json().messages.filter(({ role }) => role === "assistant").length + 1}`)(x),
    );
    await both(async (stream) => {
      const first = await respond(
        {
          model: `${kind}-state`,
          instructions: "Be brief.",
          input: [{ role: "user", content: [{ type: "input_text", text: "one" }] }],
        },
        { stream },
      );
      const second = await respond(
        { model: `${kind}-state`, input: "two", previous_response_id: first.id },
        { stream },
      );
      assert.equal(second.previous_response_id, first.id);
      const third = await respond(
        { model: `${kind}-state`, instructions: "Be long.", input: "three", previous_response_id: second.id },
        { stream },
      );
      assert.equal(third.output[0].content[0].text, "answer 3");
      const sent = sentTo(`${kind}-state`);
      const said = sent.messages
        .filter(({ role }) => role === "user" || role === "assistant")
        .map(({ content }) => textOf(content));
      assert.deepEqual(said, ["one", "answer 1", "two", "answer 2", "three"]);
      // Instructions apply to one response only.
      const system =
        kind === "openai"
          ? sent.messages
              .filter(({ role }) => role === "system" || role === "developer")
              .map(({ content }) => textOf(content))
          : [textOf(sent.system)];
      assert.deepEqual(system, ["Be long."]);

      const stored = await client.responses.retrieve(second.id);
      assert.deepEqual(
        [stored.id, stored.status, stored.previous_response_id, stored.output],
        [second.id, "completed", first.id, second.output],
      );
      const items = await collect(client.responses.inputItems.list(first.id));
      assert.deepEqual(
        items.map(({ type, role, content }) => [type, role, content[0].text]),
        [["message", "user", "one"]],
      );

      await client.responses.delete(third.id);
      assert.ok((await failure(client.responses.retrieve(third.id))) instanceof OpenAI.NotFoundError);
      const gone = await failure(respond({ model: `${kind}-state`, input: "x", previous_response_id: third.id }));
      assert.equal(gone.param, "previous_response_id");
      assert.ok([400, 404].includes(gone.status));
    });
  });
}

test("what another key keeps does not exist", async () => {
  await t.on("openai", "private", answersWith(completion("m", "secret")));
  const { id } = await respond({ model: "private", input: "x" });
  const { key } = await t.gw.createKey();
  const stranger = t.openai({ apiKey: key });
  assert.equal((await failure(stranger.responses.retrieve(id))).status, 404);
  assert.equal((await failure(stranger.responses.delete(id))).status, 404);
  assert.ok(
    [400, 404].includes(
      (await failure(stranger.responses.create({ model: "private", input: "x", previous_response_id: id }))).status,
    ),
  );
  assert.equal((await client.responses.retrieve(id)).id, id);
});

test("store: false keeps nothing", async () => {
  await t.on("openai", "unstored", answersWith(completion("m", "ok")));
  await both(async (stream) => {
    const { id, store } = await respond({ model: "unstored", input: "x", store: false }, { stream });
    assert.equal(store, false);
    assert.equal((await failure(client.responses.retrieve(id))).status, 404);
  });
});

for (const kind of ["openai", "anthropic"]) {
  test(`${kind}: parallel tool calls and their results`, async () => {
    const name = `${kind}-tools`;
    const blocks = [
      { type: "tool_use", id: "call_1", name: "weather", input: { city: "Zürich" } },
      { type: "tool_use", id: "call_2", name: "clock", input: {} },
    ];
    const first =
      kind === "openai"
        ? answersWith(
            completion(
              "m",
              {
                role: "assistant",
                content: null,
                tool_calls: [toolCall("call_1", "weather", '{"city":"Zürich"}'), toolCall("call_2", "clock", "{}")],
              },
              { finish: "tool_calls" },
            ),
          )
        : anthropic.answersWith(anthropic.message("m", blocks, { stop: "tool_use" }));
    const second =
      kind === "openai"
        ? answersWith(completion("m", "12 degrees"))
        : anthropic.answersWith(anthropic.message("m", "12 degrees"));
    await t.on(kind, name, (x) => (/tool_result|"role":"tool"/.test(x.text) ? second : first)(x));
    await both(async (stream) => {
      for (const stateful of [true, false]) {
        const asked = await respond({ model: name, input: "Weather?", tools, tool_choice: "required" }, { stream });
        assert.deepEqual(
          asked.output.map(({ type, call_id, name: tool, arguments: args, status }) => [
            type,
            call_id,
            tool,
            JSON.parse(args),
            status,
          ]),
          [
            ["function_call", "call_1", "weather", { city: "Zürich" }, "completed"],
            ["function_call", "call_2", "clock", {}, "completed"],
          ],
        );
        assert.deepEqual(sentTo(name).tool_choice, kind === "openai" ? "required" : { type: "any" });
        const outputs = asked.output.map(({ call_id }) => ({ type: "function_call_output", call_id, output: "12" }));
        const body = stateful
          ? { previous_response_id: asked.id, input: outputs }
          : { input: [{ role: "user", content: "Weather?" }, ...asked.output, ...outputs] };
        const answer = await respond({ model: name, tools, ...body }, { stream });
        assert.equal(answer.output[0].content[0].text, "12 degrees");
        const sent = sentTo(name).messages;
        if (kind === "openai") {
          assert.deepEqual(
            sent.map(({ role }) => role),
            ["user", "assistant", "tool", "tool"],
          );
          assert.deepEqual(
            sent[1].tool_calls.map(({ id, function: { arguments: args } }) => [id, JSON.parse(args)]),
            [
              ["call_1", { city: "Zürich" }],
              ["call_2", {}],
            ],
          );
        } else {
          assert.deepEqual(
            sent.map(({ role }) => role),
            ["user", "assistant", "user"],
          );
          assert.deepEqual(sent[1].content, blocks);
          assert.deepEqual(
            sent[2].content.map(({ type, tool_use_id }) => [type, tool_use_id]),
            [
              ["tool_result", "call_1"],
              ["tool_result", "call_2"],
            ],
          );
        }
      }
    });
  });
}

test("the events of streamed tool calls", async () => {
  const calls = [toolCall("call_1", "weather", '{"city":"Zürich"}'), toolCall("call_2", "clock", "{}")];
  await t.on("openai", "tool-events", (x) =>
    x.stream(
      eventsOf(completion("m", { role: "assistant", content: null, tool_calls: calls }, { finish: "tool_calls" })),
    ),
  );
  const events = await collect(client.responses.create({ model: "tool-events", input: "x", tools, stream: true }));
  for (const [index, call] of calls.entries()) {
    const own = events.filter((e) => e.output_index === index);
    assert.equal(own[0].type, "response.output_item.added");
    assert.deepEqual(
      [own[0].item.type, own[0].item.call_id, own[0].item.name],
      ["function_call", call.id, call.function.name],
    );
    assert.equal(
      own
        .filter(({ type }) => type === "response.function_call_arguments.delta")
        .map((e) => e.delta)
        .join(""),
      call.function.arguments,
    );
    assert.equal(
      own.find(({ type }) => type === "response.function_call_arguments.done").arguments,
      call.function.arguments,
    );
    assert.equal(own.at(-1).item.arguments, call.function.arguments);
  }
});

test("thoughts with their signatures come back as they left", async () => {
  const thinking = {
    type: "thinking",
    thinking: "Hm. 漢字",
    signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pki",
  };
  const call = { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Bern" } };
  await t.on(
    "anthropic",
    "thinking",
    (x) =>
      anthropic.answersWith(
        x.text.includes("tool_result")
          ? anthropic.message("m", "ok")
          : anthropic.message("m", [thinking, call], { stop: "tool_use" }),
      )(x),
    { upstream: "claude-sonnet-4-5" },
  );
  await both(async (stream) => {
    for (const stateful of [true, false]) {
      const options = {
        model: "thinking",
        tools,
        reasoning: { effort: "high", summary: "auto" },
        include: ["reasoning.encrypted_content"],
      };
      const first = await respond({ ...options, input: "Weather?" }, { stream });
      assert.deepEqual(
        first.output.map(({ type }) => type),
        ["reasoning", "function_call"],
      );
      assert.match(JSON.stringify(first.output[0]), /漢字/);
      assert.equal(sentTo("claude-sonnet-4-5").thinking.type, "enabled");
      const result = { type: "function_call_output", call_id: first.output[1].call_id, output: "12" };
      const body = stateful
        ? { previous_response_id: first.id, input: [result] }
        : { input: [{ role: "user", content: "Weather?" }, ...first.output, result] };
      await respond({ ...options, ...body }, { stream });
      assert.deepEqual(sentTo("claude-sonnet-4-5").messages[1].content, [thinking, call]);
    }
  });
});

test("images, schemas and reasoning", async () => {
  await t.on("openai", "gpt-5", answersWith(completion("m", '{"name":"Bern","people":1}')));
  const input = [
    {
      role: "user",
      content: [
        { type: "input_text", text: "x" },
        { type: "input_image", image_url: `data:image/png;base64,${PNG}`, detail: "low" },
        { type: "input_image", image_url: "https://images.example/dot.png", detail: "auto" },
      ],
    },
  ];
  const answer = await respond({
    model: "gpt-5",
    input,
    text: { format: { type: "json_schema", name: "city", schema: CITY, strict: true } },
    reasoning: { effort: "low" },
  });
  assert.equal(answer.output_text, '{"name":"Bern","people":1}');
  const sent = sentTo("gpt-5");
  assert.deepEqual(
    sent.messages[0].content.slice(1).map(({ image_url }) => image_url.url),
    [`data:image/png;base64,${PNG}`, "https://images.example/dot.png"],
  );
  assert.deepEqual(
    [sent.response_format, sent.reasoning_effort],
    [{ type: "json_schema", json_schema: { name: "city", schema: CITY, strict: true } }, "low"],
  );
});

test("an answer that is cut short is incomplete", async () => {
  await t.on("openai", "short", answersWith(completion("m", "half", { finish: "length" })));
  await both(async (stream) => {
    const answer = await respond({ model: "short", input: "x", max_output_tokens: 16 }, { stream });
    assert.deepEqual([answer.status, answer.incomplete_details], ["incomplete", { reason: "max_output_tokens" }]);
  });
  const events = await collect(client.responses.create({ model: "short", input: "x", stream: true }));
  assert.equal(events.at(-1).type, "response.incomplete");
});

test("a refusal", async () => {
  await t.on(
    "openai",
    "refusing",
    answersWith(completion("m", { role: "assistant", content: null, refusal: "I will not." })),
  );
  await both(async (stream) => {
    const answer = await respond({ model: "refusing", input: "x" }, { stream });
    assert.deepEqual(
      [answer.output[0].content[0].type, answer.output[0].content[0].refusal],
      ["refusal", "I will not."],
    );
  });
});
