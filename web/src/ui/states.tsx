// What a page shows instead of data: its geometry while it loads, what failed and what to do, or that there is nothing yet.

import type { ReactNode } from "react";
import { ApiFailure } from "../api/client.ts";
import { Button } from "./button.tsx";
import { Copy } from "./copy.tsx";
import { Icon } from "./icon.tsx";
import { useUiWords } from "./words.ts";

/** Grey bars where rows will be. They appear after 150 ms, so that what is quick does not flicker. */
export function Skeleton({ rows = 8, height = 32 }: { rows?: number; height?: number }) {
  const words = useUiWords();
  return (
    <div role="status" aria-label={words.loading} className="flex flex-col gap-1">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="skeleton" style={{ height: height - 4 }} />
      ))}
    </div>
  );
}

/** An error with its code and the id of its request, and another try where there is one. */
export function Failure({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }) {
  const words = useUiWords();
  const failure = error instanceof ApiFailure ? error : undefined;
  return (
    <div role="alert" className="my-2 rounded-m border border-bad bg-bad-soft p-3">
      <p className="flex items-center gap-2 font-medium text-bad">
        <Icon name="warn" />
        {title ?? words.failed}
      </p>
      <p className="mt-1 [overflow-wrap:anywhere]">{messageOf(error, words)}</p>
      <p className="mt-1 flex flex-wrap items-center gap-x-4 gap-y-1 font-mono text-table text-ink2">
        {failure && <span>{failure.code}</span>}
        {failure?.param && <span>{failure.param}</span>}
        {failure?.requestId && (
          <span className="inline-flex items-center gap-1">
            {words.requestId} {failure.requestId}
            <Copy text={failure.requestId} small />
          </span>
        )}
      </p>
      {retry && (
        <Button className="mt-2" icon="refresh" onClick={retry}>
          {words.retry}
        </Button>
      )}
    </div>
  );
}

function messageOf(error: unknown, words: ReturnType<typeof useUiWords>): string {
  if (!(error instanceof ApiFailure)) return String(error);
  if (error.code === "no_connection") return words.noConnection;
  const wait = error.retryAfter ? ` ${words.waitSeconds(error.retryAfter)}` : "";
  return `${error.code === "permission_denied" ? `${words.forbidden} ` : ""}${error.message}${wait}`;
}

/** There is nothing yet: a sentence, and what can be done about it. */
export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-start gap-3 border-t border-line py-10">
      <p className="max-w-text text-ink2">{children}</p>
      {action}
    </div>
  );
}
