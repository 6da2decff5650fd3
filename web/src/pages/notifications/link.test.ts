import assert from "node:assert/strict";
import { test } from "node:test";
import { targetOf } from "./link.ts";

test("links of the gateway lead to the pages of the things that they name", () => {
  assert.deepEqual(targetOf("/providers/submissions/01A"), { kind: "page", to: "/submissions/01A", search: {} });
  assert.deepEqual(targetOf("/alerts/7"), { kind: "page", to: "/alerts", search: { open: "7" } });
  assert.deepEqual(targetOf("/probe-tasks/01B"), { kind: "page", to: "/probes/01B", search: {} });
});

test("a page of the console keeps its query, with or without its base", () => {
  const usage = { kind: "page", to: "/usage", search: { range: "7d" } };
  assert.deepEqual(targetOf("/usage?range=7d"), usage);
  assert.deepEqual(targetOf("/console/usage?range=7d"), usage);
});

test("what leads elsewhere is only an address of the web", () => {
  assert.deepEqual(targetOf("https://status.example/x"), { kind: "away", href: "https://status.example/x" });
  for (const link of [
    null,
    "",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://",
  ])
    assert.equal(targetOf(link), null, String(link));
});
