// Proves what holds between isolates: a change made in one takes effect in the others within seconds, a limit holds
// for all of them together, and all their requests are counted once. The second isolate is a second instance of the
// Worker on the same stores.
import assert from "node:assert/strict";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { ask, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer, eventually, send } from "../support/util.mjs";

const t = suite({ twin: true });
const ok = (x) => x.reply(200, completion(x.model, x.headers.authorization ?? "no key"));

const elsewhere = (body, key = t.key) =>
  send(`${t.gw.twinUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json" },
    body: JSON.stringify(body),
  });
const seenElsewhere = (what, probe) =>
  eventually(probe, { within: 15_000, every: 100, what: `${what} in the other isolate` });

test("a new model, a changed provider and a deleted one", async () => {
  assert.equal((await elsewhere(ask("demo/echo"))).status, 200);
  const provider = await t.gw.createProvider({
    name: "far",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-far-0000000001",
  });
  await t.model("far-model", ok, { provider_id: provider.id });
  await seenElsewhere("the model", async () => (await elsewhere(ask("far-model"))).status === 200);
  await t.gw.admin("PUT", `/providers/${provider.id}`, { server_key: "sk-far-0000000002" });
  await seenElsewhere(
    "the key of the provider",
    async () =>
      (await elsewhere(ask("far-model"))).status === 200 &&
      t.up.last("far-model").headers.authorization === "Bearer sk-far-0000000002",
  );
  await t.gw.admin("DELETE", `/providers/${provider.id}`);
  await seenElsewhere("the deletion", async () => (await elsewhere(ask("far-model"))).status === 404);
});

test("a new key, a disabled one and a deleted one", async () => {
  const { id, key } = await t.gw.createKey({ name: "far" });
  await seenElsewhere("the key", async () => (await elsewhere(ask("demo/echo"), key)).status === 200);
  await t.gw.admin("PUT", `/keys/${id}`, { enabled: false });
  await seenElsewhere("the key being disabled", async () => (await elsewhere(ask("demo/echo"), key)).status === 401);
  await t.gw.admin("PUT", `/keys/${id}`, { enabled: true });
  await seenElsewhere("the key being enabled", async () => (await elsewhere(ask("demo/echo"), key)).status === 200);
  await t.gw.admin("DELETE", `/keys/${id}`);
  await seenElsewhere("the deletion", async () => (await elsewhere(ask("demo/echo"), key)).status === 401);
});

test(
  "a server of tools and a set of them, changed and deleted",
  async () => {
    const servers = await startMcpServers();
    try {
      const { key } = await t.gw.createKey({ allow_tools: ["far-tools/*"] });
      const listed = async (path) => {
        const answer = await send(`${t.gw.twinUrl}${path}`, {
          method: "POST",
          headers: { ...bearer(key), "content-type": "application/json" },
          body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
        });
        const tools = answer.status === 200 ? answer.json().result.tools : [];
        return { status: answer.status, names: tools.map(({ name }) => name).join() };
      };
      const [ofServer, ofSet] = ["/mcp/server/far-tools", "/mcp/toolset/far-set"];
      assert.equal((await listed(ofServer)).status, 404);
      assert.equal((await listed(ofSet)).status, 404);
      await t.gw.admin("POST", "/mcp-servers", { id: "far-tools", url: `${servers.url}/modern` });
      await seenElsewhere("the server", async () => (await listed(ofServer)).names.includes("echo"));
      const tools = (tool) => [{ server: "far-tools", tool }];
      const made = await t.gw.admin("POST", "/toolsets", { name: "far-set", tools: tools("echo") });
      await seenElsewhere("the set", async () => (await listed(ofSet)).names === "far-tools__echo");
      await t.gw.admin("PUT", `/toolsets/${made.body.id}`, { tools: tools("add") });
      await seenElsewhere("the change", async () => (await listed(ofSet)).names === "far-tools__add");
      await t.gw.admin("PUT", "/mcp-servers/far-tools", { enabled: false });
      await seenElsewhere("the server being disabled", async () => (await listed(ofServer)).status === 404);
      await t.gw.admin("DELETE", `/toolsets/${made.body.id}`);
      await seenElsewhere("the deletion", async () => (await listed(ofSet)).status === 404);
    } finally {
      await servers.stop();
    }
  },
  { timeout: 180_000 },
);

test("a limit is one limit for all", async () => {
  const provider = await t.gw.createProvider({ name: "far-limited", server_url: `${t.up.url}/v1`, rate_limit: 7 });
  await t.model("far-limited-model", ok, { provider_id: provider.id });
  await seenElsewhere(
    "the model",
    async () => (await send(`${t.gw.twinUrl}/v1/models/far-limited-model`, { headers: bearer(t.key) })).status === 200,
  );
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      i % 2 ? elsewhere(ask("far-limited-model")) : t.complete(ask("far-limited-model")),
    ),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 7);
  assert.equal(answers.filter(({ status }) => status === 429).length, 33);
  assert.equal(t.up.seen("far-limited-model").length, 7);
});

test("what each of them served is counted once", async () => {
  const here = await t.complete(ask("demo/echo"));
  const there = await elsewhere(ask("demo/echo"));
  for (const answer of [here, there]) {
    const row = await t.gw.row(answer.headers["x-request-id"]);
    assert.equal(row.outcome, "completed");
  }
});

test("an upstream that one isolate found dead is spared by the other", async () => {
  const dead = await t.gw.createProvider({ name: "dead-here", server_url: `${t.up.url}/v1` });
  const alive = await t.gw.createProvider({ name: "alive-here", server_url: `${t.up.url}/v1` });
  t.up.on("dead-model", (x) =>
    x.reply(500, { error: { message: "dead", type: "server_error", param: null, code: null } }),
  );
  t.up.on("alive-model", ok);
  const candidates = [
    { provider_id: dead.id, model: "dead-model" },
    { provider_id: alive.id, model: "alive-model" },
  ];
  assert.equal(
    (await t.gw.admin("POST", "/logical-models", { name: "shared-fate", strategy: "ordered", candidates })).status,
    201,
  );
  await seenElsewhere("the logical model", async () => (await elsewhere(ask("shared-fate"))).status === 200);
  const asked = () => t.up.seen("dead-model").length;
  // This isolate asks it until its circuit opens …
  for (let i = 0; i < 10; i++) assert.equal((await t.complete(ask("shared-fate"))).status, 200);
  const known = asked();
  assert.ok(known < 10, `${known} attempts`);
  // … and the other isolate learns it within seconds.
  await eventually(
    async () => {
      const before = asked();
      assert.equal((await elsewhere(ask("shared-fate"))).status, 200);
      return asked() === before;
    },
    { within: 8_000, every: 500, what: "the news in the other isolate" },
  );
});
