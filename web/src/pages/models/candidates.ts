// The candidates of a logical model while they are edited. Pure: what a change does, and how it is said.

export interface Draft {
  provider_id: number;
  model: string;
  weight: number;
  priority: number;
  enabled: boolean;
}

export const MAX_WEIGHT = 1000;
export const MAX_PRIORITY = 100;

export const same = (a: Pick<Draft, "provider_id" | "model">, b: Pick<Draft, "provider_id" | "model">) =>
  a.provider_id === b.provider_id && a.model === b.model;

/** In the order in which they are asked: by priority, and within one by weight. */
export const ordered = (candidates: Draft[]): Draft[] =>
  candidates.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight);

/** The part of its priority's requests that a candidate gets by weight; 0 for one that is off. */
export function shareOf(candidates: Draft[], one: Draft): number {
  if (!one.enabled) return 0;
  const peers = candidates.filter(({ priority, enabled }) => enabled && priority === one.priority);
  const all = peers.reduce((sum, { weight }) => sum + weight, 0);
  return all > 0 ? one.weight / all : 0;
}

/** Moves a candidate to be asked earlier (-1) or later (1): to the next priority that others have, or to one of its own. */
export function moved(candidates: Draft[], one: Draft, by: -1 | 1): Draft[] {
  const levels = [...new Set(candidates.map(({ priority }) => priority))].sort((a, b) => a - b);
  const isAlone = candidates.filter(({ priority }) => priority === one.priority).length === 1;
  const next = levels[levels.indexOf(one.priority) + by];
  const free = one.priority + by;
  const priority = next ?? (isAlone ? one.priority : Math.max(0, Math.min(MAX_PRIORITY, free)));
  if (by === -1 && next === undefined && !isAlone && one.priority === 0) {
    // There is nothing before 0: the others go one further back.
    return candidates.map((candidate) =>
      same(candidate, one) ? candidate : { ...candidate, priority: Math.min(MAX_PRIORITY, candidate.priority + 1) },
    );
  }
  return candidates.map((candidate) => (same(candidate, one) ? { ...candidate, priority } : candidate));
}

export interface Change {
  what: string;
  was: string | null;
  is: string | null;
}

/** What differs between two versions, by the name of each field and candidate. */
export function changes(before: Record<string, unknown> | null, now: Record<string, unknown>): Change[] {
  const text = (value: unknown) =>
    value === null || value === undefined || value === ""
      ? null
      : Array.isArray(value)
        ? value.join(", ") || null
        : String(value);
  return [...new Set([...Object.keys(now), ...Object.keys(before ?? {})])].flatMap((what) => {
    const [was, is] = [text(before?.[what]), text(now[what])];
    return was === is ? [] : [{ what, was, is }];
  });
}
