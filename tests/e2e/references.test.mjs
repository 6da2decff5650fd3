// Proves that a request which names something of the provider's account that is not its caller's is refused before it is
// sent, in every dialect and on every route, whole and streamed, without a word about whether it exists; that a key may name
// what it got in an answer, and no other key may; and that the operator may give an account away.
import assert from "node:assert/strict";
import { message, messageEvents } from "../support/anthropic.mjs";
import { generated } from "../support/gemini.mjs";
import { eventsOf, response } from "../support/responses.mjs";
import { suite, test } from "../support/suite.mjs";
import { chunk, completion, delta, event, streamEvents } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const t = suite();
let other;
const providers = {};

test("set up", async () => {
  other = (await t.gw.createKey({ name: "other" })).key;
  const make = (name, fields) =>
    t.gw.createProvider({ name, server_key: `sk-${name}-0001`, ...fields }).then((made) => (providers[name] = made));
  await make("native", { kind: "openai", server_url: `${t.up.url}/v1`, quirks: ["responses"] });
  await make("claude", { kind: "anthropic", server_url: t.up.url });
  await make("gemini", { kind: "gemini", server_url: t.up.url });
  await make("given", { kind: "openai", server_url: `${t.up.url}/v1`, quirks: ["responses", "own_account"] });
  const of = (name, provider, behaviour) => t.model(name, behaviour, { provider_id: providers[provider].id });
  const responds = (x) => (x.json().stream ? x.stream(eventsOf(response("hm"))) : x.reply(200, response("hm")));
  await of("gpt-native", "native", responds);
  await of("gpt-given", "given", responds);
  const chats = (x) =>
    x.json().stream ? x.stream(streamEvents(x.model, ["hm"])) : x.reply(200, completion(x.model, "hm"));
  await t.model("gpt-chat", chats);
  await of("claude-shared", "claude", (x) => {
    if (x.path.includes("count_tokens")) return x.reply(200, { input_tokens: 7 });
    const whole = message(x.model, "hm");
    return x.json().stream ? x.stream(messageEvents(whole)) : x.reply(200, whole);
  });
  await of("gemini-shared", "gemini", (x) => x.reply(200, generated(x.model, [{ text: "hm" }])));
});

const input = (item) => ({ model: "gpt-native", input: [item] });
const part = (content) => input({ role: "user", content: [content] });
const tool = (tool) => ({ model: "gpt-native", input: "hi", tools: [tool] });
const chat = (content, rest = {}) => ({ model: "gpt-chat", messages: [{ role: "user", content }], ...rest });
const said = (block) => ({ model: "claude-shared", max_tokens: 9, messages: [{ role: "user", content: [block] }] });
const parts = (part) => ({ contents: [{ role: "user", parts: [{ text: "hi" }, part] }] });
const GEMINI = "/v1beta/models/gemini-shared:generateContent";

