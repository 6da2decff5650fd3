// Submissions by pages and one by one, and what can be done with them.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import type { ApproveInput, ProviderSubmission, SubmissionState } from "../../api/schema.d.ts";

export type Submission = ProviderSubmission;

export const STATES: SubmissionState[] = [
  "submitted",
  "tested",
  "approved",
  "approved_limited",
  "rejected",
  "withdrawn",
];
const SUBMISSIONS = ["submissions"];
const PAGE = 100;

export function useSubmissions(state: SubmissionState | undefined) {
  return useInfiniteQuery({
    queryKey: [...SUBMISSIONS, "list", state ?? ""],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /providers/submissions", {
        query: { limit: PAGE, ...(state ? { state } : {}), ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 30_000,
  });
}

export const useSubmission = (id: string) =>
  useQuery({
    queryKey: [...SUBMISSIONS, "one", id],
    queryFn: ({ signal }) => call("GET /providers/submissions/{id}", { path: { id }, signal }),
  });

export function useReview(id: string) {
  const queries = useQueryClient();
  const path = { id };
  const after = async (answer: Promise<Submission>) => {
    queries.setQueryData([...SUBMISSIONS, "one", id], await answer);
    await Promise.all(
      [SUBMISSIONS, ["providers"], ["notifications"]].map((queryKey) => queries.invalidateQueries({ queryKey })),
    );
  };
  return {
    test: () => after(call("POST /providers/submissions/{id}/test", { path })),
    approve: (body: ApproveInput) => after(call("POST /providers/submissions/{id}/approve", { path, body })),
    reject: (notes: string) => after(call("POST /providers/submissions/{id}/reject", { path, body: { notes } })),
    withdraw: () => after(call("POST /providers/submissions/{id}/withdraw", { path })),
  };
}
