// Proves that a caller gets one coherent answer or one clean error whatever its upstreams do, and that the log lists
// the attempts and the skipped candidates.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { chunk, completion, delay, delta, event, refusedPort, streamEvents } from "../support/upstream.mjs";
import { eventually, within } from "../support/util.mjs";

const t = suite();

let made = 0;

/**
 * A logical model with one provider for each behaviour, in that order. `refused` stands for a provider at whose
 * address no server listens.
 */
async function logical(behaviours, { provider = {}, ...fields } = {}) {
  const name = `logical-${++made}`;
  const providers = [];
  for (const [index, behaviour] of behaviours.entries()) {
    const url = behaviour === "refused" ? `http://127.0.0.1:${await refusedPort()}/v1` : `${t.up.url}/v1`;
    const record = await t.gw.createProvider({
      name: `${name}-p${index}`,
      server_url: url,
      server_key: `sk-${name}-${index}`,
      first_byte_timeout_ms: 700,
      idle_timeout_ms: 700,
      ...provider,
    });
    if (behaviour !== "refused") t.up.on(`${name}-u${index}`, behaviour);
    providers.push(record);
  }
  const candidates = providers.map(({ id }, index) => ({ provider_id: id, model: `${name}-u${index}` }));
  const { status, body } = await t.gw.admin("POST", "/logical-models", {
    name,
    strategy: "ordered",
    candidates,
    ...fields,
  });
  assert.equal(status, 201, JSON.stringify(body));
  return { name, providers, seen: (index) => t.up.seen(`${name}-u${index}`) };
}

const says = (text) => (x) =>
  x.json().stream ? x.stream(streamEvents(x.model, [text])) : x.reply(200, completion(x.model, text));
const fails =
  (status, error = {}, headers = {}) =>
  (x) =>
    x.reply(
      status,
      { error: { message: `status ${status}`, type: "server_error", param: null, code: null, ...error } },
      headers,
    );

const textOf = (answer, stream) => {
  if (!stream) return answer.json().choices[0].message.content;
  const data = answer.text
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)));
  return data.map((d) => d.choices?.[0]?.delta?.content ?? "").join("");
};

const trailOf = async (answer) => JSON.parse((await t.gw.row(answer.headers["x-request-id"])).attempts ?? "[]");

const TROUBLES = {
  "a 500": [fails(500), "upstream_error"],
  "a 503": [fails(503), "upstream_error"],
  "a 429 with Retry-After": [fails(429, {}, { "retry-after": "7" }), "rate_limited"],
  "a 401": [fails(401), "auth"],
  "a 404 for the model": [fails(404, { code: "model_not_found" }), "model_not_found"],
  "a refused connection": ["refused", "transport"],
  "no headers": [(x) => x.hang(), "timeout"],
  "a connection cut before the headers": [(x) => x.cut(), "transport"],
  "a body that is cut": [
    async (x) => {
      x.head(200, { "content-type": "application/json", "content-length": "500" });
      await x.write('{"id":"x","choices":[');
      x.cut();
    },
    "transport",
  ],
  garbage: [(x) => x.reply(200, "<html>busy</html>", { "content-type": "application/json" }), "invalid_response"],
};

for (const [trouble, [behaviour, errorClass]] of Object.entries(TROUBLES)) {
  for (const stream of [false, true]) {
    test(`${trouble}, ${stream ? "streamed" : "whole"}: the next upstream answers`, async () => {
      const { name, providers } = await logical([behaviour, says("from the second")]);
      const answer = await within(15_000, t.complete(ask(name, { stream })), "the answer");
      assert.equal(answer.status, 200, answer.text);
      assert.equal(textOf(answer, stream), "from the second");
      assert.equal(answer.headers["x-nexus-provider"], providers[1].name);
      assert.equal(answer.headers["x-nexus-attempts"], "2");
      const trail = await trailOf(answer);
      assert.deepEqual(
        trail.map(({ provider, error_class }) => [provider, error_class ?? null]),
        [
          [providers[0].name, errorClass],
          [providers[1].name, null],
        ],
      );
      assert.equal(trail[1].status, 200);
      const row = await t.gw.row(answer.headers["x-request-id"]);
      assert.deepEqual([row.outcome, row.provider_name, row.status], ["completed", providers[1].name, 200]);
    });
  }
}

