// Accounts, their ledgers, and prices.

import { useInfiniteQuery, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import type {
  AutoTopUpInput,
  CreditAccount,
  CreditInput,
  CreditStanding,
  GrantTokenInput,
  PriceInput,
  Transactions,
} from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";

export interface Account extends Omit<CreditAccount, "created_at"> {
  /** `null` for one's own account without a top-up. */
  created_at: number | null;
  standing?: CreditStanding | undefined;
}

export const useAccounts = (enabled: boolean) =>
  useQuery({
    queryKey: ["credits", "accounts"],
    queryFn: ({ signal }) => call("GET /credits/accounts", { signal }),
    enabled,
  });

const standingOf = (account: string) => ({
  queryKey: ["credits", "standing", account],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    call("GET /credits/accounts/{id}", { path: { id: account }, signal }),
  staleTime: 30_000,
});

export const useStanding = (account: string) => useQuery({ ...standingOf(account), refetchInterval: 15_000 });

/** The balances of accounts: a call to the object of each, so only when they are asked for. */
export const useStandings = (accounts: string[], enabled: boolean) =>
  useQueries({ queries: accounts.map((account) => ({ ...standingOf(account), enabled })) });

export const useSummary = (account: string) =>
  useQuery({
    queryKey: ["credits", "summary", account],
    queryFn: ({ signal }) =>
      call("GET /credits/accounts/{id}/consumption/summary", {
        path: { id: account },
        query: { time_range: "30d" },
        signal,
      }),
  });

export const useSpending = (account: string) =>
  useQuery({
    queryKey: ["credits", "series", account],
    queryFn: ({ signal }) =>
      call("GET /credits/accounts/{id}/consumption/timeseries", {
        path: { id: account },
        query: { time_range: "30d", bucket: "day" },
        signal,
      }),
  });

export const useByProvider = (account: string) =>
  useQuery({
    queryKey: ["credits", "providers", account],
    queryFn: ({ signal }) =>
      call("GET /credits/accounts/{id}/consumption/providers", {
        path: { id: account },
        query: { time_range: "30d" },
        signal,
      }),
  });

export type Kind = "initial" | "top_up" | "grant" | "auto_top_up" | "charge";

/**
 * The ledger, the newest rows first. `balance` is that after the newest row: it is read before and after the first page, and said
 * only if nothing was charged between.
 */
export function useLedger(account: string, kind: Kind | "") {
  return useInfiniteQuery({
    queryKey: ["credits", "ledger", account, kind],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }): Promise<Transactions & { balance: number | null }> => {
      const path = { id: account };
      const page = () =>
        call("GET /credits/accounts/{id}/transactions", {
          path,
          query: { limit: 50, ...(kind ? { kind } : {}), ...(pageParam ? { after: pageParam } : {}) },
          signal,
        });
      if (pageParam || kind) return { ...(await page()), balance: null };
      const before = await call("GET /credits/accounts/{id}", { path, signal });
      const answer = await page();
      const after = await call("GET /credits/accounts/{id}", { path, signal });
      return { ...answer, balance: before.balance === after.balance ? after.balance : null };
    },
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export const usePrices = (enabled: boolean) =>
  useQuery({
    queryKey: ["prices"],
    queryFn: ({ signal }) => call("GET /prices", { signal }),
    enabled,
    staleTime: 60_000,
  });

/** Providers and their models, to name what prices are for. */
export function useNames() {
  const may = useMay();
  const providers = useQuery({
    queryKey: ["providers", "names"],
    queryFn: ({ signal }) => call("GET /providers", { signal }),
    enabled: may("admin_view_providers"),
    staleTime: 60_000,
  });
  const models = useQuery({
    queryKey: ["models"],
    queryFn: ({ signal }) => call("GET /provider_models", { signal }),
    enabled: may("view_models"),
    staleTime: 60_000,
  });
  const names = new Map((providers.data?.providers ?? []).map(({ id, name }) => [String(id), name]));
  return {
    providers: [...names].map(([id, name]) => ({ id, name })),
    models: (models.data?.models ?? []).map(({ id, provider_id, model_name }) => ({
      id: String(id),
      name: `${names.get(String(provider_id)) ?? provider_id}/${model_name}`,
      model: model_name,
    })),
  };
}

export function useCreditWrites() {
  const queries = useQueryClient();
  const after =
    (key: string) =>
    async <T>(answer: Promise<T>): Promise<T> => {
      const value = await answer;
      await queries.invalidateQueries({ queryKey: [key] });
      return value;
    };
  const [credits, prices] = [after("credits"), after("prices")];
  return {
    topUp: (id: string, body: CreditInput) =>
      credits(call("POST /credits/accounts/{id}/topup", { path: { id }, body })),
    grant: (id: string, body: CreditInput) =>
      credits(call("POST /credits/accounts/{id}/grant", { path: { id }, body })),
    setAuto: (id: string, body: AutoTopUpInput) =>
      credits(call("PUT /credits/accounts/{id}/auto-topup", { path: { id }, body })),
    removeAuto: (id: string) => credits(call("DELETE /credits/accounts/{id}/auto-topup", { path: { id } })),
    issue: (body: GrantTokenInput) => call("POST /credits/grant-tokens", { body }),
    setPrice: (subject: string, body: PriceInput) => prices(call("PUT /prices/{subject}", { path: { subject }, body })),
    removePrice: (subject: string) => prices(call("DELETE /prices/{subject}", { path: { subject } })),
    tryTable: (body: Record<string, unknown>) => call("PUT /prices/table", { query: { dry_run: "true" }, body }),
    putTable: (body: Record<string, unknown>, force: boolean) =>
      prices(call("PUT /prices/table", { query: force ? { force: "true" } : {}, body })),
    dropTable: () => prices(call("DELETE /prices/table")),
  };
}
