// Personal data in what is archived, exported and answered as an error: replaced where the deployment says so, and where an API key
// says so of its own requests; never in what a model is sent and answers.
import assert from "node:assert/strict";
import { errorOf, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const MAIL = "ada@example.com";
const keys = {};

const t = suite({
  setUp: async () => {
    await t.model("parrot", (x) => x.reply(200, completion("parrot", x.json().messages.at(-1).content)));
    await t.model("refuses", (x) =>
      x.reply(400, {
        error: { message: `${MAIL} is blocked until 1795200203000`, type: "x", code: 1_795_200_203_000 },
      }),
    );
    for (const redact_pii of ["inherit", "on", "off"]) {
      keys[redact_pii] = await t.gw.createKey({ name: redact_pii, owner: `${redact_pii}@example.com`, redact_pii });
      const answer = await t.gw.complete(
        keys[redact_pii].key,
        { model: "parrot", messages: [{ role: "user", content: `I am ${MAIL}.` }] },
        { headers: { "x-title": MAIL, "x-session-id": `of-${redact_pii}` } },
      );
      assert.equal(answer.json().choices[0].message.content, `I am ${MAIL}.`);
      await t.gw.row(answer.headers["x-request-id"]);
    }
  },
});

const config = (settings) => t.gw.admin("PUT", "/system/config", { settings });

async function rows(path, options = { headers: bearer(t.gw.adminToken) }) {
  const answer = await t.gw.call(path, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.text
    .trimEnd()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** What is said of each key's rows, by what the key says of personal data. */
async function exported() {
  const told = {};
  const requests = await rows("/export/requests");
  const messages = await eventually(
    async () => {
      const found = await rows("/export/conversations");
      return found.length >= 6 && found;
    },
    { what: "the archive" },
  );
  for (const [mode, { id }] of Object.entries(keys)) {
    const { app, owner } = requests.find(({ key_id }) => key_id === id);
    const said = messages.filter(({ key_id }) => key_id === id).map(({ content, title }) => [content, title]);
    told[mode] = [app, owner, ...new Set(said.flat())];
  }
  return told;
}

const clear = (mode) => [MAIL, `${mode}@example.com`, `I am ${MAIL}.`];
const CLEANED = ["[email]", "[email]", "I am [email]."];

test("a key has placeholders in archive and exports though the deployment has none", async () => {
  const archived = async (mode) => {
    const { body } = await t.gw.admin("GET", `/stats/conversation/of-${mode}`);
    return body.messages.map(({ content }) => content);
  };
  const said = `I am ${MAIL}.`;
  assert.deepEqual(await exported(), { inherit: clear("inherit"), on: CLEANED, off: clear("off") });
  assert.deepEqual(await archived("inherit"), [said, said]);
  assert.deepEqual(await archived("on"), ["I am [email].", "I am [email]."]);
  const { body } = await t.gw.admin("GET", "/requests?limit=50");
  assert.ok(
    body.requests.every(({ app }) => app === MAIL),
    "the log itself is as it was",
  );
});

test("exports have placeholders where the deployment says so, except those of a key that says otherwise", async () => {
  assert.equal((await config({ REDACT_PII: "exports" })).status, 200);
  assert.deepEqual(await exported(), { inherit: CLEANED, on: CLEANED, off: clear("off") });
  const own = await rows("/v1/export/requests", { headers: bearer(keys.inherit.key) });
  assert.deepEqual([own.length, own[0].app, own[0].owner], [1, "[email]", "[email]"]);
  const csv = await t.gw.call("/export/requests?format=csv", { headers: bearer(t.gw.adminToken) });
  assert.equal(csv.text.split("[email]").length - 1, 4);
  // Those that are made in steps as well.
  const made = await t.gw.admin("POST", "/exports", { kind: "requests", format: "ndjson" });
  assert.equal(made.status, 202, made.text);
  const { download } = await eventually(
    async () => {
      await t.gw.scheduled();
      const { body } = await t.gw.admin("GET", `/exports/${made.body.id}`);
      return body.state === "done" && body;
    },
    { within: 30_000, what: "the export" },
  );
  const file = await rows(download, {});
  assert.deepEqual(file.map(({ app }) => app).sort(), ["[email]", "[email]", MAIL]);
});

test("errors have placeholders where the deployment or the key says so", async () => {
  const error = async (mode, model) => {
    const answer = await t.gw.complete(keys[mode].key, { model, messages: [{ role: "user", content: "hi" }] });
    return [answer.status, answer.json().error];
  };
  const of = async (mode) => {
    const [refused, { message, code }] = await error(mode, "refuses");
    const [missing, own] = await error(mode, MAIL);
    assert.deepEqual([refused, missing, code, own.code], [400, 404, 1_795_200_203_000, "model_not_found"]);
    assert.match(message, / is blocked until 1795200203000$/, "a time is no telephone number");
    return [message, own.message].map((text) => [text.includes(MAIL), text.includes("[email]")]);
  };
  const isClear = [
    [true, false],
    [true, false],
  ];
  const isCleaned = [
    [false, true],
    [false, true],
  ];
  assert.deepEqual(await of("inherit"), isClear);
  assert.deepEqual(await of("on"), isCleaned);
  assert.equal((await config({ REDACT_PII: "logs, errors" })).status, 200);
  assert.deepEqual(await of("inherit"), isCleaned);
  assert.deepEqual(await of("off"), isClear);
});

test("places that there are not are refused, and holders of keys only say `on`", async () => {
  const refused = await config({ REDACT_PII: "logs,nowhere" });
  assert.deepEqual([refused.status, errorOf(refused.text).param], [400, "settings.REDACT_PII"]);
  const holder = await t.gw.createKey({ name: "holder", owner: "eve", permissions: ["manage_own_api_keys"] });
  const own = await t.gw.createKey({ name: "own", owner: "eve" });
  const change = (redact_pii, token) =>
    t.gw.call(`/keys/${own.id}`, {
      method: "PUT",
      headers: { ...bearer(token), "content-type": "application/json" },
      body: JSON.stringify({ redact_pii }),
    });
  const off = await change("off", holder.key);
  assert.deepEqual([off.status, errorOf(off.text).param], [403, "redact_pii"], off.text);
  const on = await change("on", holder.key);
  assert.deepEqual([on.status, on.json().redact_pii], [200, "on"], on.text);
  assert.equal((await change("inherit", holder.key)).status, 403);
  assert.equal((await change("inherit", t.gw.adminToken)).json().redact_pii, "inherit");
});
