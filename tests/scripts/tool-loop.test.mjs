// Answers of several rounds with tools of the gateway, as the official clients for Node read them.
//
// The golden answers of crates/toolloop/tests/golden are served as they stand there. The clients raise where a stream breaks a rule of
// theirs, and what they add up must be what the whole answer says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const GOLDEN = new URL("../../crates/toolloop/tests/golden/", import.meta.url);

let server;
let address;

before(async () => {
  server = createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "text/event-stream; charset=utf-8");
    response.end(sent("streamed", request.url.split("/")[1]));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${server.address().port}`;
});

after(() => server.close());

/** What the caller is sent in a snapshot. insta leaves out the line feeds at its end. */
function sent(kind, dialect) {
  const text = readFileSync(new URL(`${kind}_${dialect}.snap`, GOLDEN), "utf8");
  const mark = "--- the caller\n";
  return `${text.slice(text.indexOf(mark) + mark.length).trimEnd()}\n\n`;
}

const whole = (dialect) => JSON.parse(sent("whole", dialect));
const key = { apiKey: "k", maxRetries: 0 };
const messages = [{ role: "user", content: "q" }];

test("openai: chat completions", async () => {
  const client = new OpenAI({ ...key, baseURL: `${address}/openai_chat` });
  const stream = client.chat.completions.stream({ model: "m", messages });
  const tools = [];
  stream.on("chunk", (chunk) => {
    if (chunk.nexus) tools.push(chunk.nexus.tool);
  });
  const found = await stream.finalChatCompletion();
  const expected = whole("openai_chat");
  assert.equal(found.id, expected.id);
  assert.equal(found.choices[0].message.content, expected.choices[0].message.content);
  assert.equal(found.choices[0].message.tool_calls, undefined);
  assert.equal(found.choices[0].finish_reason, "stop");
  assert.deepEqual(found.usage, expected.usage);
  assert.deepEqual(
    tools.map((tool) => [tool.server, tool.name, tool.is_error]),
    [
      ["fs", "read", false],
      ["fs", "list", false],
    ],
  );
});

test("openai: responses", async () => {
  const client = new OpenAI({ ...key, baseURL: `${address}/openai_responses` });
  const stream = client.responses.stream({ model: "m", input: "q" });
  const items = new Map();
  let events = 0;
  for await (const event of stream) {
    assert.equal(event.sequence_number, events);
    events += 1;
    if (event.type === "response.output_item.done") items.set(event.output_index, event.item);
  }
  const found = await stream.finalResponse();
  const expected = whole("openai_responses");
  const kinds = ["mcp_list_tools", "message", "mcp_call", "mcp_call", "message"];
  assert.deepEqual(
    found.output.map((item) => item.type),
    kinds,
  );
  const plain = (item) => JSON.parse(JSON.stringify({ ...item, id: undefined, parsed: undefined }));
  const texts = (item) => (item.content ?? []).map((part) => part.text);
  assert.deepEqual(found.output.map(texts), expected.output.map(texts));
  const calls = (output) => output.filter((item) => item.type === "mcp_call").map(plain);
  assert.deepEqual(calls(found.output), calls(expected.output));
  assert.deepEqual([...items.values()].map((item) => item.type).sort(), [...kinds].sort());
  assert.deepEqual(found.usage, expected.usage);
});

test("anthropic: beta messages", async () => {
  const client = new Anthropic({ ...key, baseURL: `${address}/anthropic` });
  // Only the client of the beta API knows `mcp_servers` and the blocks of its calls.
  const stream = client.beta.messages.stream({ model: "m", max_tokens: 9, messages });
  const found = await stream.finalMessage();
  const expected = whole("anthropic");
  assert.equal(found.id, expected.id);
  assert.deepEqual(
    found.content.map((block) => block.type),
    ["thinking", "text", "mcp_tool_use", "mcp_tool_use", "mcp_tool_result", "mcp_tool_result", "thinking", "text"],
  );
  assert.deepEqual(found.content, expected.content);
  assert.equal(found.stop_reason, "end_turn");
  assert.equal(found.usage.input_tokens, expected.usage.input_tokens);
  assert.equal(found.usage.output_tokens, expected.usage.output_tokens);
});

test("google: generateContent", async () => {
  const client = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: `${address}/gemini` } });
  let text = "";
  let last;
  for await (const chunk of await client.models.generateContentStream({ model: "m", contents: "q" })) {
    assert.equal(chunk.functionCalls, undefined);
    text += chunk.text ?? "";
    last = chunk;
  }
  const expected = whole("gemini");
  assert.equal(text, expected.candidates[0].content.parts.map((part) => part.text).join(""));
  assert.equal(last.candidates[0].finishReason, "STOP");
  assert.deepEqual(last.usageMetadata, expected.usageMetadata);
  assert.equal(last.responseId, expected.responseId);
});
