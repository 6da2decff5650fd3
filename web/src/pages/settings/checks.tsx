// Whether the deployment is sound, and the isolate that answers.

import { useQuery } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Ago } from "../../ui/time.tsx";
import { Cache } from "./cache.tsx";
import { useWords } from "./words.ts";

type Check = Answer<"GET /setup/checks">["checks"][number];
const MARKS = {
  ok: { mark: "●", tone: "ok" },
  missing: { mark: "◌", tone: "warn" },
  failed: { mark: "✕", tone: "bad" },
} as const;

export function Checks() {
  const may = useMay();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["checks"],
    queryFn: async ({ signal }) => (await call("GET /setup/checks", { signal })).checks,
    refetchInterval: 60_000,
  });
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton rows={9} />;
  return (
    <>
      <ul className="border-t border-line">
        {data.map((check) => (
          <One key={check.subject} check={check} />
        ))}
      </ul>
      {may("manage_system") && <Cache />}
      <Isolate />
    </>
  );
}

function One({ check }: { check: Check }) {
  const words = useWords();
  const { mark, tone } = MARKS[check.outcome];
  return (
    <li className="flex flex-wrap items-center gap-x-4 border-b border-line py-2">
      <span className="w-52 font-medium">{words[check.subject]}</span>
      <Chip tone={tone}>
        <span aria-hidden="true">{mark}</span>
        {words[check.outcome]}
      </Chip>
      <span className="min-w-0 flex-1 basis-60 [overflow-wrap:anywhere] text-ink2">
        {check.advice && visible(check.advice)}
        {!check.advice && check.at !== null && (
          <>
            {words.seen} <Ago ms={check.at} />
          </>
        )}
      </span>
    </li>
  );
}

function Isolate() {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const { data, error, refetch } = useQuery({
    queryKey: ["isolate"],
    queryFn: ({ signal }) => call("GET /system/status", { signal }),
  });
  if (error) return <Failure error={error} retry={refetch} />;
  if (!data) return null;
  const { memory_bytes, maps } = data.isolate;
  return (
    <Section title={words.isolate}>
      <p>
        {words.memory}: {(memory_bytes / 2 ** 20).toFixed(1)} MiB
      </p>
      <ul className="mt-2 grid grid-cols-[repeat(auto-fill,minmax(220px,1fr))] gap-x-6 text-table text-ink2">
        {maps.map(({ name, entries, most }) => (
          <li key={name} className="flex justify-between border-b border-line py-0.5">
            <span className="truncate font-mono">{name}</span>
            <span>
              {count(entries, locale)}
              {most !== null && ` / ${count(most, locale)}`}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
