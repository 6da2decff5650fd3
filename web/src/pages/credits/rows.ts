// The balance after each row of a ledger, and what the forms of credits send: pure.

import type { PriceInput, PriceSettingView, Transaction } from "../../api/schema.d.ts";

export type Entry = Transaction & {
  /** What was on the account after it; `null` where that cannot be told. */
  after: number | null;
};

/** Rows, the newest first, with the balance after each: the sum of all rows is the balance. */
export function withBalances(rows: Transaction[], balance: number | null): Entry[] {
  let after = balance;
  return rows.map((row) => {
    const entry = { ...row, after };
    // Millionths, without the noise of binary fractions.
    if (after !== null) after = Math.round((after - row.amount) * 1e6) / 1e6;
    return entry;
  });
}

const DAY = 86_400_000;

/** What was spent on each of the last days of UTC, in dollars; days without charges have 0. */
export function byDay(
  points: { at: number; spent: number }[],
  now: number,
  days: number,
): { at: number; spent: number }[] {
  const today = Math.floor(now / DAY);
  const sums = Array.from({ length: days }, (_, index) => ({ at: (today - days + 1 + index) * DAY, spent: 0 }));
  for (const { at, spent } of points) {
    const day = sums[Math.floor(at / DAY) - today + days - 1];
    if (day) day.spent += spent;
  }
  return sums;
}

/** From this amount on it is typed twice. */
export const LARGE = 1000;

/** A key by which the gateway recognises a repetition. Works without a secure connection, unlike `randomUUID`. */
export function idempotencyKey(random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): string {
  const bytes = random(new Uint8Array(16));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export const PRICES = [
  "input",
  "output",
  "cached_input",
  "cache_write",
  "cache_write_1h",
  "reasoning",
  "audio_input",
  "audio_output",
  "image_input",
  "image_output",
  "per_1k_requests",
  "per_1k_web_searches",
] as const;
export type PriceName = (typeof PRICES)[number];

export interface PriceDraft extends Record<PriceName | "factor", string> {
  kind: "model" | "provider_model" | "provider";
  name: string;
}

const text = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));

export function priceDraftOf(setting?: PriceSettingView): PriceDraft {
  const subject = setting?.subject ?? "model:";
  const at = subject.indexOf(":");
  const prices = Object.fromEntries(PRICES.map((name) => [name, text(setting?.[name])]));
  return {
    ...(prices as Record<PriceName, string>),
    factor: text(setting?.factor),
    kind: subject.slice(0, at) as PriceDraft["kind"],
    name: subject.slice(at + 1),
  };
}

/** The body of the API. What the form does not show, such as tiers and peak hours, is kept from `before`. */
export function priceBodyOf(draft: PriceDraft, before?: PriceSettingView): PriceInput {
  const { subject: _, later: __, ...kept } = before ?? { subject: "" };
  const shown = [...PRICES, "factor"] as const;
  const values = shown.map((name) => [name, draft[name].trim() === "" ? null : Number(draft[name])]);
  const all = { ...kept, ...Object.fromEntries(values) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}
