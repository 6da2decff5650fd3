// Presets of an operator's own: made, changed and deleted through the API, and what a provider takes over from one.
import assert from "node:assert/strict";
import { errorOf, suite, test } from "../support/suite.mjs";
import { bearer } from "../support/util.mjs";

const t = suite();
const admin = (...args) => t.gw.admin(...args);
const custom = async () => (await admin("GET", "/provider-presets")).body.custom;

test("a preset is made, listed beside the built-in ones, used, changed and deleted", async () => {
  const fields = { id: "in-house", name: "In-house", server_url: `${t.up.url}/v1`, quirks: ["discreet_streams"] };
  const made = await admin("POST", "/provider-presets", { ...fields, models: ["small"] });
  assert.equal(made.status, 201, made.text);
  const listed = (await admin("GET", "/provider-presets")).body;
  assert.ok(listed.presets.length > 5);
  assert.deepEqual(
    listed.custom.map(({ id, kind, models }) => [id, kind, models]),
    [["in-house", "openai", ["small"]]],
  );
  const provider = await t.gw.createProvider({ name: undefined, preset: "in-house", server_key: "sk-in-house-0001" });
  assert.match(provider.name, /^in-house$/);
  assert.deepEqual([provider.server_url, provider.quirks], [`${t.up.url}/v1`, ["discreet_streams"]]);
  const user = (await t.gw.createKey({ owner: "ada", permissions: ["manage_own_providers"] })).key;
  const own = await admin("POST", "/providers", { preset: "in-house" }, { headers: bearer(user) });
  assert.match(own.body.name, /^in-house~/, "users make their own from it");

  const changed = await admin("PUT", "/provider-presets/in-house", { description: "Ours." });
  assert.deepEqual([changed.body.description, changed.body.models], ["Ours.", ["small"]]);
  const renamed = await admin("PUT", "/provider-presets/in-house", { id: "other" });
  assert.deepEqual([renamed.status, errorOf(renamed.text).param], [400, "id"]);
  assert.equal((await admin("DELETE", "/provider-presets/in-house")).status, 200);
  assert.deepEqual(await custom(), []);
  const gone = await admin("POST", "/providers", { preset: "in-house" });
  assert.deepEqual([gone.status, errorOf(gone.text).param], [400, "preset"]);
  assert.equal((await admin("GET", `/providers/${provider.id}`)).status, 200, "providers stay");
});

test("built-in presets cannot be replaced, changed or deleted", async () => {
  const taken = await admin("POST", "/provider-presets", { id: "openai", name: "x", server_url: "https://x.example" });
  assert.deepEqual([taken.status, errorOf(taken.text).param], [400, "id"]);
  for (const [method, body] of [
    ["PUT", { name: "x" }],
    ["DELETE", undefined],
  ]) {
    const answer = await admin(method, "/provider-presets/openai", body);
    assert.deepEqual([answer.status, errorOf(answer.text).code], [404, "preset_not_found"]);
  }
  const one = { id: "twice", name: "x", kind: "demo" };
  assert.equal((await admin("POST", "/provider-presets", one)).status, 201);
  const twice = await admin("POST", "/provider-presets", one);
  assert.deepEqual([twice.status, errorOf(twice.text).code], [409, "name_taken"]);
});

test("users see presets and change none", async () => {
  const { key } = await t.gw.createKey({ owner: "ada", permissions: ["manage_own_providers"] });
  const headers = bearer(key);
  assert.equal((await admin("GET", "/provider-presets", undefined, { headers })).status, 200);
  const refused = await admin("POST", "/provider-presets", { id: "x", name: "x", kind: "demo" }, { headers });
  assert.deepEqual([refused.status, errorOf(refused.text).code], [403, "permission_denied"]);
});
