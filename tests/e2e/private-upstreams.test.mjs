// Proves that the gateway gives no access to a private network by default: without ALLOW_PRIVATE_UPSTREAMS a private
// address is refused in every spelling, and public ones are not.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { errorOf, test } from "../support/suite.mjs";

let gw;
before(async () => (gw = await startGateway({ vars: { ALLOW_PRIVATE_UPSTREAMS: undefined } })), { timeout: 120_000 });
after(() => gw?.stop());

const PRIVATE = [
  "http://127.0.0.1/",
  "http://127.0.0.1:8080/v1",
  "http://127.1/",
  "http://2130706433/",
  "http://0x7f000001/",
  "http://0177.0.0.1/",
  "http://localhost/",
  "http://LOCALHOST:3000/",
  "http://localhost./",
  "http://app.localhost/",
  "http://0.0.0.0/",
  "http://10.0.0.1/",
  "http://172.16.5.4/",
  "http://172.31.255.255/",
  "http://192.168.1.1/",
  "http://169.254.169.254/latest/meta-data/",
  "http://100.64.0.1/",
  "http://[::1]/",
  "http://[::]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:7f00:1]/",
  "http://[fe80::1]/",
  "http://[fd12:3456::1]/",
  "http://metadata.internal/",
];
const PUBLIC = [
  "https://api.openai.example/v1",
  "https://8.8.8.8/",
  "https://172.32.0.1/",
  "https://[2606:4700::1111]/",
  "https://example.com/deep/path/?x=1#",
];

test("private addresses are refused, new or changed", async () => {
  const { id } = await gw.createProvider({ name: "public", server_url: "https://api.openai.example/" });
  for (const server_url of PRIVATE) {
    for (const answer of [
      await gw.admin("POST", "/providers", { name: "private", server_url }),
      await gw.admin("PUT", `/providers/${id}`, { server_url }),
    ]) {
      assert.equal(answer.status, 400, `${server_url}: ${answer.text}`);
      const error = errorOf(answer.text);
      assert.deepEqual([error.code, error.param], ["invalid_value", "server_url"], server_url);
    }
  }
  assert.equal((await gw.admin("GET", `/providers/${id}`)).body.server_url, "https://api.openai.example/");
});

test("public addresses are not", async () => {
  for (const [index, server_url] of PUBLIC.entries()) {
    const { status, body } = await gw.admin("POST", "/providers", { name: `public-${index}`, server_url });
    assert.equal(status, 201, `${server_url}: ${JSON.stringify(body)}`);
    assert.equal(body.server_url, server_url);
  }
});
