// What the form of a rule holds, and the body of the API that it becomes: pure.

import type { AlertRuleCreate, AlertRuleView, Measure, Severity } from "../../api/schema.d.ts";
import { DIMENSIONS, MEASURES, isOfRequests } from "./measures.ts";

export interface Draft {
  name: string;
  measure: Measure;
  comparison: "above" | "below";
  /** In percent for shares. */
  threshold: string;
  clear: string;
  window: string;
  lasting: string;
  least: string;
  group: string;
  /** Lines such as `model=gpt-5,gpt-5-mini`. */
  filters: string;
  subject: string;
  severity: Severity;
  description: string;
}

export const NEW: Draft = {
  name: "",
  measure: "server_error_rate",
  comparison: "above",
  threshold: "5",
  clear: "",
  window: "15",
  lasting: "5",
  least: "20",
  group: "provider",
  filters: "",
  subject: "",
  severity: "warning",
  description: "",
};

const shown = (value: number | null, measure: Measure) =>
  value === null ? "" : String(MEASURES[measure] === "share" ? Math.round(value * 1e6) / 1e4 : value);
const meant = (value: string, measure: Measure) =>
  MEASURES[measure] === "share" ? Math.round(Number(value) * 1e4) / 1e6 : Number(value);

export const draftOf = (rule: AlertRuleView): Draft => ({
  name: rule.name,
  measure: rule.measure,
  comparison: rule.comparison,
  threshold: shown(rule.threshold, rule.measure),
  clear: shown(rule.clear_threshold, rule.measure),
  window: String(rule.window_minutes),
  lasting: String(rule.for_minutes),
  least: String(rule.min_requests),
  group: rule.group_by ?? "",
  filters: Object.entries(rule.filters)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n"),
  subject: rule.subject ?? "",
  severity: rule.severity,
  description: rule.description,
});

/** The filters of `model=a,b` lines, or the line that is none. */
export function filtersOf(text: string): { filters: Record<string, string> } | { wrong: string } {
  const filters: Record<string, string> = {};
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (!line) continue;
    const at = line.indexOf("=");
    const name = line.slice(0, at).trim();
    if (!(DIMENSIONS as readonly string[]).includes(name)) return { wrong: line };
    filters[name] = line.slice(at + 1).trim();
  }
  return { filters };
}

export function bodyOf(draft: Draft): AlertRuleCreate {
  const ofRequests = isOfRequests(draft.measure);
  const filters = filtersOf(draft.filters);
  return {
    name: draft.name.trim(),
    measure: draft.measure,
    comparison: draft.comparison,
    threshold: meant(draft.threshold, draft.measure),
    clear_threshold: draft.clear.trim() === "" ? null : meant(draft.clear, draft.measure),
    window_minutes: Number(draft.window),
    for_minutes: Number(draft.lasting),
    min_requests: ofRequests ? Number(draft.least) : 0,
    group_by: ofRequests && draft.group ? draft.group : null,
    filters: ofRequests && "filters" in filters ? filters.filters : {},
    subject: draft.measure === "credits" ? draft.subject.trim() : null,
    severity: draft.severity,
    description: draft.description.trim() || null,
  };
}
