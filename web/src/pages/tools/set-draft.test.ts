import assert from "node:assert/strict";
import { test } from "node:test";
import type { ToolsetView } from "../../api/schema.d.ts";
import { bodyOf, changeOf, draftOf, lineOf, newOf } from "./set-draft.ts";

const VIEW: ToolsetView = {
  id: "01",
  name: "work",
  description: null,
  owner: "ada",
  tools: [
    { server: "github", tool: "get_*", name: null, description: null },
    { server: "github", tool: "create_issue", name: "report", description: "Reports a fault." },
  ],
  created_at: 1,
  updated_at: 1,
};

test("a set that was not changed is sent as it is, without its name", () => {
  assert.deepEqual(changeOf(draftOf(VIEW)), { description: null, tools: VIEW.tools });
});

test("a new set has a name and an owner, and lines without a server are left out", () => {
  const draft = { ...newOf(""), name: " all ", lines: [{ ...lineOf(0), server: " files " }, lineOf(1)] };
  assert.deepEqual(bodyOf(draft), {
    name: "all",
    owner: null,
    description: null,
    tools: [{ server: "files", tool: "*", name: null, description: null }],
  });
});