const head = (x) => x.head(200, { "content-type": "text/event-stream" });
const STREAM_TROUBLES = {
  "headers and then nothing": async (x) => {
    head(x);
    await x.hang();
  },
  "a first event that is an error": async (x) => {
    head(x);
    await x.write('data: {"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}\n\n');
    x.end();
  },
  "a role, and then an error": async (x) => {
    head(x);
    await x.write(event(chunk(x.model, delta({ role: "assistant", content: "" }))));
    await x.write('data: {"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}\n\n');
    x.end();
  },
  "a role, and then a cut": async (x) => {
    head(x);
    await x.write(event(chunk(x.model, delta({ role: "assistant", content: "" }))));
    x.cut();
  },
  "a comment, and then an end": async (x) => {
    head(x);
    await x.write(": processing\n\n");
    x.end();
  },
};

// A caller who asks for usage gets the upstream's own bytes, which are piped by the platform.
for (const include_usage of [false, true]) {
  const streamed = { stream: true, stream_options: { include_usage } };
  const way = include_usage ? ", every byte as it came" : "";

  for (const [trouble, behaviour] of Object.entries(STREAM_TROUBLES)) {
    test(`a stream of ${trouble}: the next upstream answers, and nothing of the first is seen${way}`, async () => {
      const { name } = await logical([behaviour, says("whole")]);
      const answer = await within(15_000, t.complete(ask(name, streamed)), "the answer");
      assert.equal(answer.status, 200, answer.text);
      assert.equal(textOf(answer, true), "whole");
      assert.ok(!answer.text.includes("overloaded") && answer.text.trimEnd().endsWith("data: [DONE]"), answer.text);
      assert.equal(answer.headers["x-nexus-attempts"], "2");
    });
  }

  test(`a stream that breaks after its first word is not begun anew elsewhere${way}`, async () => {
    const { name, seen } = await logical([
      async (x) => {
        head(x);
        await x.write(event(chunk(x.model, delta({ role: "assistant", content: "Half an " }))));
        x.cut();
      },
      says("whole"),
    ]);
    const answer = await t.complete(ask(name, streamed));
    assert.equal(answer.status, 200);
    assert.equal(textOf(answer, true), "Half an ");
    assert.match(answer.text, /"error":/);
    assert.ok(!answer.text.includes("[DONE]"));
    assert.equal(seen(1).length, 0);
    const row = await t.gw.row(answer.headers["x-request-id"]);
    assert.deepEqual([row.outcome, row.error_code], ["failed", "upstream_stream_truncated"]);
  });
}

test("an error of the caller’s own ends the matter", async () => {
  const { name, seen } = await logical([
    fails(400, {
      message: "temperature must be below 2",
      type: "invalid_request_error",
      param: "temperature",
      code: "invalid_value",
    }),
    says("never"),
  ]);
  const answer = await t.complete(ask(name));
  assert.equal(answer.status, 400);
  assert.equal(errorOf(answer.text).param, "temperature");
  assert.equal(seen(1).length, 0);
  assert.equal(answer.headers["x-nexus-attempts"], "1");
});

test("when all fail, the caller hears the last of them, and the log all", async () => {
  const { name, providers } = await logical(["refused", fails(500), fails(503, { message: "the last word" })]);
  const answer = await t.complete(ask(name));
  assert.equal(answer.status, 503);
  assert.equal(errorOf(answer.text).message, "the last word");
  assert.equal(answer.headers["x-nexus-attempts"], "3");
  assert.deepEqual(
    (await trailOf(answer)).map(({ provider, error_class }) => [provider, error_class]),
    [
      [providers[0].name, "transport"],
      [providers[1].name, "upstream_error"],
      [providers[2].name, "upstream_error"],
    ],
  );
});

