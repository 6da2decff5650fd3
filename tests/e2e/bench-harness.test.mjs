// Proves that the benchmark checks its contestants: a wrong answer, or a changed request, fails the run.
import assert from "node:assert/strict";
import http from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { measure } from "../../bench/measure.mjs";
import { startHelper } from "../../bench/processes.mjs";

const bench = fileURLToPath(new URL("../../bench/", import.meta.url));
const settings = { delayMs: 0, warmupMs: 20, measureMs: 400 };
const whole = { name: "whole", concurrency: 2, promptBytes: 5000, stream: null, rate: "requests_per_s" };
const streamed = {
  name: "streamed",
  concurrency: 2,
  promptBytes: 1000,
  stream: { chunks: 20, gapMs: 0 },
  rate: "chunks_per_s",
};
const headers = { authorization: "Bearer sk-bench" };

let upstream;
let load;

before(async () => {
  upstream = await startHelper(path.join(bench, "upstream.mjs"));
  load = await startHelper(path.join(bench, "load.mjs"));
});

after(() => {
  upstream?.stop();
  load?.stop();
});

/** A gateway that handles requests and answers as the test tells it to. */
async function through(scenario, { request = (text) => text, answer = (text) => text, ...traits } = {}) {
  const server = http.createServer(async (incoming, outgoing) => {
    const body = request(Buffer.concat(await incoming.toArray()).toString());
    const from = await fetch(`http://127.0.0.1:${upstream.hello.port}/v1/chat/completions`, { method: "POST", body });
    outgoing.writeHead(from.status, { "content-type": from.headers.get("content-type") });
    outgoing.end(answer(await from.text()));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/v1/chat/completions`;
  try {
    return await measure(
      { upstream, load, running: [] },
      { name: "gateway", url, headers, ...traits },
      scenario,
      settings,
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const rewritten = { rewritesBody: true, rewritesAnswer: true };

test("a faithful gateway is measured", async () => {
  const { requests, latency_ms } = await through(whole);
  assert.ok(requests > 0 && latency_ms.p50 > 0);
  const { chunks_per_s } = await through(streamed);
  assert.ok(chunks_per_s > 0);
});

test("a request that is altered fails the run", async () => {
  await assert.rejects(through(whole, { request: (text) => text.replace("0.7", "0.8") }), /not the one that was sent/);
  await assert.rejects(
    through(whole, { request: (text) => text.replace("part 2", "part 9"), ...rewritten }),
    /not the one that was sent/,
  );
  await assert.rejects(
    through(streamed, { request: (text) => text.replace("part 1", "part 9") }),
    /not the one that was sent/,
  );
});

test("a body that is written anew passes if every turn is in it", async () => {
  const request = (text) => JSON.stringify({ user: "user-1", ...JSON.parse(text) });
  assert.ok((await through(whole, { request, ...rewritten })).requests > 0);
  await assert.rejects(through(whole, { request }), /not the one that was sent/);
});

test("the answer to another request fails the run", async () => {
  let first;
  const answer = (text) => (first ??= text);
  await assert.rejects(through(whole, { answer }), /wrong bytes/);
  first = undefined;
  await assert.rejects(through(whole, { answer, ...rewritten }), /wrong answer/);
});

test("a chunk too few or too many fails the run", async () => {
  const events = (text) => text.split(/(?<=\n\n)/);
  const without = (text) => events(text).toSpliced(5, 1).join("");
  const twice = (text) =>
    events(text)
      .flatMap((event, i) => (i === 5 ? [event, event] : [event]))
      .join("");
  const cut = (text) => text.replace("data: [DONE]\n\n", "");
  for (const answer of [without, twice, cut]) {
    await assert.rejects(through(streamed, { answer }), /wrong bytes|ended early/);
    await assert.rejects(through(streamed, { answer, ...rewritten }), /wrong text|ended wrongly/);
  }
});

test("a translated stream is judged by what it says", async () => {
  const scenario = { ...streamed, dialect: "anthropic" };
  const translates = (url) => ({ url, headers, model: "bench-claude" });
  // Forwarding Anthropic's events to a caller of OpenAI's API is not translation.
  const server = http.createServer(async (incoming, outgoing) => {
    const body = Buffer.concat(await incoming.toArray());
    const from = await fetch(`http://127.0.0.1:${upstream.hello.port}/v1/messages`, { method: "POST", body });
    outgoing.end(await from.text());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/v1/chat/completions`;
  try {
    const gateway = { name: "gateway", translates: translates(url) };
    await assert.rejects(
      measure({ upstream, load, running: [] }, gateway, scenario, settings),
      /not an event of this API/,
    );
    // A reference contestant only forwards, and is checked for that.
    const reference = { name: "reference", reference: true, url, headers };
    assert.ok((await measure({ upstream, load, running: [] }, reference, scenario, settings)).chunks_per_s > 0);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
