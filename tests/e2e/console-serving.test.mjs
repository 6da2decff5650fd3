// Proves how the console is served: its page for every address within it, with the security headers of the page, and a missing
// file as an error that is not cached.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";

const FOLDER = new URL("../../public/console/", import.meta.url);
const PAGE = new URL("index.html", FOLDER);

let gw;
let isOurs = false;
before(async () => {
  // A checkout in which only the Worker was built.
  if (!existsSync(PAGE)) {
    isOurs = true;
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(PAGE, "<!doctype html><title>Nexus Edge</title>");
  }
  gw = await startGateway({ withStaticFiles: true });
});
after(async () => {
  await gw?.stop();
  if (isOurs) rmSync(FOLDER, { recursive: true });
});

test("every address of the console is its page, and never cached as something else", async () => {
  const page = (await gw.call("/console/")).text;
  assert.match(page, /^<!doctype html>/i);
  for (const target of [
    "/console/keys",
    "/console/models/gpt-4.1",
    "/console/requests/req_1?tab=raw",
    "/console/keys/",
  ]) {
    const { status, headers, text } = await gw.call(target);
    assert.equal(status, 200, target);
    assert.equal(text, page, target);
    assert.match(headers["content-type"], /^text\/html/);
    assert.ok(!/immutable|max-age=[1-9]\d{3}/.test(headers["cache-control"] ?? ""), headers["cache-control"]);
    assert.ok(headers["x-request-id"]);
  }
});

test("addresses within the console have the headers of its page", async () => {
  const names = ["content-security-policy", "x-content-type-options", "referrer-policy"];
  const of = async (target) => (await gw.call(target)).headers;
  const [direct, within] = [await of("/console/"), await of("/console/keys/1")];
  for (const name of names) assert.equal(within[name], direct[name], name);
});

test("a missing file is an error that is not remembered", async () => {
  const { status, headers, text } = await gw.call("/console/assets/index-0a1b2c3d.js");
  assert.equal(status, 404);
  assert.equal(JSON.parse(text).error.code, "not_found");
  assert.equal(headers["cache-control"], "no-store");
});

test("the session of the console is the Worker’s", async () => {
  const { status, headers, text } = await gw.call("/console/session");
  assert.deepEqual([status, JSON.parse(text).kind, headers["cache-control"]], [200, null, "no-store"]);
});
