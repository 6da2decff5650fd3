// Log lines: JSON objects with a level and the id of their request, also from background work; and personal data, which is
// replaced in them and in the archive and nowhere else.
import assert from "node:assert/strict";
import { suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite({
  vars: { LOG_LEVEL: "debug", REDACT_PII: "all", PII_PATTERNS: "customer=C-######" },
  setUp: () =>
    t.model("parrot", (x) => x.reply(200, completion("parrot", `You said: ${x.json().messages.at(-1).content}`))),
});

/** The lines that the gateway wrote, which are all JSON objects. */
const lines = () => t.gw.logs().map(({ message }) => JSON.parse(message));
const line = (fits, what) => eventually(() => lines().find(fits), { what });

test("every line is an object, and says to which request it belongs", async () => {
  const answer = await t.complete(
    { model: "parrot", messages: [{ role: "user", content: "hi" }] },
    { headers: { "x-request-id": "req-of-mine" } },
  );
  assert.equal(answer.status, 200, answer.text);
  const { ts, level, event, detail } = await line(
    ({ request_id }) => request_id === "req-of-mine",
    "the line of a request",
  );
  assert.deepEqual([level, event], ["debug", "request"]);
  assert.match(detail, /^POST \/v1\/chat\/completions 200 \d+ ms$/);
  assert.ok(Math.abs(ts - Date.now()) < 60_000);
});

test("two requests at once keep their ids apart", async () => {
  await t.gw.createProvider({ name: "nowhere", server_url: "http://127.0.0.1:1/v1", server_key: "sk-nowhere-000001" });
  const { providers } = (await t.gw.admin("GET", "/providers")).body;
  const { id } = providers.find(({ name }) => name === "nowhere");
  await t.gw.createModel({ provider_id: id, model_name: "nowhere-model" });
  const ids = Array.from({ length: 6 }, (_, n) => `concurrent-${n}`);
  await Promise.all(
    ids.map((request, n) =>
      t.complete(
        { model: n % 2 ? "nowhere-model" : "parrot", messages: [{ role: "user", content: "hi" }] },
        { headers: { "x-request-id": request } },
      ),
    ),
  );
  await eventually(() =>
    ids.every((id) => lines().some(({ request_id, event }) => request_id === id && event === "request")),
  );
  const unreachable = lines().filter(({ event }) => event === "upstream unreachable");
  assert.ok(unreachable.length >= 3);
  assert.ok(
    unreachable.every(({ request_id, level }) => level === "error" && Number(request_id.at(-1)) % 2 === 1),
    JSON.stringify(unreachable),
  );
});

test("the caller's path is logged without personal data", async () => {
  await t.gw.call("/v1/models/ada@example.com", { headers: bearer(t.key) });
  await line(({ detail }) => detail?.includes("/v1/models/[email]"), "the line");
  assert.ok(!t.gw.logs().some(({ message }) => message.includes("ada@example.com")));
});

test("the archive has placeholders; the model and the caller get what was said", async () => {
  const said = "I am ada@example.com, card 4111 1111 1111 1111, customer C-123456.";
  const conversation = "personal-data";
  const answer = await t.complete(
    { model: "parrot", messages: [{ role: "user", content: said }] },
    { headers: { "x-session-id": conversation } },
  );
  assert.equal(t.up.last("parrot").json().messages[0].content, said);
  assert.ok(answer.json().choices[0].message.content.includes(said));
  await t.gw.row(answer.headers["x-request-id"]);
  const cleaned = "I am [email], card [card], customer [customer].";
  const everything = await eventually(async () => {
    const parts = await t.gw.dump();
    return parts.some(({ text }) => text?.includes("[customer]")) && parts;
  });
  assert.ok(
    everything.some(({ text }) => text?.includes(cleaned)),
    "the texts are archived",
  );
  for (const { place, text } of everything)
    for (const needle of ["ada@example.com", "4111 1111", "C-123456"])
      assert.ok(!text?.includes(needle), `${needle} in ${place}`);
});