/** [route, body, the field that is named]. */
const ROWS = [
  ["/v1/responses", { ...tool({ type: "web_search" }), conversation: "conv_theirs" }, "conversation"],
  ["/v1/responses", { ...tool({ type: "web_search" }), conversation: { id: "conv_theirs" } }, "conversation.id"],
  ["/v1/responses", { model: "gpt-native", prompt: { id: "pmpt_theirs" } }, "prompt.id"],
  ["/v1/responses", input({ type: "item_reference", id: "msg_theirs" }), "input[0].id"],
  ["/v1/responses", input({ id: "msg_theirs" }), "input[0].id"],
  ["/v1/responses", input({ type: "reasoning", id: "rs_theirs", summary: [] }), "input[0].id"],
  ["/v1/responses", input({ type: "image_generation_call", id: "ig_theirs" }), "input[0].id"],
  ["/v1/responses", part({ type: "input_file", file_id: "file-theirs" }), "input[0].content[0].file_id"],
  ["/v1/responses", part({ type: "input_image", file_id: "file-theirs" }), "input[0].content[0].file_id"],
  ["/v1/responses", tool({ type: "file_search", vector_store_ids: ["vs_theirs"] }), "tools[0].vector_store_ids[0]"],
  ["/v1/responses", tool({ type: "code_interpreter", container: "cntr_theirs" }), "tools[0].container"],
  [
    "/v1/responses",
    tool({ type: "code_interpreter", container: { type: "auto", file_ids: ["file-theirs"] } }),
    "tools[0].container.file_ids[0]",
  ],
  [
    "/v1/responses",
    tool({ type: "image_generation", input_image_mask: { file_id: "file-theirs" } }),
    "tools[0].input_image_mask.file_id",
  ],
  ["/v1/responses", tool({ type: "mcp", server_label: "m", connector_id: "connector_gmail" }), "tools[0].connector_id"],
  ["/v1/responses/compact", input({ type: "item_reference", id: "msg_theirs" }), "input[0].id"],
  [
    "/v1/chat/completions",
    chat([{ type: "file", file: { file_id: "file-theirs" } }]),
    "messages[0].content[0].file.file_id",
  ],
  [
    "/v1/chat/completions",
    chat([{ type: "image_url", image_url: { url: "gs://bucket/theirs.png" } }]),
    "messages[0].content[0].image_url.url",
  ],
  ["/v1/chat/completions", chat("fileid://file-fe-theirs"), "messages[0].content"],
  ["/v1/chat/completions", chat("hi", { data_sources: [{ type: "azure_search", parameters: {} }] }), "data_sources"],
  [
    "/v1/chat/completions",
    {
      model: "gpt-chat",
      messages: [
        { role: "assistant", audio: { id: "audio_theirs" } },
        { role: "user", content: "hi" },
      ],
    },
    "messages[0].audio.id",
  ],
  ["/v1/audio/speech", { model: "gpt-chat", input: "hi", voice: { id: "voice_theirs" } }, "voice.id"],
  ["/v1/embeddings", { model: "gpt-chat", input: "hi", file_id: "file-theirs" }, "file_id"],
  ["/v1/messages", said({ type: "document", source: { type: "file", file_id: "file_theirs" } }), null],
  ["/v1/messages", said({ type: "container_upload", file_id: "file_theirs" }), null],
  ["/v1/messages", { ...said({ type: "text", text: "hi" }), container: "container_theirs" }, null],
  [
    "/v1/messages",
    { ...said({ type: "text", text: "hi" }), container: { skills: [{ type: "custom", skill_id: "skill_theirs" }] } },
    null,
  ],
  ["/v1/messages/count_tokens", said({ type: "document", source: { type: "file", file_id: "file_theirs" } }), null],
  [GEMINI, parts({ fileData: { fileUri: "https://generativelanguage.googleapis.com/v1beta/files/theirs" } }), null],
  [GEMINI, parts({ fileData: { fileUri: "gs://bucket/theirs" } }), null],
  [GEMINI, { ...parts({ text: "hi" }), cachedContent: "cachedContents/theirs" }, null],
  [
    GEMINI,
    { ...parts({ text: "hi" }), tools: [{ fileSearch: { fileSearchStoreNames: ["fileSearchStores/theirs"] } }] },
    null,
  ],
];

const counted = () =>
  ["gpt-native", "gpt-chat", "claude-shared", "gemini-shared"].map((name) => t.up.seen(name).length);

test("what is not the caller's is refused before it is sent, whole and streamed", async (context) => {
  for (const [target, body, param] of ROWS) {
    await context.test(`${target} ${JSON.stringify(body).slice(0, 120)}`, async () => {
      const before = counted();
      for (const stream of [false, true]) {
        const streamed = target === GEMINI ? body : { ...body, stream };
        const answer = await t.gw.complete(t.key, streamed, { target });
        assert.equal(answer.status, 404, answer.text);
        const { error } = answer.json();
        assert.match(error.message, /theirs|connector_gmail|data source/);
        if (param !== null) assert.deepEqual([error.code, error.param], ["reference_not_found", param]);
        if (target.startsWith("/v1/messages")) assert.equal(error.type, "not_found_error");
        if (target === GEMINI) assert.equal(error.status, "NOT_FOUND");
      }
      assert.deepEqual(counted(), before, "nothing was sent");
    });
  }
});

test("the same is allowed where the operator gave the account away", async () => {
  for (const [target, body] of ROWS.filter(([target]) => target === "/v1/responses")) {
    for (const stream of [false, true]) {
      const answer = await t.gw.complete(t.key, { ...body, model: "gpt-given", stream }, { target });
      assert.equal(answer.status, 200, `${JSON.stringify(body)}: ${answer.text}`);
    }
  }
});

