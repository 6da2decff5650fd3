// The configuration as a file: out of one deployment and into it again, with changes, faults, a dry run, and without secrets.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const SECRET = "sk-transfer-upstream-0001";
const t = suite({
  setUp: async () => {
    const far = await t.gw.createProvider({
      name: "far",
      server_url: `${t.up.url}/v1`,
      server_key: SECRET,
      headers: { "x-secret": "hidden-header-value" },
      weight: 70,
      quirks: ["discreet_streams"],
    });
    await t.model("far-model", (x) => x.reply(200, completion(x.model, "ok")), { provider_id: far.id });
    const candidates = [{ provider_id: far.id, model: "far-model", weight: 3 }];
    await t.gw.admin("POST", "/logical-models", { name: "smart", candidates, fallbacks: ["far-model"] });
  },
});
const exported = async () => (await t.gw.admin("GET", "/export/configuration")).body;
const load = (file, query = "") => t.gw.admin("POST", `/import/configuration${query}`, file);

test("a file has no secrets and no ids, and changes nothing where it comes from", async () => {
  const file = await exported();
  const text = JSON.stringify(file);
  for (const hidden of [SECRET, "hidden-header", "sealed", "server_key", "provider_id", '"id"', "…"]) {
    assert.equal(text.includes(hidden), false, hidden);
  }
  const far = file.providers.find(({ name }) => name === "far");
  assert.deepEqual([far.weight, far.quirks, far.models[0].model_name], [70, ["discreet_streams"], "far-model"]);
  assert.equal(file.logical_models[0].candidates[0].provider, "far");
  const again = await load(file);
  assert.equal(again.status, 200, again.text);
  assert.deepEqual([again.body.created, again.body.updated], [0, 0]);
  assert.equal((await t.complete(ask("smart"))).status, 200);
});

test("a dry run tells what an import does, and then it does that", async () => {
  const file = await exported();
  const far = file.providers.find(({ name }) => name === "far");
  far.weight = 80;
  far.models.push({ model_name: "far-second", upstream_model: "far-model" });
  file.providers.push({ name: "newcomer", server_url: `${t.up.url}/v1`, models: [{ model_name: "new-model" }] });
  file.logical_models.push({ name: "fresh", candidates: [{ provider: "newcomer", model: "new-model" }] });
  t.up.on("new-model", (x) => x.reply(200, completion(x.model, "ok")));
  const dry = (await load(file, "?dry_run=true")).body;
  assert.deepEqual([dry.dry_run, dry.created, dry.updated], [true, 4, 1]);
  const changed = dry.records.find(({ action }) => action === "update");
  assert.deepEqual([changed.kind, changed.name], ["provider", "far"]);
  assert.deepEqual(changed.changes, [{ field: "weight", before: 70, after: 80 }]);
  assert.equal(dry.records.filter(({ action }) => action !== "unchanged").length, 5);
  assert.equal((await t.complete(ask("fresh"))).status, 404, "a dry run changes nothing");

  const done = (await load(file)).body;
  assert.deepEqual({ ...done, dry_run: true }, dry, "it does what the dry run said");
  assert.equal((await t.complete(ask("fresh"))).status, 200);
  assert.equal((await t.complete(ask("far-second"))).status, 200);
  assert.equal(t.up.last("far-model").headers.authorization, `Bearer ${SECRET}`, "keys stay as they are");
  assert.deepEqual((await load(await exported())).body.updated, 0);
  const { entries } = (await t.gw.admin("GET", "/audit?operation=POST%20/import/configuration")).body;
  const fields = entries.flatMap(({ changes }) => (changes ?? []).map(({ field }) => field));
  assert.ok(fields.includes("weight") && fields.includes("model_name"));
});

test("a fault anywhere changes nothing and is named by its place", async () => {
  const before = await exported();
  const file = structuredClone(before);
  file.providers.unshift({ name: "half", kind: "demo" });
  file.logical_models.push({ name: "lost", candidates: [{ provider: "nowhere", model: "m" }] });
  const place = `logical_models[${file.logical_models.length - 1}].candidates[0].provider`;
  const refused = await load(file);
  assert.deepEqual(
    [refused.status, errorOf(refused.text).code, errorOf(refused.text).param],
    [400, "unknown_provider", place],
  );
  assert.deepEqual(await exported(), before);
  for (const [body, param] of [
    [{}, null],
    [{ version: 2 }, "version"],
    [{ version: 1, providers: [{ name: "x", kind: "demo", server_key: "sk-1" }] }, "providers[0].server_key"],
    [{ version: 1, providers: "all" }, null],
  ]) {
    const answer = await load(body);
    assert.deepEqual([answer.status, errorOf(answer.text).param], [400, param], JSON.stringify(body));
  }
});

test("it needs its permission", async () => {
  const { key } = await t.gw.createKey({ permissions: ["manage_providers", "manage_models"] });
  const answer = await t.gw.admin("GET", "/export/configuration", undefined, { headers: bearer(key) });
  assert.deepEqual([answer.status, errorOf(answer.text).code], [403, "permission_denied"]);
});

test("presets of an operator's own are in the file", async () => {
  const preset = { id: "house", name: "Our own", server_url: "https://llm.example.com/v1", models: ["a", "b"] };
  assert.equal((await t.gw.admin("POST", "/provider-presets", preset)).status, 201);
  const file = await exported();
  assert.deepEqual(file.presets, [{ ...preset, kind: "openai", quirks: [], description: "" }]);
  assert.deepEqual((await load(file)).body.updated, 0);
  assert.equal((await t.gw.admin("DELETE", "/provider-presets/house")).status, 200);
  file.presets.push({ id: "other", name: "Other", kind: "demo" });
  const { created, records } = (await load(file)).body;
  assert.equal(created, 2);
  assert.deepEqual(
    records.filter(({ kind }) => kind === "preset").map(({ name, action }) => [name, action]),
    [
      ["house", "create"],
      ["other", "create"],
    ],
  );
  const { custom } = (await t.gw.admin("GET", "/provider-presets")).body;
  assert.deepEqual(
    custom.map(({ id, models }) => [id, models]),
    [
      ["house", ["a", "b"]],
      ["other", []],
    ],
  );
  const wrong = await load({ version: 1, presets: [{ id: "openai", name: "x", kind: "demo" }] });
  assert.deepEqual([wrong.status, errorOf(wrong.text).param], [400, "presets[0].id"]);
});
