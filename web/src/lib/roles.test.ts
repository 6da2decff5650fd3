import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOf, listed, roleMap } from "./roles.ts";

test("roles of groups are lines, and the name of a group may have a colon", () => {
  assert.deepEqual(roleMap("engineers: operator, viewer\n\n org:admins : admin\nnone"), [
    { group: "engineers", roles: ["operator", "viewer"] },
    { group: "org:admins", roles: ["admin"] },
    { group: "none", roles: [] },
  ]);
});

test("what is read can be written, and written be read", () => {
  const map = [{ group: "a:b", roles: ["operator", "viewer"] }];
  assert.deepEqual(roleMap(linesOf(map)), map);
  assert.deepEqual(listed(" a, ,b "), ["a", "b"]);
});
