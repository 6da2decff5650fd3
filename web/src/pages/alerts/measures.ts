// The measures of alert rules: their units, and which of them the statistics can replay.

import type { Measure } from "../../api/schema.d.ts";

export type Unit = "count" | "share" | "dollars" | "ms" | "flag";

export const MEASURES: Record<Measure, Unit> = {
  error_rate: "share",
  server_error_rate: "share",
  errors: "count",
  server_errors: "count",
  client_errors: "count",
  limited: "count",
  timeouts: "count",
  cancelled: "count",
  retries: "count",
  failovers: "count",
  requests: "count",
  cost: "dollars",
  unpriced_requests: "count",
  budget_used: "share",
  credits: "dollars",
  tokens: "count",
  prompt_tokens: "count",
  completion_tokens: "count",
  token_accuracy: "share",
  duration_mean: "ms",
  duration_p50: "ms",
  duration_p95: "ms",
  duration_p99: "ms",
  first_byte_p50: "ms",
  first_byte_p95: "ms",
  first_byte_p99: "ms",
  circuit_open: "flag",
  active_sessions: "count",
  database_ms: "ms",
  queue_lag: "ms",
  dead_letters: "count",
  dead_deliveries: "count",
};

/** Measures of requests, which can be narrowed by filters, watched by group, and need a least number of requests. */
export const isOfRequests = (measure: Measure) =>
  ![
    "budget_used",
    "credits",
    "circuit_open",
    "active_sessions",
    "database_ms",
    "queue_lag",
    "dead_letters",
    "dead_deliveries",
  ].includes(measure);

export const WINDOWS = [5, 15, 60, 360, 1440];
export const DIMENSIONS = [
  "provider",
  "model",
  "logical_model",
  "key",
  "owner",
  "app",
  "dialect",
  "stream",
  "status",
  "error",
] as const;
export type Dimension = (typeof DIMENSIONS)[number];
