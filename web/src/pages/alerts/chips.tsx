// States and severities, by shape and word.

import type { Severity } from "../../api/schema.d.ts";
import { Chip } from "../../ui/status.tsx";
import { useWords } from "./words.ts";

const SEVERITIES = { info: ["◌", "info"], warning: ["▲", "warn"], critical: ["✕", "bad"] } as const;

export function SeverityChip({ severity }: { severity: Severity }) {
  const words = useWords();
  const [mark, tone] = SEVERITIES[severity];
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span> {words[severity]}
    </Chip>
  );
}

const STATES = {
  pending: ["◌", "warn", "pending"],
  firing: ["✕", "bad", "firing"],
  resolved: ["●", "ok", "resolved"],
} as const;

export function AlertState({ state }: { state: string }) {
  const words = useWords();
  const [mark, tone, word] = STATES[state as keyof typeof STATES] ?? STATES.firing;
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span> {words[word]}
    </Chip>
  );
}

const DELIVERIES = {
  pending: ["◌", "warn", "waiting"],
  delivered: ["●", "ok", "delivered"],
  dead: ["✕", "bad", "dead"],
} as const;

export function DeliveryChip({ state }: { state: string }) {
  const words = useWords();
  const [mark, tone, word] = DELIVERIES[state as keyof typeof DELIVERIES] ?? DELIVERIES.pending;
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span> {words[word]}
    </Chip>
  );
}
