// The attempts of a request as bars on a common axis of time: what a waterfall draws.

export interface Attempt {
  provider: string;
  model: string;
  key?: string | null;
  started_ms?: number | null;
  backoff_ms?: number | null;
  queued_ms?: number | null;
  first_byte_ms?: number | null;
  duration_ms: number;
  hedge?: boolean;
  status?: number | null;
  error_class?: string | null;
  skipped?: string | null;
}

export type Part = "pause" | "queue" | "wait" | "answer" | "stream";
export interface Bar {
  part: Part;
  from: number;
  to: number;
}
export interface Step {
  attempt: Attempt;
  state: "answered" | "failed" | "skipped" | "lost";
  bars: Bar[];
}

interface Answered {
  attempts: Attempt[];
  provider_name: string | null;
  upstream_model: string | null;
  first_byte_ms: number | null;
  duration_ms: number;
  overhead_ms?: number | null;
}

/** The attempts of a request of the log, which has none where the first one was the answer. */
export function attemptsOf(request: Answered): Attempt[] {
  if (request.attempts.length > 0 || request.provider_name === null) return request.attempts;
  const first = request.first_byte_ms ?? request.duration_ms;
  const started = Math.min(request.overhead_ms ?? 0, Math.max(0, request.duration_ms - first));
  return [
    {
      provider: request.provider_name,
      model: request.upstream_model ?? "",
      started_ms: started,
      first_byte_ms: first,
      duration_ms: first,
    },
  ];
}

/** Milliseconds that the axis is long: at least 1. */
export const spanOf = (attempts: Attempt[], total: number) =>
  Math.max(1, total, ...attempts.map((attempt) => (attempt.started_ms ?? 0) + attempt.duration_ms));

export function steps(attempts: Attempt[], total: number, isAnswered: boolean): Step[] {
  const winner = isAnswered ? attempts.findLastIndex((attempt) => !attempt.skipped && !attempt.error_class) : -1;
  return attempts.map((attempt, index) => ({
    attempt,
    state: stateOf(attempt, index === winner),
    bars: barsOf(attempt, index === winner ? total : undefined),
  }));
}

function stateOf(attempt: Attempt, won: boolean): Step["state"] {
  if (attempt.skipped === "hedge_lost") return "lost";
  if (attempt.skipped) return "skipped";
  return won ? "answered" : "failed";
}

function barsOf(attempt: Attempt, total: number | undefined): Bar[] {
  if (attempt.skipped && attempt.skipped !== "hedge_lost") return [];
  const started = attempt.started_ms ?? 0;
  const queued = attempt.queued_ms ?? 0;
  const end = started + attempt.duration_ms;
  const first = Math.min(end, started + (attempt.first_byte_ms ?? attempt.duration_ms));
  const bars: Bar[] = [
    { part: "pause", from: started - queued - (attempt.backoff_ms ?? 0), to: started - queued },
    { part: "queue", from: started - queued, to: started },
    { part: "wait", from: started, to: first },
    { part: "answer", from: first, to: end },
  ];
  if (total !== undefined) bars.push({ part: "stream", from: end, to: Math.max(end, total) });
  return bars.filter(({ from, to }) => to > from);
}