test("a dead upstream is left alone once it is known to be dead", async () => {
  const { name, seen } = await logical([fails(500), says("alive")]);
  for (let i = 0; i < 20; i++) assert.equal((await t.complete(ask(name))).status, 200);
  const asked = seen(0).length;
  assert.ok(asked >= 3 && asked <= 6, `the dead one was asked ${asked} times`);
  const trail = await trailOf(await t.complete(ask(name)));
  assert.deepEqual(trail, [], "the planner leaves it out, so that there is nothing to tell");
});

test("Retry-After is honoured", async () => {
  let limited = true;
  const { name, seen } = await logical([
    (x) => (limited ? fails(429, {}, { "retry-after": "2" })(x) : says("first")(x)),
    says("second"),
  ]);
  assert.equal(textOf(await t.complete(ask(name))), "second");
  limited = false;
  for (let i = 0; i < 5; i++) assert.equal(textOf(await t.complete(ask(name))), "second");
  assert.equal(seen(0).length, 1);
  await delay(2_100);
  assert.equal(textOf(await t.complete(ask(name))), "first");
});

test("a route may try the same upstream again", async () => {
  let calls = 0;
  const { name } = await logical([(x) => (++calls < 3 ? fails(500)(x) : says("third time")(x))], { max_attempts: 3 });
  const answer = await t.complete(ask(name));
  assert.equal(textOf(answer), "third time");
  assert.equal(answer.headers["x-nexus-attempts"], "3");
});

test("a slow first word gets company, and the loser is let go", async () => {
  let letGo;
  const slow = async (x) => {
    head(x);
    letGo = x.closed;
    await x.hang();
  };
  const { name, providers } = await logical([slow, says("quick")], {
    hedge_after_ms: 150,
    provider: { first_byte_timeout_ms: 20_000, idle_timeout_ms: 20_000 },
  });
  const began = Date.now();
  const answer = await t.complete(ask(name, { stream: true }));
  assert.equal(textOf(answer, true), "quick");
  assert.ok(Date.now() - began < 5_000);
  await within(3_000, letGo, "the loser being let go");
  const trail = await trailOf(answer);
  const loser = trail.find(({ skipped }) => skipped === "hedge_lost");
  assert.equal(loser?.provider, providers[0].name, JSON.stringify(trail));
  assert.ok(loser.prompt_tokens >= 2 && loser.prompt_tokens < 40, "what the loser has probably cost");
  assert.equal(loser.usage_source, "estimated");
});

test("fallback chains: of the model, of the header, of the body", async () => {
  const last = await logical([says("the last resort")]);
  const middle = await logical([fails(500)], { fallbacks: [last.name] });
  const first = await logical([fails(500)], { fallbacks: [middle.name] });
  assert.equal(textOf(await t.complete(ask(first.name))), "the last resort");
  const plain = await logical([fails(500)]);
  assert.equal(
    textOf(await t.complete(ask(plain.name), { headers: { "x-nexus-fallback": `nowhere, ${last.name}` } })),
    "the last resort",
  );
  assert.equal(textOf(await t.complete(ask(plain.name, { models: [last.name] }))), "the last resort");
  assert.equal("models" in last.seen(0).at(-1).json(), false);
  // Unknown names may be meant for the upstream.
  const plainer = await logical([says("ok")]);
  await t.complete(ask(plainer.name, { models: ["a/b"] }));
  assert.deepEqual(plainer.seen(0).at(-1).json().models, ["a/b"]);
});

test("fallback across dialects", async () => {
  const provider = await t.gw.createProvider({
    name: "fallback-anthropic",
    kind: "anthropic",
    server_url: t.up.url,
    server_key: "sk-ant-1",
  });
  t.up.on("claude-loop", (x) =>
    x.reply(200, {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-loop",
      content: [{ type: "text", text: "from Claude" }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 3, output_tokens: 2 },
    }),
  );
  const { body } = await t.gw.admin("POST", "/logical-models", {
    name: "claude-route",
    candidates: [{ provider_id: provider.id, model: "claude-loop" }],
  });
  const { name } = await logical([fails(529)], { fallbacks: [body.name] });
  const answer = await t.complete(ask(name));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(textOf(answer), "from Claude");
});