test("a candidate with an account of its own serves what another may not be told", async () => {
  const made = await t.gw.admin("POST", "/logical-models", {
    name: "either",
    strategy: "ordered",
    candidates: [
      { provider_id: providers.native.id, model: "gpt-native", priority: 1 },
      { provider_id: providers.given.id, model: "gpt-given", priority: 2 },
    ],
  });
  assert.equal(made.status, 201);
  const before = t.up.seen("gpt-native").length;
  const body = { ...part({ type: "input_file", file_id: "file-1" }), model: "either" };
  const answer = await t.gw.complete(t.key, body, { target: "/v1/responses" });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers["x-nexus-provider"], "given");
  assert.equal(t.up.seen("gpt-native").length, before);
});

/** The status of the same request by both keys: by the one that got the id, and by the other. */
async function byBoth(target, body) {
  const own = await t.gw.complete(t.key, body, { target });
  const theirs = await t.gw.complete(other, body, { target });
  return [own.status, theirs.status];
}

test("a key may name the items, containers and files of its own responses, and no other key may", async () => {
  for (const stream of [false, true]) {
    const name = `${stream ? "streamed" : "whole"}`;
    const work = {
      type: "code_interpreter_call",
      id: `ci_${name}`,
      container_id: `cntr_${name}`,
      code: "1",
      status: "completed",
      outputs: null,
    };
    const whole = response("done", { before: [work] });
    whole.output.at(-1).content[0].annotations = [
      {
        type: "container_file_citation",
        container_id: `cntr_${name}`,
        file_id: `cfile_${name}`,
        start_index: 0,
        end_index: 1,
      },
    ];
    t.up.on("gpt-native", (x) => (x.json().stream ? x.stream(eventsOf(whole)) : x.reply(200, whole)));
    const first = await t.gw.complete(
      t.key,
      { model: "gpt-native", input: "work", stream },
      { target: "/v1/responses" },
    );
    assert.equal(first.status, 200, first.text);
    for (const body of [
      input({ type: "item_reference", id: `ci_${name}` }),
      input({ type: "item_reference", id: whole.output.at(-1).id }),
      input(work),
      tool({ type: "code_interpreter", container: `cntr_${name}` }),
      part({ type: "input_file", file_id: `cfile_${name}` }),
    ])
      assert.deepEqual(await byBoth("/v1/responses", body), [200, 404], JSON.stringify(body));
  }
});

test("a response that is not stored has containers all the same", async () => {
  for (const stream of [false, true]) {
    const id = `cntr_unstored_${stream}`;
    const work = { type: "code_interpreter_call", id: `ci_${id}`, container_id: id, code: "1", status: "completed" };
    const whole = response("done", { before: [work] });
    t.up.on("gpt-native", (x) => (x.json().stream ? x.stream(eventsOf(whole)) : x.reply(200, whole)));
    const asked = { ...tool({ type: "code_interpreter", container: { type: "auto" } }), store: false, stream };
    assert.equal((await t.gw.complete(t.key, asked, { target: "/v1/responses" })).status, 200);
    const again = tool({ type: "code_interpreter", container: id });
    await eventually(async () => (await byBoth("/v1/responses", again)).join() === "200,404", {
      what: "the container",
    });
  }
});

test("what came about in a background response is known once it was asked for", async () => {
  const work = {
    type: "code_interpreter_call",
    id: "ci_later",
    container_id: "cntr_later",
    code: "1",
    status: "completed",
  };
  const done = response("done", { before: [work], background: true });
  const begun = { ...done, status: "queued", output: [], usage: null };
  t.up.on("gpt-native", (x) => x.reply(200, begun));
  t.up.otherwise((x) => x.reply(200, done));
  const first = await t.gw.complete(
    t.key,
    { model: "gpt-native", input: "work", background: true },
    { target: "/v1/responses" },
  );
  assert.equal(first.status, 200, first.text);
  const again = tool({ type: "code_interpreter", container: "cntr_later" });
  assert.deepEqual(await byBoth("/v1/responses", again), [404, 404]);
  const asked = await t.gw.call(`/v1/responses/${done.id}`, { headers: { authorization: `Bearer ${t.key}` } });
  assert.deepEqual(asked.json(), done);
  assert.deepEqual(await byBoth("/v1/responses", again), [200, 404]);
});

