// How an entry of the audit log is said: pure.

import type { Kind } from "../../lib/outcome.ts";

/** What came of an operation, by the status it was answered with. */
export function kindOf(status: number): Kind {
  if (status < 400) return "answered";
  return status < 500 ? "refused" : "failed";
}

/** A value of a column as text: text as it is, all else as JSON, and nothing where there is no value. */
export function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

export interface Difference {
  /** The column, and below it the path within its JSON. */
  field: string;
  before: unknown;
  after: unknown;
}

/** What changed: of columns that hold JSON, each value within that differs. */
export function differences({ field, before, after }: Difference): Difference[] {
  const [was, is] = [inside(before), inside(after)];
  if (!was && !is) return [{ field, before, after }];
  if ((before !== null && !was) || (after !== null && !is)) return [{ field, before, after }];
  const names = [...new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])];
  return names
    .filter((name) => JSON.stringify(was?.[name]) !== JSON.stringify(is?.[name]))
    .flatMap((name) =>
      differences({ field: `${field}.${name}`, before: was?.[name] ?? null, after: is?.[name] ?? null }),
    );
}

/** An object, also one that is written as text. */
function inside(value: unknown): Record<string, unknown> | null {
  const read = typeof value === "string" && value.startsWith("{") ? parsed(value) : value;
  return typeof read === "object" && read !== null && !Array.isArray(read) ? (read as Record<string, unknown>) : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const TIME = /(_at|_until|^ts)$/;

/** Whether a value is a time in milliseconds since the epoch: by the name of its column and its size. */
export const isTime = (field: string, value: unknown): value is number =>
  typeof value === "number" && TIME.test(field) && value > 1e12 && value < 1e13;

/** The page on which the object of an operation is, and its id there. */
export function placeOf(operation: string, target: string): { to: string; params: { id: string } } | null {
  const path = operation.split(" ")[1] ?? "";
  const id = target.split("/")[0] ?? "";
  if (!id || operation.startsWith("DELETE ")) return null;
  if (path.startsWith("/keys/")) return { to: "/keys/{-$id}", params: { id } };
  if (path.startsWith("/limits/")) return { to: "/limits/{-$id}", params: { id } };
  if (path.startsWith("/credits/accounts/")) return { to: "/credits/{-$id}", params: { id } };
  return null;
}