test("several keys: a refused one rests, another goes on", async () => {
  const keysSeen = [];
  const behaviour = (x) => {
    keysSeen.push(x.headers.authorization);
    return x.headers.authorization.includes("bad") ? fails(401)(x) : says("ok")(x);
  };
  const { name, providers } = await logical([behaviour]);
  await t.gw.admin("PUT", `/providers/${providers[0].id}`, { server_key: "sk-bad-key-0001" });
  const { status } = await t.gw.admin("POST", `/providers/${providers[0].id}/keys`, {
    key: "sk-good-key-0001",
    label: "second",
  });
  assert.equal(status, 201);
  for (let i = 0; i < 12; i++) assert.equal((await t.complete(ask(name))).status, 200);
  assert.ok(keysSeen.filter((key) => key.includes("bad")).length <= 1, `the bad key was used: ${keysSeen}`);
});

test("a replaced key has no history: neither the provider's own nor one of its pool", async () => {
  let good = "";
  const refuses = (x) =>
    x.headers.authorization === `Bearer ${good}` ? says("mended")(x) : fails(401, { code: "invalid_api_key" })(x);
  const { name, providers } = await logical([refuses, says("other")]);
  const { id } = providers[0];
  const resting = async () => {
    const { body } = await t.gw.admin("GET", "/providers?with=state");
    const { state } = body.providers.find((provider) => provider.id === id);
    return state.live.resting_keys.map((key) => key.name);
  };
  const once = async () => textOf(await t.complete(ask(name)));
  await t.gw.admin("PUT", `/providers/${id}`, { server_key: "sk-stale-0001" });
  assert.equal(await once(), "other");
  assert.deepEqual(await resting(), ["primary"]);
  good = "sk-fresh-0002";
  await t.gw.admin("PUT", `/providers/${id}`, { server_key: good });
  assert.deepEqual(await resting(), []);
  assert.equal(await once(), "mended");

  // The same of a further key.
  await t.gw.admin("PUT", `/providers/${id}`, { server_key: null });
  const further = { label: "further", key: "sk-stale-0003" };
  const { body: key } = await t.gw.admin("POST", `/providers/${id}/keys`, further);
  assert.equal(await once(), "other");
  assert.deepEqual(await resting(), [key.id]);
  good = "sk-fresh-0004";
  await t.gw.admin("PUT", `/providers/${id}/keys/${key.id}`, { key: good });
  assert.deepEqual(await resting(), []);
  assert.equal(await once(), "mended");
});

test("a session stays where it is, and moves on when it must", async () => {
  let down = false;
  const { name, seen } = await logical([(x) => (down ? fails(500)(x) : says("one")(x)), says("two")], {
    strategy: "round_robin",
  });
  const once = async (session) => textOf(await t.complete(ask(name), { headers: { "x-session-id": session } }));
  const first = await once("session-1");
  await delay(100);
  for (let i = 0; i < 6; i++) assert.equal(await once("session-1"), first);
  const { body } = await t.gw.admin("GET", "/routing/sessions/session-1");
  assert.equal(body.logical_model, name);
  // Moves on: the upstream that it is bound to goes down.
  if (first === "one") {
    down = true;
    assert.equal(await once("session-1"), "two");
    await delay(100);
    down = false;
    assert.equal(await once("session-1"), "two");
  }
  assert.equal((await t.gw.admin("DELETE", "/routing/sessions/session-1")).status, 200);
  assert.equal((await t.gw.admin("GET", "/routing/sessions/session-1")).status, 404);
  assert.ok(seen(0).length + seen(1).length >= 7);
});

