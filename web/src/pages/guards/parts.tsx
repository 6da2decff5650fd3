// What list and detail both say of a guard.

import { visible } from "../../lib/format.ts";
import { Chip } from "../../ui/status.tsx";
import type { Guard } from "./queries.ts";
import { useWords } from "./words.ts";

const TONES = { log: "info", mask: "warn", block: "bad" } as const;

export function What({ guard }: { guard: Guard }) {
  const words = useWords();
  return (
    <span className="inline-flex min-w-0 items-center gap-2">
      {guard.kind === "webhook" ? (
        <Chip>{words.webhook}</Chip>
      ) : (
        <Chip tone={TONES[guard.action]}>{words[guard.action]}</Chip>
      )}
      <span className="truncate">{words[guard.direction]}</span>
    </span>
  );
}

export function LooksFor({ guard }: { guard: Guard }) {
  const words = useWords();
  if (guard.kind === "webhook") return visible(guard.url ?? "");
  const names = guard.detectors.map((name) => words[name as "email"] ?? name);
  return visible([...names, ...guard.patterns, ...guard.words].join(", "));
}

export function Concerns({ guard }: { guard: Guard }) {
  const words = useWords();
  const parts = [
    guard.keys && words.onlyKeys(guard.keys.length),
    guard.models &&
      (guard.models.length <= 2 ? visible(guard.models.join(", ")) : words.onlyModels(guard.models.length)),
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : words.all;
}