test("Messages: the container of an answer and its files are the caller's", async () => {
  for (const stream of [false, true]) {
    const name = `${stream ? "streamed" : "whole"}`;
    const result = {
      type: "bash_code_execution_tool_result",
      tool_use_id: "srvtoolu_1",
      content: {
        type: "bash_code_execution_result",
        stdout: "file_told",
        stderr: "",
        return_code: 0,
        content: [{ type: "bash_code_execution_output", file_id: `file_${name}` }],
      },
    };
    const container = { id: `container_${name}`, expires_at: "2026-12-01T00:00:00Z" };
    const whole = message("claude-shared", [result, { type: "text", text: "done" }], { container });
    t.up.on("claude-shared", (x) => (x.json().stream ? x.stream(messageEvents(whole)) : x.reply(200, whole)));
    const asked = {
      ...said({ type: "text", text: "run" }),
      tools: [{ type: "code_execution_20250825", name: "code_execution" }],
      stream,
    };
    const first = await t.gw.complete(t.key, asked, { target: "/v1/messages" });
    assert.equal(first.status, 200, first.text);
    for (const body of [
      { ...said({ type: "text", text: "hi" }), container: `container_${name}` },
      said({ type: "document", source: { type: "file", file_id: `file_${name}` } }),
      {
        ...said({ type: "text", text: "hi" }),
        messages: [
          { role: "user", content: "run" },
          { role: "assistant", content: whole.content },
          { role: "user", content: "again" },
        ],
      },
    ])
      assert.deepEqual(await byBoth("/v1/messages", body), [200, 404], JSON.stringify(body));
    const told = said({ type: "document", source: { type: "file", file_id: "file_told" } });
    assert.deepEqual(await byBoth("/v1/messages", told), [404, 404], "what a program printed has no owner");
  }
});

test("Chat Completions: the audio of an answer is the caller's", async () => {
  for (const stream of [false, true]) {
    const id = `audio_${stream}`;
    const audio = { id, data: "AAAA", transcript: "hm", expires_at: 1_900_000_000 };
    const whole = completion("gpt-chat", { role: "assistant", content: null, audio });
    const events = [
      event(chunk("gpt-chat", delta({ role: "assistant", audio: { id, transcript: "hm" } }))),
      event(chunk("gpt-chat", delta({ audio: { data: "AAAA" } }))),
      event(chunk("gpt-chat", delta({}, "stop"))),
      "data: [DONE]\n\n",
    ];
    t.up.on("gpt-chat", (x) => (x.json().stream ? x.stream(events) : x.reply(200, whole)));
    const asked = chat("speak", { modalities: ["text", "audio"], audio: { voice: "alloy", format: "pcm16" }, stream });
    assert.equal((await t.gw.complete(t.key, asked)).status, 200);
    const again = {
      model: "gpt-chat",
      messages: [
        { role: "user", content: "speak" },
        { role: "assistant", audio: { id } },
        { role: "user", content: "more" },
      ],
    };
    assert.deepEqual(await byBoth("/v1/chat/completions", again), [200, 404]);
  }
});

test("what is not an id passes, byte for byte", async () => {
  t.up.on("gpt-native", (x) => x.reply(200, response("hm")));
  const body = JSON.stringify({
    model: "gpt-native",
    input: [
      { type: "message", id: "msg_anyone", role: "assistant", content: [{ type: "output_text", text: "hi" }] },
      { type: "reasoning", id: "rs_anyone", summary: [], encrypted_content: "gAAAA" },
      { role: "user", content: 'fileid gs://bucket {"file_id":"file-1"}' },
    ],
    tools: [
      {
        type: "function",
        name: "f",
        parameters: { type: "object", properties: { file_id: { const: "file-1" }, container: { type: "string" } } },
      },
      { type: "mcp", server_label: "m", server_url: "https://mcp.example", authorization: "mine" },
    ],
    metadata: { conversation: "conv_1", file_id: "file-1" },
  });
  const answer = await t.gw.complete(t.key, body, { target: "/v1/responses" });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(t.up.last("gpt-native").body.toString(), body);
});
