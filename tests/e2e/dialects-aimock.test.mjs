// Proves that every caller dialect gets the same from every upstream dialect of an independent server:
// `@copilotkit/aimock` as OpenAI, Azure, Anthropic, Gemini and Vertex AI, in its normal and in its fault-injecting
// modes.
import assert from "node:assert/strict";
import { after } from "node:test";
import { startAimock, UPSTREAM_KEY } from "../support/aimock.mjs";
import { both, chat, collect, dialectSuite, failure, generate, partsOf, say, user } from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";

const KINDS = { openai: "/v1", azure_openai: "", anthropic: "", gemini: "" };
const HELLO = "Hello! How can I help you today? Grüße, 漢字 and 😀 in one line that is long enough for several chunks.";
const t = dialectSuite([], { setUp });
let mock;

async function setUp() {
  mock = await startAimock();
  for (const kind of Object.keys(KINDS)) await model(kind, mock.url, kind);
}
after(() => mock?.stop());

async function model(kind, url, model_name) {
  const provider = await t.gw.createProvider({
    name: model_name,
    kind,
    server_url: `${url}${KINDS[kind]}`,
    server_key: UPSTREAM_KEY,
  });
  await t.gw.createModel({ provider_id: provider.id, model_name });
}

const schema = { type: "object", properties: {} };
const names = ["get_weather", "get_time"];

/** Every caller dialect as a function from a prompt to text and calls. */
const DIALECTS = {
  "chat completions": async (model, prompt, stream) => {
    const tools = names.map((name) => ({ type: "function", function: { name, parameters: schema } }));
    const { message, finish_reason } = (await chat(t.openai(), { model, messages: user(prompt), tools }, { stream }))
      .choices[0];
    return {
      text: message.content ?? "",
      calls: (message.tool_calls ?? []).map(({ function: { name, arguments: args } }) => [name, JSON.parse(args)]),
      finish: finish_reason,
    };
  },
  responses: async (model, prompt, stream) => {
    const body = {
      model,
      input: prompt,
      tools: names.map((name) => ({ type: "function", name, parameters: schema, strict: false })),
    };
    const { output, status } = stream
      ? (await collect(t.openai().responses.create({ ...body, stream }))).at(-1).response
      : await t.openai().responses.create(body);
    const text = output
      .filter(({ type }) => type === "message")
      .map(({ content }) => content[0].text)
      .join("");
    return {
      text,
      calls: output
        .filter(({ type }) => type === "function_call")
        .map(({ name, arguments: args }) => [name, JSON.parse(args)]),
      finish: status,
    };
  },
  messages: async (model, prompt, stream) => {
    const { content, stop_reason } = await say(
      t.anthropic(),
      { model, max_tokens: 99, messages: user(prompt), tools: names.map((name) => ({ name, input_schema: schema })) },
      { stream },
    );
    return {
      text: content.map(({ text }) => text ?? "").join(""),
      calls: content.filter(({ type }) => type === "tool_use").map(({ name, input }) => [name, input]),
      finish: stop_reason,
    };
  },
  generateContent: async (model, prompt, stream) => {
    const answer = await generate(
      t.gemini(),
      {
        model,
        contents: prompt,
        config: { tools: [{ functionDeclarations: names.map((name) => ({ name, parametersJsonSchema: schema })) }] },
      },
      { stream },
    );
    const parts = partsOf(answer);
    return {
      text: parts.map(({ text }) => text ?? "").join(""),
      calls: parts.filter(({ functionCall }) => functionCall).map(({ functionCall: { name, args } }) => [name, args]),
      finish: answer.candidates[0].finishReason,
    };
  },
};
const DONE = {
  "chat completions": ["stop", "tool_calls"],
  responses: ["completed", "completed"],
  messages: ["end_turn", "tool_use"],
  generateContent: ["STOP", "STOP"],
};

for (const [dialect, ask] of Object.entries(DIALECTS)) {
  test(`${dialect}: text and tools out of every dialect`, async () => {
    for (const kind of Object.keys(KINDS)) {
      await both(async (stream) => {
        const said = await ask(kind, "hello", stream);
        assert.deepEqual(said, { text: HELLO, calls: [], finish: DONE[dialect][0] }, kind);
        const called = await ask(kind, "weather", stream);
        assert.deepEqual(
          [called.text, called.calls],
          [
            "",
            [
              ["get_weather", { city: "Bern" }],
              ["get_time", {}],
            ],
          ],
          kind,
        );
        // As Gemini it has a finish reason of its own for tool calls, which passes through where the dialects are the
        // same.
        if (!(dialect === "generateContent" && kind === "gemini")) assert.equal(called.finish, DONE[dialect][1], kind);
      });
    }
  });

  test(`${dialect}: errors of every dialect`, async () => {
    for (const kind of Object.keys(KINDS)) {
      for (const [prompt, status] of [
        ["quota", 429],
        ["crash", 500],
        ["nothing that a fixture knows", 404],
      ]) {
        for (const stream of [false, true])
          assert.equal((await failure(ask(kind, prompt, stream))).status, status, `${kind} ${prompt}`);
      }
    }
  });
}

test(
  "chaos: malformed answers, broken connections and limits become clean errors",
  async () => {
    for (const [mode, status] of [
      ["--chaos-malformed", 502],
      ["--chaos-disconnect", 502],
      ["--chaos-drop", 500],
      ["--chaos-ratelimit", 429],
    ]) {
      const chaotic = await startAimock(mode, "1");
      try {
        for (const kind of ["openai", "anthropic", "gemini"]) {
          const name = `${kind}${mode}`;
          await model(kind, chaotic.url, name);
          for (const [dialect, ask] of Object.entries(DIALECTS)) {
            for (const stream of [false, true]) {
              const error = await failure(ask(name, "hello", stream));
              assert.ok(error instanceof Error, `${dialect} ${name}`);
              const native =
                { "chat completions": "openai", messages: "anthropic", generateContent: "gemini" }[dialect] === kind;
              // A malformed answer in the caller's own dialect passes through, for the SDK to report.
              if (!stream && !(native && mode === "--chaos-malformed"))
                assert.equal(error.status, status, `${dialect} ${name}: ${error}`);
            }
          }
        }
      } finally {
        chaotic.stop();
      }
    }
  },
  { timeout: 120_000 },
);
