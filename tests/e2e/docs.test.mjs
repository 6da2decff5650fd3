// Proves that a deployment describes itself: /openapi.json and /docs are there without a key, come from this origin alone,
// and leave every other path to the Worker.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { startGateway } from "../support/gateway.mjs";

let gw;
before(async () => (gw = await startGateway({ withStaticFiles: true })));
after(() => gw?.stop());

test("the description is the one of the code, and readable from any origin", async () => {
  const { status, headers, text } = await gw.call("/openapi.json");
  assert.equal(status, 200);
  assert.match(headers["content-type"], /^application\/json/);
  assert.equal(headers["access-control-allow-origin"], "*");
  // Not `deepEqual`: the difference of two documents of this size takes minutes and gigabytes to show.
  const ofCode = readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8");
  assert.ok(isDeepStrictEqual(JSON.parse(text), JSON.parse(ofCode)), "/openapi.json is not docs/openapi.json");
});

test("the page loads nothing from another origin", async () => {
  const { status, headers, text } = await gw.call("/docs");
  assert.equal(status, 200);
  assert.match(headers["content-type"], /^text\/html/);
  assert.match(headers["content-security-policy"], /^default-src 'none'; script-src 'self';/);
  const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
  assert.ok(loaded.length >= 4);
  for (const url of loaded) {
    assert.ok(url.startsWith("/") && !url.startsWith("//"), url);
    assert.equal((await gw.call(url)).status, 200, url);
  }
});

test("every other path is the Worker’s", async () => {
  assert.equal((await gw.call("/health")).json().status, "ok");
  assert.equal((await gw.call("/v1/models")).status, 401);
  const { status, text } = await gw.call("/vendor/nothing.js");
  assert.equal(status, 404);
  assert.equal(JSON.parse(text).error.code, "not_found");
});
