// Proves how the files of the console are served: the page under its policy, hashed files for ever, and nothing from elsewhere.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";

let gw;
before(async () => (gw = await startGateway({ withStaticFiles: true })));
after(() => gw?.stop());

test("the root leads to the console and to the reference", async () => {
  const { status, headers, text } = await gw.call("/");
  assert.equal(status, 200);
  assert.match(headers["content-security-policy"], /^default-src 'none'/);
  assert.match(text, /href="\/console\/"/);
  assert.match(text, /href="\/docs"/);
});

test("the page is under a policy without inline code and with Trusted Types", async () => {
  const { status, headers, text } = await gw.call("/console/");
  assert.equal(status, 200);
  const policy = headers["content-security-policy"];
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]) {
    assert.ok(policy.includes(part), part);
  }
  assert.ok(policy.includes("require-trusted-types-for 'script'; trusted-types 'none'"));
  assert.ok(!/unsafe/.test(policy));
  assert.equal(headers["x-content-type-options"], "nosniff");
  // Neither a script nor a style inside the page.
  assert.ok(!/<style|style=|<script>|\son\w+=/.test(text));
});

test("what it loads has hashed names, is there, and is kept for ever", async () => {
  const { text } = await gw.call("/console/");
  const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
  assert.ok(files.length >= 4);
  for (const file of files) {
    assert.ok(file.startsWith("/console/"), file);
    const { status, headers } = await gw.call(file);
    assert.equal(status, 200, file);
    if (file.includes("/assets/")) assert.match(headers["cache-control"], /immutable/, file);
  }
});
