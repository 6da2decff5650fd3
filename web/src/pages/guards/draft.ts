// What the form of a guard holds, and the body of the API that it becomes: pure.

import type { GuardAction, GuardCreate, GuardDirection, GuardView } from "../../api/schema.d.ts";

export interface Draft {
  kind: "content" | "webhook";
  name: string;
  direction: GuardDirection;
  action: GuardAction;
  detectors: string[];
  /** One a line, as `words`. */
  patterns: string;
  words: string;
  restore: boolean;
  /** Separated by commas, as `keys`. */
  models: string;
  keys: string;
  url: string;
  timeout_ms: string;
  on_failure: "open" | "closed";
}

const NEW: Draft = {
  kind: "content",
  name: "",
  direction: "both",
  action: "log",
  detectors: [],
  patterns: "",
  words: "",
  restore: false,
  models: "",
  keys: "",
  url: "",
  timeout_ms: "2000",
  on_failure: "closed",
};

export const newOf = (kind: Draft["kind"]): Draft => ({ ...NEW, kind });

export const draftOf = (guard: GuardView): Draft => ({
  kind: guard.kind,
  name: guard.name,
  direction: guard.direction,
  action: guard.action,
  detectors: guard.detectors,
  patterns: guard.patterns.join("\n"),
  words: guard.words.join("\n"),
  restore: guard.restore,
  models: guard.models?.join(", ") ?? "",
  keys: guard.keys?.join(", ") ?? "",
  url: guard.url ?? "",
  timeout_ms: String(guard.timeout_ms),
  on_failure: guard.on_failure,
});

const listed = (text: string, between: RegExp) =>
  text
    .split(between)
    .map((one) => one.trim())
    .filter(Boolean);
const orAll = (list: string[]) => (list.length > 0 ? list : null);

export function bodyOf(draft: Draft): GuardCreate {
  const common = {
    kind: draft.kind,
    name: draft.name.trim(),
    direction: draft.direction,
    models: orAll(listed(draft.models, /,/)),
    keys: orAll(listed(draft.keys, /,/)),
  };
  if (draft.kind === "webhook") {
    const timeout_ms = draft.timeout_ms.trim() === "" ? null : Number(draft.timeout_ms);
    return { ...common, url: draft.url.trim(), timeout_ms, on_failure: draft.on_failure };
  }
  return {
    ...common,
    action: draft.action,
    detectors: draft.detectors,
    patterns: listed(draft.patterns, /\n/),
    words: listed(draft.words, /\n/),
    restore: draft.action === "mask" && draft.restore,
  };
}
