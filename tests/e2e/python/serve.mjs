// Starts a gateway and an upstream for the Python suite, prints their addresses as one line of JSON, and stops when
// its standard input ends, so that it never outlives the suite.
import * as anthropic from "../../support/anthropic.mjs";
import { startGateway } from "../../support/gateway.mjs";
import * as gemini from "../../support/gemini.mjs";
import { startMcpServers } from "../../support/mcp-servers.mjs";
import {
  answersWith,
  chunk,
  completion,
  delay,
  delta,
  event,
  startUpstream,
  streamEvents,
} from "../../support/upstream.mjs";

const up = await startUpstream();
const gw = await startGateway();
const { id: provider_id } = await gw.createProvider({
  name: "loopback",
  server_url: `${up.url}/v1`,
  server_key: "sk-python-suite-upstream",
});

const calls = [
  { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Zürich"}' } },
  { id: "call_2", type: "function", function: { name: "clock", arguments: "{}" } },
];
const behaviours = {
  chat: answersWith(completion("chat", "Grüezi 😀"), { "x-ratelimit-remaining-requests": "59" }),
  stream: async (x) => {
    x.sse();
    for (const one of streamEvents("stream", ["Grü", "ezi ", "😀"])) await x.write(one);
    x.end();
  },
  // Answers with the request, for tests that check its content.
  mirror: (x) => x.reply(200, completion("mirror", JSON.stringify(x.json()))),
  schema: (x) => x.reply(200, completion("schema", '{"name":"Bern","people":134000}')),
  tools: (x) => {
    const answered = x.json().messages.some(({ role }) => role === "tool");
    const asked = completion(
      "tools",
      { role: "assistant", content: null, tool_calls: calls },
      { finish: "tool_calls" },
    );
    return answersWith(answered ? completion("tools", "12 degrees") : asked)(x);
  },
  "tool-stream": (x) => {
    const call = (index, fields) => event(chunk("tool-stream", delta({ tool_calls: [{ index, ...fields }] })));
    return x.stream([
      event(chunk("tool-stream", delta({ role: "assistant", content: null }))),
      call(0, { id: "call_1", type: "function", function: { name: "weather", arguments: "" } }),
      call(0, { function: { arguments: '{"city":' } }),
      call(0, { function: { arguments: '"Zürich"}' } }),
      event(chunk("tool-stream", delta({}, "tool_calls"))),
      event("[DONE]"),
    ]);
  },
  mute: (x) => x.hang(),
  endless: async (x) => {
    x.sse();
    for (let i = 0; await x.write(event(chunk("endless", delta({ content: `word${i} ` })))); i++) await delay(20);
  },
  broken: async (x) => {
    x.sse();
    for (const one of streamEvents("broken", ["half"]).slice(0, 2)) await x.write(one);
    x.end();
  },
};
const input = { city: "Zürich" };
const others = {
  anthropic: {
    claude: anthropic.answersWith(anthropic.message("claude", "Grüezi 😀")),
    "claude-tools": (x) => {
      const asked = anthropic.message(
        "m",
        [
          { type: "tool_use", id: "toolu_1", name: "weather", input },
          { type: "tool_use", id: "toolu_2", name: "clock", input: {} },
        ],
        { stop: "tool_use" },
      );
      return anthropic.answersWith(x.text.includes("tool_result") ? anthropic.message("m", "12 degrees") : asked)(x);
    },
    "claude-thinking": anthropic.answersWith(
      anthropic.message("claude", [
        { type: "thinking", thinking: "Hm. 漢字", signature: "c2lnbmF0dXJl" },
        { type: "text", text: "Done." },
      ]),
    ),
  },
  gemini: {
    gemini: gemini.answersWith(gemini.generated("gemini", "Grüezi 😀")),
    "gemini-tools": (x) => {
      const asked = [
        { functionCall: { name: "weather", args: input }, thoughtSignature: "c2lnbmF0dXJl" },
        { functionCall: { name: "clock", args: {} } },
      ];
      return gemini.answersWith(gemini.generated("m", x.text.includes("functionResponse") ? "12 degrees" : asked))(x);
    },
  },
};
for (const [kind, models] of Object.entries(others)) {
  const provider = await gw.createProvider({
    name: kind,
    kind,
    server_url: up.url,
    server_key: "key-of-the-python-suite",
  });
  for (const [model_name, behaviour] of Object.entries(models)) {
    up.on(model_name, behaviour);
    await gw.createModel({ provider_id: provider.id, model_name });
  }
}
for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503]) {
  behaviours[`status-${status}`] = (x) =>
    x.reply(
      status,
      { error: { message: `no luck ${status}`, type: "x", param: "p", code: `c${status}` } },
      { "retry-after": "3" },
    );
}
for (const [model_name, behaviour] of Object.entries(behaviours)) {
  up.on(model_name, behaviour);
  await gw.createModel({ provider_id, model_name });
}
// How many requests of a model the gateway aborted before they were answered: shows the suite that an abort arrived.
up.on("closed-early", (x) =>
  x.reply(200, { closed: up.seen(x.json().of).filter(({ closedEarly }) => closedEarly).length }),
);

// The last request of a model, for tests that check what was sent.
up.on("what-was-sent", (x) => x.reply(200, up.last(x.json().of).json()));

// Servers of tools, one of which has a tool that always fails.
const servers = await startMcpServers();
servers.tools.push({ name: "fail", inputSchema: { type: "object", properties: {} } });
for (const id of ["modern", "legacy"]) await gw.admin("POST", "/mcp-servers", { id, url: `${servers.url}/${id}` });
const { key: tools_key } = await gw.createKey({ name: "tools", allow_tools: ["*"], deny_tools: ["legacy/add"] });

const { key } = await gw.createKey({ name: "python" });
console.log(
  JSON.stringify({
    base_url: `${gw.url}/v1`,
    api_key: key,
    tools_key,
    admin_token: gw.adminToken,
    upstream_url: up.url,
  }),
);

process.stdin.resume();
process.stdin.once("end", async () => {
  await gw.stop();
  await up.stop();
  await servers.stop();
  process.exit(0);
});
