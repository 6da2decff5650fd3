import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScimClientView } from "../../api/schema.d.ts";
import { NEW, bodyOf, draftOf } from "./directory-draft.ts";

const VIEW: ScimClientView = {
  id: "01",
  name: "Entra ID",
  url: "https://gateway.example/scim/v2",
  enabled: true,
  roles: ["user", "viewer"],
  role_map: { "a:b": ["operator"] },
  identity_provider: "entra",
  previous_until: null,
  created_by: "admin",
  last_used_at: null,
  created_at: 1,
  updated_at: 1,
};

test("a directory that was not changed is sent as it is", () => {
  assert.deepEqual(bodyOf(draftOf(VIEW)), {
    name: "Entra ID",
    roles: ["user", "viewer"],
    role_map: [{ group: "a:b", roles: ["operator"] }],
    identity_provider: "entra",
  });
});

test("a new one begins with users, without groups and without a service", () => {
  assert.deepEqual(bodyOf({ ...NEW, name: " Okta " }), {
    name: "Okta",
    roles: ["user"],
    role_map: [],
    identity_provider: null,
  });
});
