// What the form of a server holds, and the body of the API that it becomes: pure.

import type { McpServerCreate, McpServerUpdate, McpServerView } from "../../api/schema.d.ts";
import { linesOfPatterns, patternsOf } from "../../lib/patterns.ts";

export type Era = "auto" | "legacy" | "modern";
export type Pins = "strict" | "warn" | "off";

export interface Draft {
  id: string;
  url: string;
  token: string;
  /** Whether the token that is stored is to be forgotten. */
  sendsNone: boolean;
  era: Era;
  pins: Pins;
  /** Patterns, one a line. */
  allow: string;
  deny: string;
  /** Seconds. */
  timeout: string;
}

export const NEW: Draft = {
  id: "",
  url: "",
  token: "",
  sendsNone: false,
  era: "auto",
  pins: "strict",
  allow: "",
  deny: "",
  timeout: "60",
};

export const draftOf = (view: McpServerView): Draft => ({
  id: view.id,
  url: view.url,
  token: "",
  sendsNone: false,
  era: view.era as Era,
  pins: view.pins as Pins,
  allow: linesOfPatterns(view.allow_tools),
  deny: linesOfPatterns(view.deny_tools),
  timeout: String(view.timeout_ms / 1000),
});

const fieldsOf = (draft: Draft) => ({
  url: draft.url.trim(),
  era: draft.era,
  pins: draft.pins,
  allow_tools: patternsOf(draft.allow),
  deny_tools: patternsOf(draft.deny),
  timeout_ms: Math.round(Number(draft.timeout) * 1000),
});

const tokenOf = ({ token, sendsNone }: Draft) =>
  sendsNone ? { token: null } : token.trim() ? { token: token.trim() } : {};

export const newOf = (draft: Draft): McpServerCreate => ({
  id: draft.id.trim(),
  ...fieldsOf(draft),
  ...tokenOf(draft),
});

/** Only what differs from the server as it is. The token differs wherever one is typed. */
export function changeOf(draft: Draft, before: McpServerView): McpServerUpdate {
  const old = fieldsOf(draftOf(before)) as Record<string, unknown>;
  const differs = ([name, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(old[name]);
  return { ...Object.fromEntries(Object.entries(fieldsOf(draft)).filter(differs)), ...tokenOf(draft) };
}
