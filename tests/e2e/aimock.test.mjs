// Proves interoperability with an independent OpenAI-compatible server: the official SDK gets the same results
// through the gateway as from `@copilotkit/aimock` itself.
import assert from "node:assert/strict";
import { after } from "node:test";
import OpenAI from "openai";
import { startAimock, UPSTREAM_KEY } from "../support/aimock.mjs";
import { suite, test } from "../support/suite.mjs";

const t = suite({ setUp });
let mock;
let direct;
let through;

async function setUp() {
  mock = await startAimock();
  const provider = await t.gw.createProvider({
    name: "aimock",
    server_url: `${mock.url}/v1`,
    server_key: UPSTREAM_KEY,
  });
  await t.gw.createModel({ provider_id: provider.id, model_name: "gpt-4o" });
  direct = new OpenAI({ apiKey: UPSTREAM_KEY, baseURL: `${mock.url}/v1`, maxRetries: 0 });
  through = new OpenAI({ apiKey: t.key, baseURL: `${t.gw.url}/v1`, maxRetries: 0 });
}
after(() => mock?.stop());

const user = (content) => [{ role: "user", content }];
const tools = ["get_weather", "get_time"].map((name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: {} } },
}));

/** Without values that differ in every answer. */
const timeless = (value) =>
  JSON.parse(
    JSON.stringify(value, (name, part) =>
      name === "created"
        ? 0
        : typeof part === "string" && /^(chatcmpl-|call_)/.test(part)
          ? part.replace(/[-_].*/, "")
          : part,
    ),
  );

async function same(run) {
  const [expected, got] = [timeless(await run(direct)), timeless(await run(through))];
  assert.deepEqual(got, expected);
  return got;
}

test("chat", async () => {
  const answer = await same((client) => client.chat.completions.create({ model: "gpt-4o", messages: user("hello") }));
  assert.match(answer.choices[0].message.content, /漢字 and 😀/);
});

test("stream", async () => {
  for (const stream_options of [undefined, { include_usage: true }]) {
    const chunks = await same(async (client) => {
      const all = [];
      for await (const part of await client.chat.completions.create({
        model: "gpt-4o",
        messages: user("hello"),
        stream: true,
        stream_options,
      }))
        all.push(part);
      return all;
    });
    assert.ok(chunks.length > 4);
    assert.equal(
      chunks.some(({ usage }) => usage),
      stream_options !== undefined,
    );
  }
});

test("tools, there and back", async () => {
  const first = await same((client) =>
    client.chat.completions.create({ model: "gpt-4o", messages: user("weather"), tools }),
  );
  assert.deepEqual(
    first.choices[0].message.tool_calls.map(({ function: { name } }) => name),
    ["get_weather", "get_time"],
  );
  const messages = [
    ...user("weather"),
    first.choices[0].message,
    { role: "tool", tool_call_id: first.choices[0].message.tool_calls[0].id, content: "12" },
  ];
  const second = await same((client) => client.chat.completions.create({ model: "gpt-4o", messages, tools }));
  assert.equal(second.choices[0].message.content, "It is 12 degrees in Bern.");
});

test("streamed tools", async () => {
  const final = await same((client) =>
    client.chat.completions.stream({ model: "gpt-4o", messages: user("weather"), tools }).finalChatCompletion(),
  );
  assert.deepEqual(
    final.choices[0].message.tool_calls.map(({ function: { name, arguments: args } }) => [name, args]),
    [
      ["get_weather", '{"city":"Bern"}'],
      ["get_time", "{}"],
    ],
  );
});

test("errors", async () => {
  for (const [content, Class] of [
    ["quota", OpenAI.RateLimitError],
    ["crash", OpenAI.InternalServerError],
    ["nothing that a fixture knows", OpenAI.NotFoundError],
  ]) {
    for (const stream of [false, true]) {
      const error = await same(async (client) => {
        try {
          await client.chat.completions.create({ model: "gpt-4o", messages: user(content), stream });
        } catch (thrown) {
          assert.ok(thrown instanceof Class, String(thrown));
          const headers = ["retry-after", "x-ratelimit-limit-requests", "x-ratelimit-reset-tokens"].map((name) =>
            thrown.headers.get(name),
          );
          return { status: thrown.status, error: thrown.error, headers };
        }
        return assert.fail(`${content} should have failed`);
      });
      assert.ok(error.status >= 400);
    }
  }
});

test("a wrong upstream key is the upstream’s 401", async () => {
  const provider = await t.gw.createProvider({
    name: "aimock-locked",
    server_url: `${mock.url}/v1`,
    server_key: "sk-not-the-right-one",
  });
  await t.gw.createModel({ provider_id: provider.id, model_name: "locked" });
  await assert.rejects(
    through.chat.completions.create({ model: "locked", messages: user("hello") }),
    OpenAI.AuthenticationError,
  );
});

test("what was used is recorded as aimock reported it", async () => {
  const { data, request_id } = await through.chat.completions
    .create({ model: "gpt-4o", messages: user("hello") })
    .withResponse();
  const row = await t.gw.row(request_id);
  assert.deepEqual(
    [row.usage_source, row.prompt_tokens, row.completion_tokens],
    ["reported", data.usage.prompt_tokens, data.usage.completion_tokens],
  );
  const streamed = await through.chat.completions
    .create({ model: "gpt-4o", messages: user("hello"), stream: true })
    .withResponse();
  for await (const _ of streamed.data);
  const streamRow = await t.gw.row(streamed.request_id);
  assert.deepEqual(
    [streamRow.usage_source, streamRow.prompt_tokens, streamRow.completion_tokens],
    ["reported", data.usage.prompt_tokens, data.usage.completion_tokens],
  );
});
