// How often a rule would have fired in the last seven days.

import { Skeleton } from "../../ui/states.tsx";
import { usePast } from "./queries.ts";
import { type Rule, STATUSES, canReplay, replay } from "./replay.ts";
import { useWords } from "./words.ts";

type Replayed = Rule & { filters: Record<string, string>; group_by: string | null };

export function Replay({ rule }: { rule: Replayed }) {
  const words = useWords();
  const can = canReplay(rule) && !(rule.measure in STATUSES && rule.filters.status);
  const { data, error } = usePast(rule, can);
  if (!can) return <p className="text-table text-ink3">{words.noReplay}</p>;
  // Filters of which a value is not known are told by the form when it is sent.
  if (error) return null;
  if (!data) return <Skeleton rows={1} />;
  const times = replay(data, rule);
  if (times === null) return null;
  return (
    <p role="status">
      {words.replayed(words.times(times))} <span className="text-table text-ink3">{words.replayHint}</span>
    </p>
  );
}
