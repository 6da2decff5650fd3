// What the form of a subject's limits holds, and the body of the API that it becomes: pure.

import type { LimitPolicyInput, SubjectLimits } from "../../api/schema.d.ts";

export const AMOUNTS = [
  "requests_per_minute",
  "requests_per_day",
  "tokens_per_minute",
  "tokens_per_day",
  "concurrency",
] as const;
export type Amount = (typeof AMOUNTS)[number];
export const PERIODS = ["day", "week", "month", "total"] as const;
export type Period = (typeof PERIODS)[number];

export interface Draft extends Record<Amount, string> {
  kind: "user" | "model";
  name: string;
  amount: string;
  period: Period;
  /** Percentages, separated by commas. */
  alerts: string;
  failure: "" | "fail_open" | "fail_closed";
}

export const NEW: Draft = {
  kind: "user",
  name: "",
  requests_per_minute: "",
  requests_per_day: "",
  tokens_per_minute: "",
  tokens_per_day: "",
  concurrency: "",
  amount: "",
  period: "month",
  alerts: "50, 80",
  failure: "",
};

export interface Subject {
  kind: "key" | "user" | "model";
  name: string;
}

/** The kind and the name of `user:ada`. Names may have colons. */
export function subjectOf(subject: string): Subject {
  const at = subject.indexOf(":");
  return { kind: subject.slice(0, at) as Subject["kind"], name: subject.slice(at + 1) };
}

const text = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));

export function draftOf(item: SubjectLimits): Draft {
  const { kind, name } = subjectOf(item.subject);
  const amounts = Object.fromEntries(AMOUNTS.map((amount) => [amount, text(item.limits[amount])]));
  return {
    ...(amounts as Record<Amount, string>),
    kind: kind === "model" ? "model" : "user",
    name,
    amount: text(item.budget?.amount),
    period: (item.budget?.period as Period | undefined) ?? "month",
    alerts: (item.budget?.alert_percent ?? [50, 80]).join(", "),
    failure: item.on_limit_failure ?? "",
  };
}

const number = (value: string) => (value.trim() === "" ? null : Number(value));

export function bodyOf(draft: Draft): LimitPolicyInput {
  const amount = number(draft.amount);
  const alert_percent = draft.alerts.split(",").flatMap((part) => (part.trim() ? [Number(part)] : []));
  return {
    limits: Object.fromEntries(AMOUNTS.map((name) => [name, number(draft[name])])) as LimitPolicyInput["limits"],
    budget: amount === null ? null : { amount, period: draft.period, alert_percent },
    on_limit_failure: draft.failure || null,
  };
}

/** Whether nothing of it refuses a request. */
export const limitsNothing = (draft: Draft) => [...AMOUNTS, "amount" as const].every((name) => !draft[name].trim());
