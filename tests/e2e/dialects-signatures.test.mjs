// Proves that the signature of a thinking block is returned to the vendor that issued it, through callers of other
// dialects, and to no other vendor; and that streams contain service tier and fingerprint.
import assert from "node:assert/strict";
import * as anthropic from "../support/anthropic.mjs";
import { both, chat, collect, dialectSuite, openaiTools, user } from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion } from "../support/upstream.mjs";

let client;
const t = dialectSuite(["openai", "anthropic", "gemini"], { setUp: () => (client = t.openai()) });
// A form that no vendor's signatures have: only the mark tells its origin.
const SIGNATURE = "c2lnbmF0dXJlIG9mIG5vIGtub3duIGZvcm0=";

test("to the vendor that issued it and to no other", async () => {
  const call = { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Bern" } };
  const thinks = anthropic.message("m", [{ type: "thinking", thinking: "Hm.", signature: SIGNATURE }, call], {
    stop: "tool_use",
  });
  await t.on("anthropic", "signing", anthropic.answersWith(thinks), { upstream: "claude-sonnet-4-5" });
  await t.on("gemini", "gemini-2.5-pro", (x) =>
    x.reply(200, { candidates: [{ content: { role: "model", parts: [{ text: "ok" }] }, finishReason: "STOP" }] }),
  );
  await both(async (stream) => {
    const { message } = (
      await chat(
        client,
        { model: "signing", messages: user("Weather?"), tools: openaiTools, reasoning_effort: "high" },
        { stream },
      )
    ).choices[0];
    assert.ok(JSON.stringify(message).includes(SIGNATURE));
    const messages = [
      ...user("Weather?"),
      { role: "assistant", ...message },
      { role: "tool", tool_call_id: message.tool_calls[0].id, content: "12" },
    ];
    await client.chat.completions.create({ model: "signing", messages, tools: openaiTools, reasoning_effort: "high" });
    const own = t.up.last("claude-sonnet-4-5").json().messages[1].content;
    assert.deepEqual(own, thinks.content);
    const { response } = await client.chat.completions
      .create({ model: "gemini-2.5-pro", messages, tools: openaiTools })
      .withResponse();
    assert.ok(!t.up.last("gemini-2.5-pro").text.includes(SIGNATURE), "a foreign signature was sent");
    assert.match(response.headers.get("x-nexus-dropped-params"), /messages\[1\]\.content\[0\]\.signature/);
  });
});

test("a stream says who served it", async () => {
  await t.on(
    "openai",
    "tiered",
    answersWith({ ...completion("m", "ok"), service_tier: "priority", system_fingerprint: "fp_9" }),
  );
  const message = await t
    .anthropic()
    .messages.stream({ model: "tiered", max_tokens: 5, messages: user("Hi") })
    .finalMessage();
  assert.equal(message.usage.service_tier, "priority");
  await t.on(
    "anthropic",
    "tiered-2",
    anthropic.answersWith(
      anthropic.message("m", "ok", { usage: anthropic.tokens(9, 4, { service_tier: "standard" }) }),
    ),
  );
  const chunks = await collect(
    client.chat.completions.create({ model: "tiered-2", messages: user("Hi"), stream: true }),
  );
  assert.equal(chunks.at(-1).service_tier, "default");
});
