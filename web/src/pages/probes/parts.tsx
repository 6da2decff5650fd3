// What list and detail both say of a task.

import { duration } from "../../lib/format.ts";
import { Chip } from "../../ui/status.tsx";
import type { Task } from "./queries.ts";
import { useWords } from "./words.ts";

export function State({ task }: { task: Task }) {
  const words = useWords();
  const [mark, tone, text] = !task.enabled
    ? (["○", "plain", words.off] as const)
    : task.last_ok === null
      ? (["◌", "plain", words.notYet] as const)
      : task.last_ok
        ? (["●", "ok", words.answered] as const)
        : (["✕", "bad", words.failed] as const);
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {text}
    </Chip>
  );
}

/** "1.2 s in all, first token 300 ms" */
export function useTook(): (run: { latency_ms: number; first_token_ms: number | null }) => string {
  const words = useWords();
  return ({ latency_ms, first_token_ms }) =>
    [
      `${duration(latency_ms)} ${words.inAll}`,
      first_token_ms !== null && `${words.firstToken} ${duration(first_token_ms)}`,
    ]
      .filter(Boolean)
      .join(", ");
}
