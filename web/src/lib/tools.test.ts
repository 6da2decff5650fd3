import assert from "node:assert/strict";
import { test } from "node:test";
import { changesOf, definitionOf, findingsOf, gateOf } from "./tools.ts";

test("what changed is read by tool, and what is gone by name", () => {
  const { members, removed } = changesOf([
    { change: "added", tool: "new" },
    { change: "removed", tool: "old" },
    {
      change: "changed",
      tool: "echo",
      members: [
        { member: "description", before: "Says it.", after: "Sends it." },
        { member: "annotations", after: { readOnlyHint: false } },
      ],
    },
  ]);
  assert.deepEqual(removed, ["old"]);
  assert.deepEqual(members.get("echo"), [
    { member: "description", before: "Says it.", after: "Sends it." },
    { member: "annotations", before: undefined, after: '{\n  "readOnlyHint": false\n}' },
  ]);
});

test("what has another form than expected is left out", () => {
  assert.deepEqual(changesOf([null, 1, { change: "changed" }]).members.get(""), []);
  assert.deepEqual(definitionOf("text"), { title: "", description: "", schema: undefined });
  assert.deepEqual(findingsOf([{ severity: "quarantine", rule: 1 }]), [
    { hides: true, rule: "", path: "", detail: "" },
  ]);
});

test("a state that is not known cannot be used, and a title may be an annotation", () => {
  assert.deepEqual(["new", "other", null].map(gateOf), ["new", "unusable", "unusable"]);
  assert.equal(definitionOf({ annotations: { title: "Echo" } }).title, "Echo");
});