test("a paused provider is not asked", async () => {
  const { name, providers, seen } = await logical([says("paused"), says("active")]);
  await t.gw.admin("PUT", `/providers/${providers[0].id}`, { status: "paused" });
  assert.equal(textOf(await t.complete(ask(name))), "active");
  await t.gw.admin("PUT", `/providers/${providers[1].id}`, { status: "offline" });
  const answer = await t.complete(ask(name));
  assert.equal(answer.status, 503);
  assert.equal(errorOf(answer.text).code, "no_upstream_available");
  assert.equal(seen(0).length, 0);
});

test("capabilities: a picture goes to one who can see", async () => {
  const { name, providers, seen } = await logical([says("blind"), says("sees")]);
  const pictured = ask(name, {
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] }],
  });
  await t.gw.createModel({ provider_id: providers[0].id, model_name: `${name}-u0`, capabilities: ["tools"] });
  assert.equal(textOf(await t.complete(pictured)), "sees");
  assert.equal(textOf(await t.complete(ask(name))), "blind");
  assert.equal(seen(0).length, 1);
});

test("patterns: the star goes on", async () => {
  t.up.on("wild-7b", says("wild"));
  const { status } = await t.gw.admin("POST", "/logical-models", {
    name: "wild-*",
    candidates: [{ provider_id: t.provider.id, model: "wild-*" }],
  });
  assert.equal(status, 201);
  assert.equal(textOf(await t.complete(ask("wild-7b"))), "wild");
});

test("the plan is explained", async () => {
  const { name, providers } = await logical([says("a"), says("b")], { strategy: "balanced" });
  const { status, body } = await t.gw.admin("POST", "/routing/decide", {
    logical_model: name,
    strategy: "latency_first",
    exclude_providers: [providers[0].name],
  });
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.selected_upstream.provider, providers[1].name);
  assert.equal(body.strategy_used, "latency_first");
  const excluded = body.all_candidates.find(({ provider }) => provider === providers[0].name);
  assert.deepEqual([excluded.kept, excluded.reason], [false, "excluded"]);
  assert.equal(typeof body.all_candidates.find(({ kept }) => kept).score.total, "number");
  const upstreams = await t.gw.admin("GET", `/logical-models/${name}/upstreams`);
  assert.equal(upstreams.body.upstreams.length, 2);
});

test("shares follow the weights", async () => {
  // With generous time-outs: on a busy machine they would move requests from one upstream to another.
  const { name, providers } = await logical([says("a"), says("b")], {
    provider: { first_byte_timeout_ms: 30_000, idle_timeout_ms: 30_000 },
  });
  const { body } = await t.gw.admin("GET", `/logical-models/${name}`);
  const candidates = body.candidates.map((candidate, index) => ({ ...candidate, weight: index === 0 ? 300 : 100 }));
  await t.gw.admin("PUT", `/logical-models/${name}`, { strategy: "weighted", candidates });
  const answers = await Promise.all(Array.from({ length: 200 }, () => t.complete(ask(name))));
  const share = answers.filter((answer) => answer.headers["x-nexus-provider"] === providers[0].name).length / 200;
  assert.ok(share > 0.62 && share < 0.88, `share ${share}`);
});

test("embeddings fail over, too", async () => {
  const { name, seen } = await logical([
    fails(500),
    (x) =>
      x.reply(200, {
        object: "list",
        data: [{ object: "embedding", index: 0, embedding: [0.5] }],
        model: x.model,
        usage: { prompt_tokens: 1, total_tokens: 1 },
      }),
  ]);
  const answer = await t.complete({ model: name, input: "hi" }, { target: "/v1/embeddings" });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json().data[0].embedding, [0.5]);
  assert.deepEqual([seen(0).length, seen(1).length], [1, 1]);
  assert.deepEqual(
    (await trailOf(answer)).map(({ status }) => status),
    [500, 200],
  );
  assert.equal(answer.headers["x-nexus-attempts"], "2");
});

const embeds = (x) =>
  x.reply(200, {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: [0.5] }],
    model: x.model,
    usage: { prompt_tokens: 1, total_tokens: 1 },
  });
const embed = (name, headers = {}) => t.complete({ model: name, input: "hi" }, { target: "/v1/embeddings", headers });

