// How a request ended, in five kinds that a person tells apart by shape as well as by colour.

import type { LoggedRequest } from "../api/schema.d.ts";

export type Kind = "answered" | "rescued" | "refused" | "failed" | "left";

/** Answered by another candidate than the first counts as rescued; 4xx are refusals, and no fault of a provider. */
export function kindOf(request: Pick<LoggedRequest, "status" | "outcome" | "error_code" | "attempts">): Kind {
  if (request.outcome === "cancelled" || request.status === 499) return "left";
  if (request.status >= 500) return "failed";
  if (request.status >= 400) return "refused";
  if (request.error_code) return "failed";
  return request.attempts.some((attempt) => attempt.error_class) ? "rescued" : "answered";
}
