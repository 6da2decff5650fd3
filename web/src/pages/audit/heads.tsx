// The signed heads of the log: what the log was at which time, kept where those who write to the database do not reach.

import { count, visible } from "../../lib/format.ts";
import { download } from "../../lib/csv.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { useHeads } from "./queries.ts";
import { useWords } from "./words.ts";

export function HeadsView({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const { data, error, refetch } = useHeads();
  const save = () => download("audit-heads.json", JSON.stringify(data, null, 2), "application/json");
  return (
    <Dialog title={words.heads} onClose={onClose} width="wide">
      <p className="mb-3 max-w-text text-ink2">{words.headsText}</p>
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton rows={4} />
      ) : data.heads.length === 0 ? (
        <p className="text-ink2">{words.noHeads}</p>
      ) : (
        <>
          <ul aria-label={words.heads} className="border-t border-line">
            {data.heads.toReversed().map((head) => (
              <li key={head.seq} className="border-b border-line py-2">
                <p className="flex flex-wrap gap-x-4">
                  <Time ms={head.at} style="full" />
                  <span>{words.entry(head.seq)}</span>
                  <span className="text-ink3">
                    {words.signedBy} {visible(head.kid)}
                  </span>
                </p>
                <p className="font-mono text-table [overflow-wrap:anywhere] text-ink2">{head.hash}</p>
              </li>
            ))}
          </ul>
          <div className="mt-3 flex items-center gap-3">
            <Button icon="download" onClick={save}>
              {words.headsFile}
            </Button>
            <span className="text-table text-ink3">{count(data.heads.length, locale)}</span>
          </div>
        </>
      )}
    </Dialog>
  );
}