for (const [trouble, [behaviour, errorClass]] of Object.entries(TROUBLES)) {
  // The answer of an operation without translation is not parsed, only forwarded.
  if (trouble === "garbage") continue;
  test(`embeddings, ${trouble}: the next upstream answers`, async () => {
    const { name, providers } = await logical([behaviour, embeds]);
    const answer = await within(15_000, embed(name), "the answer");
    assert.equal(answer.status, 200, answer.text);
    const trail = await trailOf(answer);
    assert.deepEqual(
      trail.map(({ provider, error_class }) => [provider, error_class ?? null]),
      [
        [providers[0].name, errorClass],
        [providers[1].name, null],
      ],
    );
  });
}

test("embeddings rest and come back like chats: keys, Retry-After, fallbacks, deadlines, company", async () => {
  const used = [];
  const keyed = await logical([
    (x) => {
      used.push(x.headers.authorization);
      return x.headers.authorization.includes("bad") ? fails(401)(x) : embeds(x);
    },
  ]);
  await t.gw.admin("PUT", `/providers/${keyed.providers[0].id}`, { server_key: "sk-bad-key-0002" });
  await t.gw.admin("POST", `/providers/${keyed.providers[0].id}/keys`, { key: "sk-good-key-0002", label: "second" });
  for (let i = 0; i < 12; i++) assert.equal((await embed(keyed.name)).status, 200);
  assert.ok(used.filter((key) => key.includes("bad")).length <= 1, `the bad key was used: ${used}`);

  const limited = await logical([fails(429, {}, { "retry-after": "60" }), embeds]);
  for (let i = 0; i < 4; i++) assert.equal((await embed(limited.name)).status, 200);
  assert.equal(limited.seen(0).length, 1, "an upstream that is cooling down gets no request");

  const broken = await logical([fails(500)]);
  assert.equal((await embed(broken.name, { "x-nexus-fallback": limited.name })).status, 200);

  const late = await logical([(x) => x.hang(), (x) => x.hang()], {
    deadline_ms: 300,
    provider: { first_byte_timeout_ms: 20_000 },
  });
  const began = Date.now();
  assert.equal((await embed(late.name)).status, 504);
  assert.ok(Date.now() - began < 5_000);

  const slow = await logical([(x) => x.hang(), embeds], {
    hedge_after_ms: 100,
    provider: { first_byte_timeout_ms: 20_000 },
  });
  const hedged = await embed(slow.name);
  assert.equal(hedged.status, 200);
  assert.ok((await trailOf(hedged)).some(({ skipped }) => skipped === "hedge_lost"));
});

test("an upload goes to one who is well, and only once", async () => {
  const upload = async (name) => {
    const form = new FormData();
    form.set("model", name);
    form.set("file", new Blob([Buffer.alloc(50_000, 7)]), "a.wav");
    const answer = await fetch(`${t.gw.url}/v1/audio/transcriptions`, {
      method: "POST",
      headers: { authorization: `Bearer ${t.key}` },
      body: form,
    });
    return { status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers) };
  };
  const hears = (x) => x.reply(200, { text: x.headers.authorization });
  const { name, seen } = await logical([fails(503), hears]);
  const statuses = [];
  for (let i = 0; i < 12; i++) statuses.push((await upload(name)).status);
  const asked = seen(0).length;
  assert.ok(asked >= 3 && asked <= 6, `the dead one was asked ${asked} times`);
  assert.deepEqual(
    statuses,
    [...Array(asked).fill(503), ...Array(12 - asked).fill(200)],
    "none was sent a second time",
  );

  let release;
  const held = new Promise((resolve) => (release = resolve));
  const full = await logical([
    async (x) => {
      await held;
      hears(x);
    },
    hears,
  ]);
  await t.gw.admin("PUT", `/providers/${full.providers[0].id}`, { max_in_flight: 1, first_byte_timeout_ms: 60_000 });
  const first = upload(full.name);
  await eventually(() => full.seen(0).length === 1, { what: "the first upload" });
  const second = await within(20_000, upload(full.name), "the second upload");
  assert.deepEqual(
    [second.status, second.headers["x-nexus-provider"], second.headers["x-nexus-attempts"]],
    [200, full.providers[1].name, "1"],
  );
  assert.deepEqual(
    (await trailOf(second)).map(({ skipped }) => skipped ?? null),
    ["busy", null],
  );
  release();
  assert.equal((await first).status, 200);
});

