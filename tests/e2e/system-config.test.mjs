// Settings at run time: what is stored stands before the variable, in every isolate, and comes back; and what the deployment says of
// itself.
import assert from "node:assert/strict";
import { suite, test } from "../support/suite.mjs";
import { eventually } from "../support/util.mjs";

const t = suite({ twin: true, vars: { MAX_BODY_BYTES: "5000" } });

async function admin(method, target, body, status = 200) {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

/** The status that a body of 6,000 bytes gets. */
const large = async () => (await t.gw.admin("POST", "/guards/test", { text: "x".repeat(6_000) })).status;

test("a stored setting is in force, in another isolate within seconds, and is reverted", async () => {
  assert.equal(await large(), 413);
  const set = await admin("PUT", "/system/config", { settings: { MAX_BODY_BYTES: "10000" } });
  const shown = set.settings.find(({ name }) => name === "MAX_BODY_BYTES");
  assert.deepEqual(shown, { name: "MAX_BODY_BYTES", variable: "5000", stored: "10000" });
  assert.ok(set.variables_only.includes("MASTER_KEY"));
  assert.equal(await large(), 200);
  await eventually(
    async () => {
      const answer = await fetch(`${t.gw.twinUrl}/guards/test`, {
        method: "POST",
        headers: { authorization: `Bearer ${t.gw.adminToken}` },
        body: JSON.stringify({ text: "x".repeat(6_000) }),
      });
      // Requests of callers load the configuration.
      await fetch(`${t.gw.twinUrl}/v1/models`, { headers: { authorization: `Bearer ${t.key}` } });
      return answer.status === 200;
    },
    { within: 40_000, what: "the other isolate" },
  );
  const { changes } = await admin("GET", "/system/config/history");
  assert.deepEqual([changes[0].name, changes[0].before, changes[0].after], ["MAX_BODY_BYTES", null, "10000"]);
  await admin("POST", `/system/config/history/${changes[0].id}/revert`);
  assert.equal(await large(), 413);
  assert.equal((await admin("GET", "/system/config/history")).changes.length, 2);
  const { entries } = await admin("GET", "/audit?operation=PUT%20/system/config");
  assert.ok(entries.length >= 1);
});

test("what is no setting, or no value of one, is refused by name", async () => {
  for (const [body, param] of [
    [{ settings: { MASTER_KEY: "x" } }, "settings.MASTER_KEY"],
    [{ settings: { LOG_LEVEL: "loud" } }, "settings.LOG_LEVEL"],
    [{ settings: { ARCHIVE_DAYS: "0" } }, "settings.ARCHIVE_DAYS"],
    [{ other: 1 }, "other"],
  ]) {
    const answer = await t.gw.admin("PUT", "/system/config", body);
    assert.deepEqual([answer.status, answer.body.error.param], [400, param], answer.text);
  }
  const none = await t.gw.admin("POST", "/system/config/history/01/revert");
  assert.equal(none.body.error.code, "config_change_not_found");
});

test("the deployment says what it is and what it lacks", async () => {
  const info = await admin("GET", "/system/info");
  assert.match(info.version, /^\d+\.\d+\.\d+/);
  assert.ok(info.dialects.includes("anthropic") && info.provider_kinds.includes("openai"));
  const status = await admin("GET", "/system/status");
  assert.deepEqual(status.database.missing_tables, []);
  assert.ok(status.database.limit_bytes > 1e9);
  assert.equal(status.secrets.find(({ name }) => name === "ADMIN_TOKEN").is_set, true);
  assert.equal(status.secrets.find(({ name }) => name === "MASTER_KEY_PREVIOUS").is_set, false);
  assert.ok(status.bindings.filter((binding) => binding.is_required).every((binding) => binding.is_bound));
  assert.ok(!JSON.stringify(status).includes(t.gw.adminToken));
  assert.ok(status.isolate.memory_bytes > 0);
});

test("a new master key is made and kept nowhere", async () => {
  const [one, two] = [
    await admin("POST", "/system/secret-key/generate"),
    await admin("POST", "/system/secret-key/generate"),
  ];
  assert.equal(Buffer.from(one.master_key, "base64").length, 32);
  assert.notEqual(one.master_key, two.master_key);
  const { entries } = await admin("GET", "/audit");
  assert.ok(!JSON.stringify(entries).includes(one.master_key));
});
