import assert from "node:assert/strict";
import { test } from "node:test";
import type { IdentityProviderView } from "../../api/schema.d.ts";
import { NEW, bodyOf, draftOf } from "./draft.ts";

const VIEW: IdentityProviderView = {
  authorization_endpoint: null,
  client_id: "abc",
  created_at: 1,
  emails_endpoint: null,
  enabled: true,
  fields: { email: "email", email_verified: "email_verified", groups: "groups", names: ["name"], subject: "sub" },
  has_client_secret: true,
  id: "corp",
  issuer: "https://id.example.com",
  kind: "oidc",
  makes_accounts: false,
  name: "Corp",
  redirect_uri: "https://gateway.example/auth/with/corp/callback",
  role_map: [{ group: "a:b", roles: ["operator", "viewer"] }],
  roles: ["user"],
  scope: "openid",
  token_endpoint: null,
  updated_at: 1,
  user_endpoint: null,
};

test("a preset takes nothing but what only the administrator knows", () => {
  assert.deepEqual(bodyOf({ ...NEW, preset: "github", client_id: " Iv1 ", client_secret: "s" }), {
    preset: "github",
    client_id: "Iv1",
    client_secret: "s",
    makes_accounts: false,
    roles: ["user"],
    role_map: [],
  });
});

test("a service that was not changed keeps its secret, its addresses and its groups", () => {
  assert.deepEqual(bodyOf(draftOf(VIEW), VIEW), {
    client_id: "abc",
    makes_accounts: false,
    roles: ["user"],
    role_map: VIEW.role_map,
  });
});

test("a field that is changed keeps the others", () => {
  const body = bodyOf({ ...draftOf(VIEW), groups: "teams" }, VIEW);
  assert.deepEqual(body.fields, { ...VIEW.fields, groups: "teams" });
});