test("a gate lets as many in as may be, the others wait their turn, and the rest are told to come again", async () => {
  let inside = 0;
  let most = 0;
  const { name } = await logical(
    [
      async (x) => {
        most = Math.max(most, ++inside);
        await delay(150);
        inside -= 1;
        says("ok")(x);
      },
    ],
    { provider: { max_in_flight: 2, first_byte_timeout_ms: 20_000 } },
  );
  const answers = await Promise.all(Array.from({ length: 8 }, () => t.complete(ask(name))));
  assert.ok(most <= 2, `${most} at once`);
  assert.ok(answers.filter(({ status }) => status === 200).length >= 4);
  for (const { status, headers, text } of answers.filter(({ status }) => status !== 200)) {
    assert.equal(status, 429, text);
    assert.equal(errorOf(text).code, "provider_busy");
    assert.ok(Number(headers["retry-after"]) >= 1);
  }
});

test("a full provider is passed over for one that is free", async () => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const { name, providers } = await logical([
    async (x) => {
      await held;
      says("slow")(x);
    },
    says("free"),
  ]);
  await t.gw.admin("PUT", `/providers/${providers[0].id}`, { max_in_flight: 1, first_byte_timeout_ms: 60_000 });
  const first = t.complete(ask(name));
  await eventually(() => t.up.seen(`${name}-u0`).length === 1, { what: "the first request" });
  const second = await within(20_000, t.complete(ask(name)), "the second request");
  assert.equal(textOf(second), "free");
  release();
  assert.equal(textOf(await first), "slow");
});

test("a probe that finds a provider dead spares the callers, and one that finds it alive brings it back", async () => {
  let dead = true;
  const { name, providers, seen } = await logical([(x) => (dead ? fails(503)(x) : says("back")(x)), says("other")], {
    provider: { probe_enabled: true, probe_interval_s: 60 },
  });
  await t.gw.admin("PUT", `/providers/${providers[0].id}`, { probe_model: `${name}-u0` });
  await t.gw.admin("PUT", `/providers/${providers[1].id}`, { probe_enabled: false });
  await t.gw.scheduled();
  await eventually(
    async () => (await t.gw.db("SELECT * FROM provider_probes WHERE provider_id = ?", providers[0].id)).length === 1,
    { what: "the probe" },
  );
  const asked = seen(0).length;
  assert.equal(textOf(await t.complete(ask(name))), "other");
  assert.equal(seen(0).length, asked, "the dead upstream got no request");
  dead = false;
  await t.gw.db("DELETE FROM provider_probes WHERE provider_id = ?", providers[0].id);
  await t.gw.scheduled();
  await eventually(async () => textOf(await t.complete(ask(name))) === "back", { within: 10_000, what: "its return" });
});

test("a disconnect counts against no upstream, and leads to no further attempt", async () => {
  const { name, providers, seen } = await logical([(x) => x.hang(), says("never")], {
    provider: { first_byte_timeout_ms: 20_000 },
  });
  for (let i = 0; i < 6; i++) {
    const call = t.beginCompletion(ask(name));
    await eventually(() => seen(0).length === i + 1, { what: "the request" });
    call.reply.catch(() => {});
    call.abort();
    await within(5_000, seen(0)[i].closed, "the upstream being let go");
  }
  await delay(200);
  assert.equal(seen(1).length, 0);
  const { body } = await t.gw.admin("GET", `/logical-models/${name}/upstreams`);
  const metrics = body.upstreams.find(({ provider }) => provider === providers[0].name).metrics;
  assert.equal(metrics.circuit.state, "closed");
  assert.equal(metrics.in_flight, 0);
});
