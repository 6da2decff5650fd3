// Proves that no secret leaks: after everything that handles secrets was used, with upstreams that echo them where
// they can, none is found in any answer, any log line, or any store of the Worker.
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, delta, chunk, event, everyByte, refusedPort, streamEvents } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite();

const SERVER_KEY = "sk-upstream-Qm7ZxVb2LwT9RkPd4HsN8cFy";
const NEXT_SERVER_KEY = "sk-upstream-Xc3VnB6mKj1LpO0iUy7TrEw5";
const HEADER_SECRET = "hdr-Jd83hsYw02mXz71LqPa94TbV";
const PERSONAL_KEY = "personal-Wq55nHt61XcZk0Rv83UyB";

// A secret is also found where it was base64 or hex encoded, or escaped for a URL.
function spellings(secret) {
  const found = [secret, encodeURIComponent(secret), Buffer.from(secret).toString("hex")];
  for (const lead of ["", "_", "__"]) {
    // Base64 depends on where in a longer text the secret begins; the two characters at each end depend on its neighbours.
    const encoded = Buffer.from(lead + secret)
      .toString("base64")
      .replace(/=+$/, "")
      .slice(lead.length === 0 ? 0 : 4, -2);
    found.push(encoded, encoded.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return [...new Set(found)];
}

test("the search finds what it should", () => {
  for (const lead of ["", "a", "ab", "abc"]) {
    const text = Buffer.from(`${lead}${SERVER_KEY} and more`).toString("base64");
    assert.ok(
      spellings(SERVER_KEY).some((spelling) => text.includes(spelling)),
      lead,
    );
  }
});

test(
  "no secret in any answer, log line or store",
  async () => {
    const { gw, up } = t;
    const admin = (...args) => gw.admin(...args);
    const secrets = {
      SERVER_KEY,
      NEXT_SERVER_KEY,
      HEADER_SECRET,
      PERSONAL_KEY,
      "the admin token": gw.adminToken,
      "the master key": gw.masterKey,
    };

    const made = await gw.createProvider({
      name: "secretive",
      server_url: `${up.url}/v1`,
      server_key: SERVER_KEY,
      personalized_key: PERSONAL_KEY,
      headers: { "x-secret-token": HEADER_SECRET, "x-plain": "plain" },
      first_byte_timeout_ms: 500,
    });
    assert.equal(made.server_key, "sk-…8cFy".replace("8cFy", SERVER_KEY.slice(-4)));
    const issued = await admin("POST", "/keys", { name: "secretive" });
    const { key } = issued.body;
    // The only answer that has to contain it.
    gw.answers.splice(
      gw.answers.findIndex(({ text }) => text.includes(key)),
      1,
    );
    secrets["an issued key"] = key.split("-").slice(3).join("-");

    const echo = (x) =>
      JSON.stringify({
        error: {
          message: `Incorrect API key provided: ${x.headers.authorization}; token ${x.headers["x-secret-token"]}`,
          type: "x",
          param: null,
          code: "invalid_api_key",
        },
      });
    const behaviours = {
      good: (x) =>
        x.reply(200, completion("good", "ok"), {
          "x-debug": x.headers.authorization,
          "x-ratelimit-limit-requests": "5",
        }),
      "good-stream": (x) => x.stream(streamEvents("good-stream", ["a", "b"])),
      "echo-401": (x) => x.reply(401, echo(x)),
      "echo-500-text": (x) =>
        x.reply(500, `<pre>${x.headers.authorization} ${x.headers["x-secret-token"]}</pre>`, {
          "content-type": "text/html",
        }),
      "echo-twice": (x) => x.reply(400, echo(x) + echo(x)),
      "echo-bytes": async (x) => {
        x.head(403, { "content-type": "application/json" });
        for (const piece of everyByte(Buffer.from(echo(x)))) await x.write(piece);
        x.end();
      },
      "echo-gzip": (x) => {
        x.head(401, { "content-type": "application/json", "content-encoding": "gzip" });
        x.end(gzipSync(echo(x)));
      },
      "echo-header": (x) =>
        x.reply(429, echo(x), {
          "retry-after": "1",
          "www-authenticate": x.headers.authorization,
          "x-key": x.headers.authorization.slice("Bearer ".length),
        }),
      "echo-no-json": (x) => x.reply(200, `not JSON: ${x.headers.authorization}`, { "content-type": "text/plain" }),
      broken: async (x) => {
        x.sse();
        await x.write(event(chunk("broken", delta({ content: "a" }))));
        x.cut();
      },
      mute: (x) => x.hang(),
    };
    for (const [name, behaviour] of Object.entries(behaviours))
      await t.model(`secret-${name}`, behaviour, { provider_id: made.id });
    const models = Object.keys(behaviours).map((name) => `secret-${name}`);

    const exercise = async () => {
      for (const model of models) {
        for (const stream of [false, true]) {
          for (const caller of [key, PERSONAL_KEY]) await gw.complete(caller, ask(model, { stream }));
        }
      }
    };
    await exercise();
    assert.equal(up.last("secret-good").headers.authorization, `Bearer ${SERVER_KEY}`);
    assert.equal(up.last("secret-good").headers["x-secret-token"], HEADER_SECRET);

    // Masked, not dropped: the rest of the upstream's message is still there.
    const masked = await gw.complete(key, ask("secret-echo-401"));
    assert.equal(masked.status, 401);
    assert.match(errorOf(masked.text).message, /^Incorrect API key provided: /);

    for (const target of [
      "/providers",
      `/providers/${made.id}`,
      "/providers/available",
      `/providers/${made.id}/models`,
      "/provider_models",
      "/keys",
      `/keys/${issued.body.id}`,
      "/stats/total",
      "/stats/requests?limit=500",
    ]) {
      assert.equal((await admin("GET", target)).status, 200, target);
    }
    await gw.call("/v1/models", { headers: bearer(key) });
    await gw.call("/v1/models", { headers: bearer(PERSONAL_KEY) });

    // Refused input must not be quoted back.
    const refused = [
      [
        "POST",
        "/providers",
        { name: "x", server_url: "http://127.0.0.1/", server_key: `${SERVER_KEY}\r\n${SERVER_KEY}` },
      ],
      [
        "POST",
        "/providers",
        { name: "x", server_url: "http://127.0.0.1/", personalized_key: `${PERSONAL_KEY} ${PERSONAL_KEY}` },
      ],
      [
        "POST",
        "/providers",
        {
          name: "x",
          server_url: "http://127.0.0.1/",
          headers: { "x-secret-token": `${HEADER_SECRET}\n${HEADER_SECRET}` },
        },
      ],
      ["POST", "/providers", { name: "x", server_url: "http://127.0.0.1/", serverkey: SERVER_KEY }],
      [
        "POST",
        "/providers",
        { name: "secretive", server_url: "http://127.0.0.1/", server_key: SERVER_KEY, personalized_key: PERSONAL_KEY },
      ],
      ["POST", "/providers", `{"server_key":"${SERVER_KEY}"`],
      ["PUT", `/providers/${made.id}`, { server_key: [SERVER_KEY] }],
      ["PUT", "/providers/987654", { server_key: SERVER_KEY }],
    ];
    for (const [method, target, body] of refused) assert.ok((await admin(method, target, body)).status >= 400);
    for (const headers of [
      bearer(`${key}x`),
      bearer(SERVER_KEY),
      { "x-api-key": `${PERSONAL_KEY}x` },
      bearer(gw.adminToken),
    ]) {
      assert.equal((await gw.complete(undefined, ask("secret-good"), { headers })).status, 401);
    }
    assert.equal((await admin("GET", "/providers", undefined, { headers: bearer(`${gw.adminToken}x`) })).status, 401);

    // A new key and an unreachable address, then all of it again.
    await admin("PUT", `/providers/${made.id}`, { server_key: NEXT_SERVER_KEY, description: "rotated" });
    await exercise();
    assert.equal(up.last("secret-good").headers.authorization, `Bearer ${NEXT_SERVER_KEY}`);
    await admin("PUT", `/providers/${made.id}`, { server_url: `http://127.0.0.1:${await refusedPort()}/` });
    await exercise();
    await gw.scheduled();

    // All data for the database must have arrived before it is searched.
    const marker = await gw.complete(key, ask("demo/echo"));
    await gw.row(marker.headers["x-request-id"]);
    const places = [
      ...gw.answers.flatMap(({ target, status, headers, text }) => [
        { place: `answer ${status} of ${target}`, text },
        { place: `headers of answer ${status} of ${target}`, text: JSON.stringify(headers) },
      ]),
      ...gw.logs().map(({ level, message }) => ({ place: `log (${level})`, text: message })),
      ...(await gw.dump()),
    ];
    assert.ok(
      places.some(({ place }) => place === "D1 providers") && places.some(({ place }) => place === "D1 request_log"),
    );
    // One line for each kind of place, regardless of the number of answers.
    const leaks = new Map();
    for (const [name, secret] of Object.entries(secrets)) {
      for (const spelling of spellings(secret)) {
        for (const { place, text } of places) {
          const at = text.indexOf(spelling);
          if (at >= 0) leaks.set(`${name} in ${place}`, text.slice(Math.max(0, at - 60), at + 80));
        }
      }
    }
    assert.deepEqual(Object.fromEntries(leaks), {});
  },
  { timeout: 120_000 },
);

test("equal keys are stored differently, so that a copy of the database does not tell who shares one", async () => {
  const [a, b] = await Promise.all(
    ["twin-a", "twin-b"].map((name) =>
      t.gw.createProvider({ name, server_url: "http://127.0.0.1/", server_key: SERVER_KEY }),
    ),
  );
  const rows = await eventually(async () => {
    const found = await t.gw.db("SELECT * FROM providers WHERE id IN (?, ?)", a.id, b.id);
    return found.length === 2 && found;
  });
  const sealed = rows.map((row) =>
    Object.entries(row)
      .filter(([column]) => /key/.test(column) && !/id|personal/.test(column))
      .map(([, value]) => JSON.stringify(value))
      .join(),
  );
  assert.ok(sealed[0].length > 20, "no sealed column was found");
  assert.notEqual(sealed[0], sealed[1]);
});
