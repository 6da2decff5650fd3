// Where the user is signed in, and ending a session that is not theirs.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

type Session = Answer<"GET /auth/sessions">["sessions"][number];
export const SESSIONS = ["own-sessions"];

export function Sessions() {
  const words = useWords();
  const queries = useQueryClient();
  const [ended, setEnded] = useState("");
  const { data, error, refetch } = useQuery({
    queryKey: SESSIONS,
    queryFn: async ({ signal }) => (await call("GET /auth/sessions", { signal })).sessions,
  });
  const others = data?.filter(({ is_current }) => !is_current) ?? [];
  const end = useForm(async () => {
    // One by one: an end of all would be the end of this one.
    for (const { id } of others) {
      setEnded(id);
      await call("DELETE /auth/sessions/{id}", { path: { id } });
    }
    await queries.invalidateQueries({ queryKey: SESSIONS });
  });
  return (
    <Section
      title={words.sessions}
      actions={
        others.length > 0 && (
          <Button busy={end.busy} onClick={() => end.submit()}>
            {words.endOthers}
          </Button>
        )
      }
    >
      {end.rest()}
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton rows={2} />
      ) : (
        <ul aria-label={words.sessions} className="border-t border-line">
          {data.map((session) => (
            <Row key={session.id} session={session} isEnding={end.busy && ended === session.id} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Row({ session, isEnding }: { session: Session; isEnding: boolean }) {
  const words = useWords();
  const queries = useQueryClient();
  const form = useForm(async () => {
    await call("DELETE /auth/sessions/{id}", { path: { id: session.id } });
    await queries.invalidateQueries({ queryKey: SESSIONS });
  });
  return (
    <li className="border-b border-line py-1.5">
      <div className="flex flex-wrap items-center gap-x-3">
        <span className="min-w-0 flex-1 basis-60">
          <span className="block truncate" title={visible(session.user_agent ?? "")}>
            {programOf(session.user_agent) ?? words.unknownProgram}
            {session.address && <span className="text-ink2"> · {visible(session.address)}</span>}
          </span>
          <span className="block text-table text-ink3">
            {words.began} <Time ms={session.created_at} /> · {words.lastUsed} <Ago ms={session.last_used_at} />
          </span>
        </span>
        {session.is_current ? (
          <Chip tone="ok">
            <span aria-hidden="true">●</span>
            {words.thisOne}
          </Chip>
        ) : (
          <Button look="quiet" icon="out" busy={form.busy || isEnding} onClick={() => form.submit()}>
            {words.end}
          </Button>
        )}
      </div>
      {form.rest()}
    </li>
  );
}

const PROGRAMS: [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/Chrom(e|ium)\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Mac OS X/, "macOS"],
  [/Windows/, "Windows"],
  [/Linux|X11/, "Linux"],
];

/** "Firefox, Windows": what a browser says of itself, in short; another program's own words. */
function programOf(agent: string | null): string | null {
  if (!agent) return null;
  const of = (table: [RegExp, string][]) => table.find(([pattern]) => pattern.test(agent))?.[1];
  const [program, system] = [of(PROGRAMS), of(SYSTEMS)];
  return program ? [program, system].filter(Boolean).join(", ") : visible(agent).slice(0, 60);
}
