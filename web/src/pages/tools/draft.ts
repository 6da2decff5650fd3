// What the form of a server holds, and the body of the API that it becomes: pure.

import type { McpServerCreate, McpServerUpdate, McpServerView } from "../../api/schema.d.ts";
import { linesOfPatterns, patternsOf } from "../../lib/patterns.ts";

export const APPROVALS = ["never", "rules", "always"] as const;
export type Approval = (typeof APPROVALS)[number];
export type Era = "auto" | "legacy" | "modern";
export const TRANSPORTS = ["auto", "streamable", "sse"] as const;
export type Transport = (typeof TRANSPORTS)[number];
export type Pins = "strict" | "warn" | "off";

export interface Draft {
  id: string;
  url: string;
  token: string;
  /** Whether the token that is stored is to be forgotten. */
  sendsNone: boolean;
  /** Further headers, one a line: `Name: value`. */
  headers: string;
  /** Whether the headers that are stored are to be forgotten. */
  sendsNoHeaders: boolean;
  era: Era;
  transport: Transport;
  pins: Pins;
  approval: Approval;
  /** Patterns, one a line. */
  ask: string;
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
  headers: "",
  sendsNoHeaders: false,
  era: "auto",
  transport: "auto",
  pins: "strict",
  approval: "never",
  ask: "",
  allow: "",
  deny: "",
  timeout: "60",
};

export const draftOf = (view: McpServerView): Draft => ({
  id: view.id,
  url: view.url,
  token: "",
  sendsNone: false,
  headers: "",
  sendsNoHeaders: false,
  era: view.era as Era,
  transport: view.transport as Transport,
  pins: view.pins as Pins,
  approval: view.tool_approval,
  ask: linesOfPatterns(view.ask_tools),
  allow: linesOfPatterns(view.allow_tools),
  deny: linesOfPatterns(view.deny_tools),
  timeout: String(view.timeout_ms / 1000),
});

const fieldsOf = (draft: Draft) => ({
  url: draft.url.trim(),
  era: draft.era,
  transport: draft.transport,
  pins: draft.pins,
  tool_approval: draft.approval,
  ask_tools: patternsOf(draft.ask),
  allow_tools: patternsOf(draft.allow),
  deny_tools: patternsOf(draft.deny),
  timeout_ms: Math.round(Number(draft.timeout) * 1000),
});

const tokenOf = ({ token, sendsNone }: Draft) =>
  sendsNone ? { token: null } : token.trim() ? { token: token.trim() } : {};

// A line without a colon is a name without a value, which the API refuses with the name.
function headersOf({ headers, sendsNoHeaders }: Draft) {
  if (sendsNoHeaders) return { headers: null };
  const lines = patternsOf(headers);
  if (!lines) return {};
  const pair = (line: string): [string, string] => {
    const [name = "", ...value] = line.split(":");
    return [name.trim(), value.join(":").trim()];
  };
  return { headers: Object.fromEntries(lines.map(pair)) };
}

export const newOf = (draft: Draft): McpServerCreate => ({
  id: draft.id.trim(),
  ...fieldsOf(draft),
  ...tokenOf(draft),
  ...headersOf(draft),
});

/** Only what differs from the server as it is. Token and headers differ wherever some are typed. */
export function changeOf(draft: Draft, before: McpServerView): McpServerUpdate {
  const old = fieldsOf(draftOf(before)) as Record<string, unknown>;
  const differs = ([name, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(old[name]);
  return {
    ...Object.fromEntries(Object.entries(fieldsOf(draft)).filter(differs)),
    ...tokenOf(draft),
    ...headersOf(draft),
  };
}
