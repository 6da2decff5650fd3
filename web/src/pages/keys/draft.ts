// What the form of a key holds, and the body of the API that it becomes: pure.

import type { KeyCreate, KeyView } from "../../api/schema.d.ts";
import { linesOfPatterns, patternsOf } from "../../lib/patterns.ts";

export interface Draft {
  name: string;
  owner: string;
  models: string[];
  /** Patterns of tools, one a line. */
  allow_tools: string;
  deny_tools: string;
  default_toolset: string;
  tool_approval: "never" | "rules" | "always";
  max_tool_calls_per_day: string;
  amount: string;
  period: "day" | "week" | "month" | "total";
  requests_per_minute: string;
  tokens_per_minute: string;
  requests_per_day: string;
  concurrency: string;
  expires_in: "" | "week" | "month" | "year" | "never";
  store: "none" | "metadata" | "full";
}

export const NEW: Draft = {
  name: "",
  owner: "",
  models: [],
  allow_tools: "",
  deny_tools: "",
  default_toolset: "",
  tool_approval: "never",
  max_tool_calls_per_day: "",
  amount: "",
  period: "month",
  requests_per_minute: "",
  tokens_per_minute: "",
  requests_per_day: "",
  concurrency: "",
  expires_in: "never",
  store: "full",
};

const text = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));

export const draftOf = (key: KeyView): Draft => ({
  name: key.name,
  owner: key.owner ?? "",
  models: key.allowed_models ?? [],
  allow_tools: linesOfPatterns(key.allow_tools),
  deny_tools: linesOfPatterns(key.deny_tools),
  default_toolset: key.default_toolset ?? "",
  tool_approval: key.tool_approval,
  max_tool_calls_per_day: text(key.max_tool_calls_per_day),
  amount: text(key.budget?.amount),
  period: (key.budget?.period as Draft["period"] | undefined) ?? "month",
  requests_per_minute: text(key.limits.requests_per_minute),
  tokens_per_minute: text(key.limits.tokens_per_minute),
  requests_per_day: text(key.limits.requests_per_day),
  concurrency: text(key.limits.concurrency),
  expires_in: "",
  store: key.store,
});

const number = (value: string) => (value.trim() === "" ? null : Number(value));

/** The body that makes a key. `tokens_per_day`, which the form does not show, is kept from `before`. */
export function bodyOf(draft: Draft, before?: KeyView): KeyCreate {
  const amount = number(draft.amount);
  return {
    name: draft.name.trim(),
    owner: draft.owner.trim() || null,
    allowed_models: draft.models.length > 0 ? draft.models : null,
    allow_tools: patternsOf(draft.allow_tools),
    deny_tools: patternsOf(draft.deny_tools),
    default_toolset: draft.default_toolset.trim() || null,
    tool_approval: draft.tool_approval,
    max_tool_calls_per_day: number(draft.max_tool_calls_per_day),
    budget:
      amount === null
        ? null
        : { amount, period: draft.period, ...(before?.budget ? { alert_percent: before.budget.alert_percent } : {}) },
    limits: {
      ...(before?.limits.tokens_per_day === undefined ? {} : { tokens_per_day: before.limits.tokens_per_day }),
      requests_per_minute: number(draft.requests_per_minute),
      tokens_per_minute: number(draft.tokens_per_minute),
      requests_per_day: number(draft.requests_per_day),
      concurrency: number(draft.concurrency),
    },
    store: draft.store,
    ...(draft.expires_in ? { expires_in: draft.expires_in } : {}),
  };
}

/** The fields of `now` that differ from those of `before`: only what was changed is sent. */
export function changed<Body extends object>(before: Body, now: Body): Partial<Body> {
  const entries = Object.entries(now).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof Body]),
  );
  return Object.fromEntries(entries) as Partial<Body>;
}
