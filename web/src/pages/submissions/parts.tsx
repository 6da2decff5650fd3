// What list and detail both say of a submission.

import type { SubmissionState } from "../../api/schema.d.ts";
import { Chip } from "../../ui/status.tsx";
import { useWords } from "./words.ts";

const LOOK = {
  submitted: { mark: "◌", tone: "plain" },
  tested: { mark: "◆", tone: "info" },
  approved: { mark: "●", tone: "ok" },
  approved_limited: { mark: "●", tone: "ok" },
  rejected: { mark: "✕", tone: "bad" },
  withdrawn: { mark: "○", tone: "plain" },
} as const;

export function State({ state }: { state: SubmissionState }) {
  const words = useWords();
  const { mark, tone } = LOOK[state];
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {words[state]}
    </Chip>
  );
}
