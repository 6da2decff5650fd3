// Alerts, their rules, and the webhooks that are told of them.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import type { AlertRuleCreate, AlertRuleUpdate, Measure, WebhookCreate, WebhookUpdate } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { DIMENSIONS } from "./measures.ts";
import { STATUSES, withErrorsOf } from "./replay.ts";

const PAGE = 100;

export function useAlerts(isHistory: boolean, rule: string | undefined) {
  return useInfiniteQuery({
    queryKey: ["alerts", "list", isHistory, rule ?? ""],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /alerts", {
        query: {
          limit: PAGE,
          ...(isHistory ? { state: "resolved" } : {}),
          ...(rule ? { rule } : {}),
          ...(pageParam ? { cursor: pageParam } : {}),
        },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 30_000,
  });
}

export const useAlert = (id: string) =>
  useQuery({
    queryKey: ["alerts", "one", id],
    queryFn: ({ signal }) => call("GET /alerts/{id}", { path: { id }, signal }),
  });

export const useRules = () =>
  useQuery({ queryKey: ["alerts", "rules"], queryFn: ({ signal }) => call("GET /alerts/rules", { signal }) });

/** The last seven days of what a rule watches, in quarters of an hour; errors are those of some statuses where it counts those. */
export function usePast(
  rule: { measure: Measure; filters: Record<string, string>; group_by: string | null },
  can: boolean,
) {
  const may = useMay();
  const { filters, group_by } = rule;
  const known = Object.fromEntries(
    Object.entries(filters).filter(([name]) => (DIMENSIONS as readonly string[]).includes(name)),
  );
  const statuses = STATUSES[rule.measure];
  return useQuery({
    queryKey: ["alerts", "past", known, group_by, statuses ?? ""],
    queryFn: async ({ signal }) => {
      const ask = (more: { status?: string }) =>
        call("GET /stats/timeseries", {
          query: {
            range: "7d",
            bucket: "quarter",
            ...known,
            ...more,
            ...(group_by ? { group_by: group_by as "model", limit: 200 } : {}),
          },
          signal,
        });
      const all = await ask({});
      return statuses ? withErrorsOf(all, await ask({ status: statuses })) : all;
    },
    enabled: can && may("view_all_statistics"),
    staleTime: 300_000,
  });
}

export function useWebhooks() {
  const may = useMay();
  return useQuery({
    queryKey: ["webhooks", "list"],
    queryFn: ({ signal }) => call("GET /webhooks", { signal }),
    enabled: may("manage_webhooks"),
  });
}

export const useWebhook = (id: string) =>
  useQuery({
    queryKey: ["webhooks", "one", id],
    queryFn: ({ signal }) => call("GET /webhooks/{id}", { path: { id }, signal }),
  });

export type DeliveryState = "pending" | "delivered" | "dead";

export function useDeliveries(state: DeliveryState | "", webhook: string) {
  return useInfiniteQuery({
    queryKey: ["webhooks", "deliveries", state, webhook],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /webhooks/deliveries", {
        query: {
          limit: PAGE,
          ...(state ? { state } : {}),
          ...(webhook ? { webhook } : {}),
          ...(pageParam ? { cursor: pageParam } : {}),
        },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 30_000,
  });
}

export const useDelivery = (id: string) =>
  useQuery({
    queryKey: ["webhooks", "delivery", id],
    queryFn: ({ signal }) => call("GET /webhooks/deliveries/{id}", { path: { id }, signal }),
  });

export function useAlertWrites() {
  const queries = useQueryClient();
  const after =
    (key: string) =>
    async <T>(answer: Promise<T>): Promise<T> => {
      const value = await answer;
      await queries.invalidateQueries({ queryKey: [key] });
      return value;
    };
  const [alerts, webhooks] = [after("alerts"), after("webhooks")];
  return {
    acknowledge: (id: string) => alerts(call("POST /alerts/{id}/acknowledge", { path: { id } })),
    createRule: (body: AlertRuleCreate) => alerts(call("POST /alerts/rules", { body })),
    updateRule: (id: string, body: AlertRuleUpdate) => alerts(call("PUT /alerts/rules/{id}", { path: { id }, body })),
    removeRule: (id: string) => alerts(call("DELETE /alerts/rules/{id}", { path: { id } })),
    createWebhook: (body: WebhookCreate) => webhooks(call("POST /webhooks", { body })),
    updateWebhook: (id: string, body: WebhookUpdate) => webhooks(call("PUT /webhooks/{id}", { path: { id }, body })),
    removeWebhook: (id: string) => webhooks(call("DELETE /webhooks/{id}", { path: { id } })),
    test: (id: string) => webhooks(call("POST /webhooks/{id}/test", { path: { id } })),
    replay: (id: string) => webhooks(call("POST /webhooks/deliveries/{id}/replay", { path: { id } })),
  };
}
