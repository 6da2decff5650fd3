// Proves the admin API for the keys of a provider: no answer ever contains one again, and each is sealed where it is
// stored.
import assert from "node:assert/strict";
import { errorOf, suite, test } from "../support/suite.mjs";
import { bearer } from "../support/util.mjs";

const t = suite();
const admin = (...args) => t.gw.admin(...args);
const keysOf = (id) => `/providers/${id}/keys`;

const refused = ({ status, text }, expected, code, param = null) => {
  assert.equal(status, expected, text);
  const error = errorOf(text);
  assert.equal(error.code, code, text);
  assert.equal(error.param, param, text);
};

test("nothing is answered without the admin token", async () => {
  for (const [method, target] of [
    ["GET", keysOf(1)],
    ["POST", keysOf(1)],
    ["GET", `${keysOf(1)}/x`],
    ["PUT", `${keysOf(1)}/x`],
    ["DELETE", `${keysOf(1)}/x`],
  ]) {
    refused(await admin(method, target, undefined, { headers: {} }), 401, "missing_admin_token");
    refused(await admin(method, target, undefined, { headers: bearer(t.key) }), 401, "invalid_admin_token");
  }
});

test("keys are made, listed, changed and deleted", async () => {
  const provider = await t.gw.createProvider({ server_url: `${t.up.url}/v1` });
  const pool = keysOf(provider.id);
  const { status, body: made } = await admin("POST", pool, {
    label: "second",
    key: "sk-pool-0123456789-wxyz",
    weight: 5,
    max_qps: 3,
    enabled: false,
  });
  assert.equal(status, 201, JSON.stringify(made));
  assert.deepEqual(made, {
    ...made,
    provider_id: provider.id,
    label: "second",
    key: "sk-…wxyz",
    weight: 5,
    max_qps: 3,
    enabled: false,
  });
  assert.equal(made.id.length, 26);
  const { body: plain } = await admin("POST", pool, { label: "third", key: "another-key-0123456789" });
  assert.deepEqual([plain.weight, plain.max_qps, plain.enabled], [100, null, true]);
  assert.deepEqual((await admin("GET", pool)).body, { keys: [made, plain] });
  assert.deepEqual((await admin("GET", `${pool}/${made.id}`)).body, made);

  const sealed = async () =>
    (await t.gw.db("SELECT key_sealed FROM provider_keys WHERE id = ?", made.id))[0].key_sealed;
  const before = await sealed();
  const changed = await admin("PUT", `${pool}/${made.id}`, { weight: null, max_qps: null, enabled: true });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual(
    { ...changed.body, updated_at: 0 },
    { ...made, weight: 100, max_qps: null, enabled: true, updated_at: 0 },
  );
  assert.equal(await sealed(), before);
  const replaced = await admin("PUT", `${pool}/${made.id}`, { key: "sk-fresh-0123456789-abcd" });
  assert.equal(replaced.body.key, "sk-…abcd");
  assert.notEqual(await sealed(), before);

  assert.deepEqual((await admin("DELETE", `${pool}/${made.id}`)).body, { id: made.id, deleted: true });
  refused(await admin("DELETE", `${pool}/${made.id}`), 404, "provider_key_not_found");
  assert.deepEqual((await admin("GET", pool)).body, { keys: [plain] });
});

test("a key belongs to its provider, and goes with it", async () => {
  const [one, other] = [
    await t.gw.createProvider({ server_url: `${t.up.url}/v1` }),
    await t.gw.createProvider({ server_url: `${t.up.url}/v1` }),
  ];
  const { body: key } = await admin("POST", keysOf(one.id), { label: "mine", key: "sk-mine-0123456789" });
  for (const method of ["GET", "DELETE"])
    refused(await admin(method, `${keysOf(other.id)}/${key.id}`), 404, "provider_key_not_found");
  refused(await admin("PUT", `${keysOf(other.id)}/${key.id}`, { label: "yours" }), 404, "provider_key_not_found");
  // Another provider may have the same label, but not the same provider twice.
  assert.equal((await admin("POST", keysOf(other.id), { label: "mine", key: "sk-other-0123456789" })).status, 201);
  refused(
    await admin("POST", keysOf(one.id), { label: "mine", key: "sk-again-0123456789" }),
    409,
    "name_taken",
    "label",
  );
  assert.equal((await admin("DELETE", `/providers/${one.id}`)).status, 200);
  refused(await admin("GET", keysOf(one.id)), 404, "provider_not_found");
  assert.deepEqual(await t.gw.db("SELECT * FROM provider_keys WHERE provider_id = ?", one.id), []);
});

test("bad input names its field", async () => {
  const pool = keysOf(t.provider.id);
  const { body: key } = await admin("POST", pool, { label: "good", key: "sk-good-0123456789" });
  for (const [body, code, param] of [
    [{ key: "sk-x-0123456789" }, "missing_required_parameter", "label"],
    [{ label: "x" }, "missing_required_parameter", "key"],
    [{ label: "x", key: "has space" }, "invalid_value", "key"],
    [{ label: "x", key: 7 }, "invalid_type", "key"],
    [{ label: "x", key: "sk-x-0123456789", weight: 0 }, "invalid_value", "weight"],
    [{ label: "x", key: "sk-x-0123456789", server_key: "y" }, "unknown_parameter", "server_key"],
  ]) {
    const answer = await admin("POST", pool, body);
    refused(answer, 400, code, param);
    assert.ok(!answer.text.includes("sk-x-0123456789"));
  }
  refused(await admin("PUT", `${pool}/${key.id}`, { key: null }), 400, "invalid_type", "key");
  refused(await admin("POST", keysOf(99_999), { label: "x", key: "sk-x-0123456789" }), 404, "provider_not_found");
  refused(await admin("GET", keysOf("seven")), 404, "provider_not_found");
});

test("no key is stored in clear or told to anyone", async () => {
  const secret = "sk-never-to-be-seen-again-5150";
  const { body: key } = await admin("POST", keysOf(t.provider.id), { label: "hidden", key: secret });
  await admin("GET", keysOf(t.provider.id));
  await admin("PUT", `${keysOf(t.provider.id)}/${key.id}`, { label: "hidden well" });
  for (const { place, text } of await t.gw.dump()) assert.ok(!text?.includes(secret), place);
  for (const { target, text } of t.gw.answers) assert.ok(!text.includes(secret), target);
  assert.ok(!JSON.stringify(t.gw.logs()).includes(secret));
});
