// What keeps the gateway from being turned against its operator: addresses that users enter, redirects, circles, headers of
// answers, bodies with more than is known, names that are markup.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ask, errorOf, suite, test, UPSTREAM_KEY } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { startGateway } from "../support/gateway.mjs";
import { startUpstream } from "../support/upstream.mjs";

const t = suite();

const ESCAPES = { "\\r": "\r", "\\n": "\n", "\\t": "\t", "\\\\": "\\" };
const CASES = readFileSync(new URL("../../crates/core/tests/ssrf/cases.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line && !line.startsWith("#"))
  .map((line) => {
    const [word, address] = [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)];
    return [word, address.replace(/\\[rnt\\]/g, (written) => ESCAPES[written])];
  });

test(
  "every address of the table is refused or taken in every field that takes one",
  async () => {
    assert.ok(CASES.length >= 100);
    const gw = await startGateway({ vars: { ALLOW_PRIVATE_UPSTREAMS: "false" } });
    try {
      const fields = [
        ["/providers", "server_url", (n) => ({ name: `p${n}` })],
        ["/webhooks", "url", (n) => ({ name: `w${n}` })],
        ["/guards", "url", (n) => ({ name: `g${n}`, kind: "webhook" })],
      ];
      for (const [path, field, others] of fields)
        for (const [n, [word, address]] of CASES.entries()) {
          const answer = await gw.admin("POST", path, { ...others(n), [field]: address });
          if (word === "refused")
            assert.deepEqual(
              [answer.status, answer.body.error?.param],
              [400, field],
              `${path} ${address}: ${answer.text}`,
            );
          else {
            assert.equal(answer.status, 201, `${path} ${address}: ${answer.text}`);
            const changed = await gw.admin("PUT", `${path}/${answer.body.id}`, { [field]: "http://127.0.0.1/" });
            assert.deepEqual([changed.status, changed.body.error?.param], [400, field], `${path}/{id}`);
            await gw.admin("DELETE", `${path}/${answer.body.id}`);
          }
        }
    } finally {
      await gw.stop();
    }
  },
  { timeout: 300_000 },
);

test(
  "services that users sign in with, mail and the collector have no address of the table",
  async () => {
    const gw = await startGateway({ vars: { ALLOW_PRIVATE_UPSTREAMS: "false" } });
    try {
      const oidc = { kind: "oidc", client_id: "c", client_secret: "s" };
      const at = (path) => `https://id.example/${path}`;
      const endpoints = { authorization_endpoint: at("a"), token_endpoint: at("t"), user_endpoint: at("u") };
      const oauth2 = { kind: "oauth2", issuer: "x", client_id: "c", client_secret: "s", ...endpoints };
      for (const [n, [word, address]] of CASES.entries())
        for (const [field, others] of [
          ["issuer", oidc],
          ["authorization_endpoint", oauth2],
          ["token_endpoint", oauth2],
          ["user_endpoint", oauth2],
          ["emails_endpoint", oauth2],
        ]) {
          const id = `s${n}-${field.slice(0, 2)}`;
          const answer = await gw.admin("POST", "/identity-providers", { id, ...others, [field]: address });
          const expected = word === "refused" ? 400 : 201;
          assert.equal(answer.status, expected, `${field} ${JSON.stringify(address)}: ${answer.text}`);
          if (word === "refused") assert.equal(answer.body.error.param, field, answer.text);
          else await gw.admin("DELETE", `/identity-providers/${id}`);
        }
    } finally {
      await gw.stop();
    }
    const received = await startUpstream();
    const vars = {
      ALLOW_PRIVATE_UPSTREAMS: "false",
      OTLP_ENDPOINT: received.url,
      MAIL_WEBHOOK: `${received.url}/mail`,
      MAIL_WEBHOOK_SECRET: "a-secret-of-sixteen-letters",
    };
    const closed = await startGateway({ vars });
    try {
      const { complaints } = (await closed.admin("GET", "/system/status")).body;
      for (const name of ["OTLP_ENDPOINT", "MAIL_WEBHOOK"])
        assert.ok(
          complaints.some((complaint) => complaint.startsWith(name)),
          JSON.stringify(complaints),
        );
      await closed.admin("POST", "/auth/password/forgot", { email: "ada@example.org" });
      const { key } = await closed.createKey();
      await closed.complete(key, ask("demo/echo"));
      await closed.admin("GET", "/health");
      assert.equal(received.exchanges.length, 0, "nothing was sent there");
    } finally {
      await closed.stop();
      await received.stop();
    }
  },
  { timeout: 400_000 },
);

test("a redirect is never followed, and takes no key anywhere", async () => {
  const other = await startUpstream();
  other.otherwise((x) => x.reply(200, completion("m", "stolen")));
  try {
    for (const status of [301, 302, 303, 307, 308]) {
      await t.model(`moved-${status}`, (x) => {
        x.head(status, { location: `${other.url}/v1/chat/completions` });
        x.end();
      });
      const answer = await t.complete(ask(`moved-${status}`));
      assert.equal(answer.status, 502, answer.text);
      assert.ok(!answer.text.includes(UPSTREAM_KEY) && !answer.headers.location);
    }
    assert.equal(other.exchanges.length, 0);
  } finally {
    await other.stop();
  }
});

test("the gateway is no upstream of its own", async () => {
  for (const [path, field, others] of [
    ["/providers", "server_url", { name: "own" }],
    ["/webhooks", "url", { name: "own" }],
    ["/guards", "url", { name: "own", kind: "webhook" }],
  ]) {
    const answer = await t.gw.admin("POST", path, { ...others, [field]: `${t.gw.url}/v1` });
    assert.deepEqual([answer.status, answer.body.error.param], [400, field], answer.text);
  }
  // By another name it is one until a request comes back.
  const { port } = new URL(t.gw.url);
  const provider = await t.gw.createProvider({
    name: "circle",
    server_url: `http://localhost:${port}/v1`,
    server_key: t.key,
  });
  await t.gw.createModel({ provider_id: provider.id, model_name: "circle" });
  const answer = await t.complete(ask("circle"));
  assert.ok(answer.status >= 500, answer.text);
  const rows = await t.gw.db("SELECT COUNT(*) AS count FROM request_log WHERE model = 'circle'");
  assert.ok(rows[0].count <= 1, "it went round once");
  const hop = t.up.exchanges.find((x) => x.headers["x-nexus-hops"])?.headers["x-nexus-hops"];
  assert.match(hop, /^[0-9a-f]{16}$/);
  const refused = await t.complete(ask("circle"), { headers: { "x-nexus-hops": `aa, ${hop}` } });
  assert.deepEqual([refused.status, errorOf(refused.text).code], [508, "request_loop"]);
});

test("every answer says that it is what it is", async () => {
  await t.model("plain", (x) => x.reply(200, completion("plain", "hello")));
  const answers = [
    await t.complete(ask("plain")),
    await t.complete(ask("nothing")),
    await t.gw.call("/health"),
    await t.gw.call("/nowhere"),
    await t.gw.call("/providers", { headers: {} }),
    await t.gw.admin("GET", "/providers"),
    await t.gw.admin("PATCH", "/providers"),
  ];
  for (const { status, headers } of answers) {
    assert.equal(headers["x-content-type-options"], "nosniff", `${status}`);
    assert.equal(headers["x-frame-options"], "DENY");
    assert.match(headers["content-security-policy"], /default-src 'none'/);
    assert.match(headers["content-type"], /^application\/json/);
  }
  assert.equal(answers[5].headers["cache-control"], "no-store");
});

test("pages of other origins read what callers get, and nothing of the admin API", async () => {
  const origin = { origin: "https://evil.example" };
  const preflight = {
    ...origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization",
  };
  const caller = await t.gw.call("/v1/chat/completions", { method: "OPTIONS", headers: preflight });
  assert.equal(caller.headers["access-control-allow-origin"], "*");
  for (const path of ["/providers", "/keys", "/users", "/guards", "/audit", "/system/status"]) {
    for (const options of [{ method: "OPTIONS", headers: preflight }, { headers: origin }]) {
      const { headers } = await t.gw.call(path, options);
      const allowed = Object.keys(headers).filter((name) => name.startsWith("access-control-"));
      assert.deepEqual(allowed, [], `${options.method} ${path}`);
    }
  }
});

test("what a body may not say is refused, by name", async () => {
  for (const [path, body] of [
    ["/providers", { name: "x", server_url: "https://a.example/v1" }],
    ["/keys", { name: "x" }],
    ["/webhooks", { name: "x", url: "https://a.example/" }],
    ["/guards", { name: "x", words: ["x"] }],
    ["/users", { email: "x@example.com" }],
    ["/logical-models", { name: "x" }],
    ["/alerts/rules", { name: "x" }],
  ])
    for (const field of ["id", "created_at", "key_hash", "server_key_sealed", "is_admin", "__proto__"]) {
      const text = JSON.stringify(body).replace(/\}$/, `,${JSON.stringify(field)}:1}`);
      const answer = await t.gw.admin("POST", path, text);
      assert.deepEqual([answer.status, answer.body.error?.param], [400, field], `${path}: ${answer.text}`);
    }
  const deep = `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`;
  for (const path of ["/providers", "/keys", "/guards", "/users", "/auth/login", "/scim-clients"]) {
    const answer = await t.gw.admin("POST", path, deep);
    assert.equal(answer.status, 400, answer.text);
    const large = await t.gw.admin("POST", path, { name: "x".repeat(1_100_000) });
    assert.deepEqual([large.status, large.body.error?.code], [413, "request_too_large"], path);
    const many = await t.gw.admin(
      "POST",
      path,
      JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`f${i}`, 1]))),
    );
    assert.equal(many.status, 400, many.text);
  }
});

test("markup in names stays text", async () => {
  const name = `<script>alert(1)<script>"'><img src=x onerror=alert(1)>`;
  const provider = await t.gw.createProvider({ name, server_url: `${t.up.url}/v1` });
  const key = await t.gw.createKey({ name });
  const webhook = await t.gw.admin("POST", "/webhooks", { name, url: `${t.up.url}/hook` });
  const answers = [
    await t.gw.admin("GET", `/providers/${provider.id}`),
    await t.gw.admin("GET", "/keys"),
    await t.gw.admin("GET", `/webhooks/${webhook.body.id}`),
    await t.complete(ask(name)),
    await t.gw.call(`/${encodeURIComponent(name)}`),
  ];
  for (const { status, headers, text } of answers) {
    assert.match(headers["content-type"], /^application\/json/, text);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.ok(status === 200 || !text.includes("<img") || JSON.parse(text), text);
  }
  await t.gw.admin("DELETE", `/keys/${key.id}`);
});
