// What the form of a service holds, and the body of the API that it becomes: pure.

import type { IdentityProviderCreate, IdentityProviderView } from "../../api/schema.d.ts";
import { linesOf, listed, roleMap } from "../../lib/roles.ts";

export type Kind = "oidc" | "oauth2" | "access";
export type Preset = "google" | "github" | "linuxdo" | "cloudflare_access";

/** The known services, with what of them the gateway does not know. */
export const PRESETS: { id: Preset; name: string; kind: Kind }[] = [
  { id: "google", name: "Google", kind: "oidc" },
  { id: "github", name: "GitHub", kind: "oauth2" },
  { id: "linuxdo", name: "LINUX DO", kind: "oauth2" },
  { id: "cloudflare_access", name: "Cloudflare Access", kind: "access" },
];

export interface Draft {
  preset: Preset | "";
  kind: Kind;
  id: string;
  name: string;
  issuer: string;
  client_id: string;
  client_secret: string;
  scope: string;
  authorization_endpoint: string;
  token_endpoint: string;
  user_endpoint: string;
  emails_endpoint: string;
  subject: string;
  email: string;
  groups: string;
  makes_accounts: boolean;
  roles: string;
  role_map: string;
}

export const NEW: Draft = {
  preset: "google",
  kind: "oidc",
  id: "",
  name: "",
  issuer: "",
  client_id: "",
  client_secret: "",
  scope: "",
  authorization_endpoint: "",
  token_endpoint: "",
  user_endpoint: "",
  emails_endpoint: "",
  subject: "",
  email: "",
  groups: "",
  makes_accounts: false,
  roles: "user",
  role_map: "",
};

export const draftOf = (view: IdentityProviderView): Draft => ({
  preset: "",
  kind: view.kind as Kind,
  id: view.id,
  name: view.name,
  issuer: view.issuer,
  client_id: view.client_id,
  client_secret: "",
  scope: view.scope,
  authorization_endpoint: view.authorization_endpoint ?? "",
  token_endpoint: view.token_endpoint ?? "",
  user_endpoint: view.user_endpoint ?? "",
  emails_endpoint: view.emails_endpoint ?? "",
  subject: view.fields.subject,
  email: view.fields.email,
  groups: view.fields.groups,
  makes_accounts: view.makes_accounts,
  roles: view.roles.join(", "),
  role_map: linesOf(view.role_map),
});

/** The texts of which an empty one is left to the preset or the default. */
const TEXTS = [
  "id",
  "name",
  "issuer",
  "client_secret",
  "scope",
  "authorization_endpoint",
  "token_endpoint",
  "user_endpoint",
  "emails_endpoint",
] as const;

/** `before` is the service that is changed: only what differs from it is sent. */
export function bodyOf(draft: Draft, before?: IdentityProviderView): IdentityProviderCreate {
  const old = before && draftOf(before);
  const texts = TEXTS.flatMap((name) => {
    const value = draft[name].trim();
    return value === (old?.[name] ?? "") ? [] : [[name, value || null]];
  });
  const fields = (["subject", "email", "groups"] as const).flatMap((name) => {
    const value = draft[name].trim();
    return value === "" || value === old?.[name] ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(texts),
    ...(before ? {} : draft.preset ? { preset: draft.preset } : { kind: draft.kind }),
    client_id: draft.client_id.trim(),
    makes_accounts: draft.makes_accounts,
    roles: listed(draft.roles),
    role_map: roleMap(draft.role_map),
    ...(fields.length > 0 ? { fields: { ...before?.fields, ...Object.fromEntries(fields) } } : {}),
  };
}
