// What the form of a directory holds, and the body of the API that it becomes: pure.

import type { ScimClientCreate, ScimClientView } from "../../api/schema.d.ts";
import { type MappedGroup, linesOf, listed, roleMap } from "../../lib/roles.ts";

export interface Draft {
  name: string;
  /** Codes, separated by commas. */
  roles: string;
  role_map: string;
  /** The id of a service; empty for none. */
  identity_provider: string;
}

export const NEW: Draft = { name: "", roles: "user", role_map: "", identity_provider: "" };

/** The API answers groups by their names, and takes a list of them. */
export const mapOf = (map: Record<string, string[]>): MappedGroup[] =>
  Object.entries(map).map(([group, roles]) => ({ group, roles }));

export const draftOf = (view: ScimClientView): Draft => ({
  name: view.name,
  roles: view.roles.join(", "),
  role_map: linesOf(mapOf(view.role_map)),
  identity_provider: view.identity_provider ?? "",
});

export const bodyOf = (draft: Draft): ScimClientCreate => ({
  name: draft.name.trim(),
  roles: listed(draft.roles),
  role_map: roleMap(draft.role_map),
  identity_provider: draft.identity_provider || null,
});
