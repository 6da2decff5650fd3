// Proves that permissions hold for what a request is, however it is written: paths with dots, doubled and encoded slashes and other
// cases, methods that headers claim, hosts and addresses that headers claim, credentials twice, headers that are too large or end too
// early. Sent as bytes, because HTTP libraries tidy such requests.
import assert from "node:assert/strict";
import { suite, test } from "../support/suite.mjs";
import { bearer, rawExchange } from "../support/util.mjs";

const t = suite();
const PASSWORD = "Tr4vel-Lamp";

/** The status and the body of a request that is written as it stands here. */
async function raw(target, { method = "GET", headers = [], body = "" } = {}) {
  const { host } = new URL(t.gw.url);
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(headers.some((line) => /^host:/i.test(line)) ? [] : [`host: ${host}`]),
  ];
  const head = [...lines, "connection: close", `content-length: ${Buffer.byteLength(body)}`, ...headers].join("\r\n");
  const answer = await rawExchange(t.gw.url, `${head}\r\n\r\n${body}`);
  const [top, ...rest] = answer.split("\r\n\r\n");
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(top)?.[1] ?? 0), head: top, text: rest.join("\r\n\r\n") };
}

const SPELLINGS = (path) => {
  const name = path.slice(1);
  return [
    `/${path}`,
    `//${path}`,
    `${path}/`,
    `${path}//`,
    `/.${path}`,
    `/./${name}`,
    `/%2e/${name}`,
    `/x/..${path}`,
    `/x/%2e%2e${path}`,
    `/x/.%2E${path}`,
    `/health/..${path}`,
    `/health/%2e%2e/${name}`,
    `/health%2f..${path}`,
    `/health/..%2f${name}`,
    `/v1/models/..%2f..${path}`,
    `/v1/models/../..${path}`,
    `/v1/v1/../..${path}`,
    `/console/..${path}`,
    `/.well-known/..${path}`,
    `/auth/options/../..${path}`,
    `/%${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
    `/%25${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
    `${path.toUpperCase()}`,
    `${path};x=y`,
    `${path}%00`,
    `${path}%20`,
    `${path}.json`,
    `${path}?`,
    `${path}?%00`,
    `${path}/.`,
    `${path}/x/..`,
    `/\\${name}`,
    `\\${name}`,
    `/x\\..\\${name}`,
    `${t.gw.url}${path}`,
    `http://elsewhere.example${path}`,
  ];
};

test("no spelling of a path opens what it needs a permission for", async () => {
  const { key } = await t.gw.createKey({ permissions: ["view_models"] });
  const plain = await t.gw.createKey();
  let tried = 0;
  for (const path of ["/users", "/providers", "/keys", "/system/status", "/audit", "/scim-clients", "/scim/v2/Users"]) {
    for (const target of SPELLINGS(path)) {
      for (const [who, headers] of [
        ["no credential", []],
        ["a key", [`authorization: Bearer ${plain.key}`]],
        ["a program without the permission", [`authorization: Bearer ${key}`]],
      ]) {
        const { status, text } = await raw(target, { headers });
        assert.ok([400, 401, 403, 404, 405].includes(status), `${target} by ${who}: ${status} ${text.slice(0, 200)}`);
        tried++;
      }
    }
  }
  assert.ok(tried >= 700, `${tried}`);
});

test("an id in a path is one segment, however it is written", async () => {
  const [ada, eve] = await Promise.all(
    ["ada", "eve"].map(async (name) => {
      const email = `${name}@tricks.example`;
      const { body } = await t.gw.admin("POST", "/users", { email, password: PASSWORD, roles: ["user"] });
      const { body: session } = await t.gw.admin("POST", "/auth/login", { email, password: PASSWORD }, { headers: {} });
      return { id: body.id, headers: [`authorization: Bearer ${session.access_token}`] };
    }),
  );
  const [own, other] = await Promise.all([ada, eve].map(({ id }) => t.gw.createKey({ owner: id })));
  assert.equal((await raw(`/keys/${own.id}`, ada)).status, 200);
  for (const target of [
    `/keys/${other.id}`,
    `/keys/${own.id}/../${other.id}`,
    `/keys/${own.id}%2f..%2f${other.id}`,
    `/keys/${own.id}/%2e%2e/${other.id}`,
    `/keys/${own.id}%2F%2E%2E%2F${other.id}`,
    `/keys//${other.id}`,
    `/keys/./${other.id}`,
    `/keys/${own.id},${other.id}`,
    `/keys/${own.id}?id=${other.id}`.replace(own.id, "none"),
    `/keys/%00${other.id}`,
    `/keys/${other.id}%00`,
    `/keys/${own.id}%0d%0ax-injected:%20yes`,
    `/limits/user:${eve.id}`,
    `/limits/user:${ada.id}%2f..%2fuser:${eve.id}`,
    `/teams/${eve.id}`,
  ]) {
    const { status, head, text } = await raw(target, ada);
    assert.ok([400, 404, 405].includes(status), `${target}: ${status} ${text.slice(0, 200)}`);
    assert.ok(!head.includes("x-injected"), target);
  }
});

test("a method is what the request line says", async () => {
  const admin = [`authorization: Bearer ${t.gw.adminToken}`, "content-type: application/json"];
  const { id } = await t.gw.createKey({ name: "stays" });
  for (const header of ["x-http-method-override", "x-http-method", "x-method-override", "_method"]) {
    const answer = await raw(`/keys/${id}?_method=DELETE&method=DELETE`, {
      method: "POST",
      headers: [...admin, `${header}: DELETE`],
      body: '{"_method":"DELETE"}',
    });
    assert.equal(answer.status, 405, `${header}: ${answer.text}`);
  }
  for (const method of ["TRACE", "TRACK", "PROPFIND", "delete", "Get", "PATCH", "FOO"]) {
    const { status } = await raw(`/keys/${id}`, { method, headers: admin });
    assert.ok(status === 0 || (status >= 400 && status < 600 && status !== 500), `${method}: ${status}`);
  }
  assert.equal((await t.gw.admin("GET", `/keys/${id}`)).body.name, "stays");
  const looked = await t.gw.createKey({ permissions: ["view_all_api_keys"] });
  for (const method of ["POST", "PUT", "DELETE"]) {
    const headers = [
      `authorization: Bearer ${looked.key}`,
      "x-http-method-override: GET",
      "content-type: application/json",
    ];
    const { status } = await raw(method === "POST" ? "/keys" : `/keys/${id}`, { method, headers, body: "{}" });
    assert.equal(status, 403, method);
  }
});

test("hosts, paths and addresses that headers claim change nothing", async () => {
  const claims = [
    "x-forwarded-host: evil.example",
    "x-forwarded-proto: https",
    "x-host: evil.example",
    "x-original-url: /health",
    "x-rewrite-url: /health",
    "x-forwarded-prefix: /evil",
    "x-forwarded-server: evil.example",
    "forwarded: for=127.0.0.1;host=evil.example;proto=https",
    "x-real-ip: 203.0.113.7",
    "x-forwarded-for: 203.0.113.7",
    "true-client-ip: 203.0.113.7",
    "x-client-ip: 203.0.113.7",
  ];
  for (const claim of claims) {
    const refused = await raw("/users", { headers: [claim] });
    assert.equal(refused.status, 401, claim);
    const health = await raw("/health", { headers: [claim] });
    assert.ok(health.status === 200 && !(health.head + health.text).includes("evil"), claim);
  }
  const made = await t.gw.admin("POST", "/scim-clients", { name: "hosts" });
  const admin = `authorization: Bearer ${t.gw.adminToken}`;
  const shown = await raw(`/scim-clients/${made.body.id}`, { headers: [admin, ...claims] });
  assert.ok(shown.status === 200 && !shown.text.includes("evil"), shown.text);
  const { key } = await t.gw.createKey({ allowed_ips: ["203.0.113.7"] });
  const models = await raw("/v1/models", { headers: [`authorization: Bearer ${key}`, ...claims] });
  assert.equal(models.status, 403, models.text);
});

test("credentials that come twice are none", async () => {
  const { key } = await t.gw.createKey();
  const good = `authorization: Bearer ${t.gw.adminToken}`;
  for (const headers of [
    [good, "authorization: Bearer wrong"],
    ["authorization: Bearer wrong", good],
    [`authorization: Bearer ${t.gw.adminToken}, Bearer ${t.gw.adminToken}`],
    [`authorization: Bearer ${t.gw.adminToken} x`],
    [`authorization: Basic ${Buffer.from(`x:${t.gw.adminToken}`).toString("base64")}`],
    [`authorization : Bearer ${t.gw.adminToken}`],
    [`x-admin-token: ${t.gw.adminToken}`, "x-admin-token: wrong"],
    [good, "x-admin-token: wrong"],
    [`x-admin-token: ${key}`],
  ]) {
    const { status } = await raw("/users", { headers });
    assert.ok([0, 400, 401].includes(status), `${headers.map((line) => line.split(":")[0])}: ${status}`);
  }
  assert.equal((await raw("/users", { headers: [good] })).status, 200);
});

test("headers that are too large, or are not headers, are no fault of the gateway and leave nothing behind", async () => {
  const long = "a".repeat(100_000);
  for (const headers of [
    [`authorization: Bearer ${long}`],
    [`x-request-id: ${long}`],
    [`cookie: ${Array.from({ length: 500 }, (_, i) => `c${i}=${"x".repeat(50)}`).join("; ")}`],
    Array.from({ length: 1_000 }, (_, i) => `x-h${i}: v`),
    [`x-nexus-key-id: ${long}`],
    ["content-length: 0", "content-length: 5"],
    ["transfer-encoding: chunked, identity"],
    ["x-bad\x00name: x"],
    ["no-colon-here"],
  ]) {
    const { status } = await raw("/users", { headers });
    assert.ok(status === 0 || (status >= 400 && status < 500), `${headers[0].slice(0, 40)}: ${status}`);
  }
  for (const value of ["a%0d%0aset-cookie:x=y", "a\tb", "a b", "ü", "<script>"]) {
    const { head } = await raw("/health", { headers: [`x-request-id: ${value}`] });
    assert.ok(!/^set-cookie/im.test(head) && !head.includes("<script>"), value);
  }
  assert.equal((await t.gw.call("/health", { headers: bearer("x") })).status, 200);
});
