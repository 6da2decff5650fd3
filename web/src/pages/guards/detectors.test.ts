import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DETECTORS, actions, marked } from "./detectors.ts";

test("the numbers are those of the documentation", () => {
  const text = readFileSync(new URL("../../../../docs/guards.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \|(?: \d+ \|){3} (\d+) % \| (\d+) % \|$/gm)];
  const documented = Object.fromEntries(rows.map(([, name, ...shares]) => [name, shares.map(Number)]));
  assert.deepEqual(
    documented,
    Object.fromEntries(DETECTORS.map(({ name, precision, recall }) => [name, [precision, recall]])),
  );
});

test("placeholders are told from what is between them", () => {
  assert.deepEqual(marked("to [email_3f2a9c], [x] and [card]"), [
    { text: "to ", isMask: false },
    { text: "[email_3f2a9c]", isMask: true },
    { text: ", ", isMask: false },
    { text: "[x]", isMask: true },
    { text: " and ", isMask: false },
    { text: "[card]", isMask: true },
  ]);
  assert.deepEqual(marked(""), []);
});

test("what acted is read from the words of the header", () => {
  assert.deepEqual(actions("request:mask:private, answer:block:no-secrets"), [
    { way: "request", action: "mask", rule: "private" },
    { way: "answer", action: "block", rule: "no-secrets" },
  ]);
  assert.deepEqual(actions("nonsense"), []);
});
