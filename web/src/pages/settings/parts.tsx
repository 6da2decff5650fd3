// The master key, and the sessions of the admin token.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

export function MasterKey() {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [sealed, setSealed] = useState(0);
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["secret key"],
    queryFn: ({ signal }) => call("GET /system/secret-key", { signal }),
  });
  const seal = useForm(async () => {
    let all = 0;
    // A step seals some, so that it ends in time; the last one leaves none.
    for (let left = 1; left > 0; ) {
      const step = await call("POST /system/secret-key/rotate", { body: {} });
      all += step.resealed;
      setSealed(all);
      left = step.resealed > 0 ? step.left : 0;
    }
    await client.invalidateQueries({ queryKey: ["secret key"] });
  });
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton rows={3} />;
  return (
    <>
      <p className={data.left === 0 ? "text-ok" : "text-warn"}>{words.left(data.left)}</p>
      <ul className="mt-2 border-t border-line">
        {data.keys.map(({ id, role, values }) => (
          <li key={id} className="flex gap-4 border-b border-line py-1.5">
            <span className="font-mono text-table">{id}</span>
            <span className="flex-1 text-ink2">{words[`role_${role}`]}</span>
            <span>
              {values} {words.values}
            </span>
          </li>
        ))}
      </ul>
      {data.unreadable.length > 0 && (
        <div className="mt-4">
          <h3 className="font-semibold text-bad">{words.unreadable}</h3>
          <ul>
            {data.unreadable.map(({ field, reason, ...of }) => (
              <li key={JSON.stringify(of) + field} className="[overflow-wrap:anywhere]">
                {visible(Object.values(of).filter(Boolean).join(" "))} {field}: {visible(reason)}
              </li>
            ))}
          </ul>
        </div>
      )}
      {data.left > 0 && may("rotate_system_secret_key") && (
        <p className="mt-4 flex items-center gap-3">
          <Button look="primary" busy={seal.busy} onClick={() => seal.submit()}>
            {words.seal}
          </Button>
          {sealed > 0 && <span role="status">{words.sealing(sealed)}</span>}
        </p>
      )}
      {seal.rest()}
    </>
  );
}

export function Sessions() {
  const words = useWords();
  const client = useQueryClient();
  const [failure, setFailure] = useState<unknown>();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["console sessions"],
    queryFn: async ({ signal }) => (await call("GET /console/sessions", { signal })).sessions,
  });
  const end = async (id: string) => {
    setFailure(undefined);
    try {
      await call("DELETE /console/sessions/{id}", { path: { id } });
      await client.invalidateQueries({ queryKey: ["console sessions"] });
    } catch (problem) {
      setFailure(problem);
    }
  };
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton rows={3} />;
  if (data.length === 0) return <Empty>{words.noSessions}</Empty>;
  return (
    <>
      <ul className="border-t border-line">
        {data.map((session) => (
          <li key={session.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2">
            <span className="min-w-0 flex-1 basis-72">
              <span className="block truncate">{visible(session.user_agent ?? "–")}</span>
              <span className="text-table text-ink3">
                {session.address ?? ""} <Time ms={session.created_at} /> · {words.used}{" "}
                <Ago ms={session.last_used_at} />
              </span>
            </span>
            {session.is_current ? (
              <span className="text-ink3">{words.here}</span>
            ) : (
              <Button onClick={() => end(session.id)}>{words.end}</Button>
            )}
          </li>
        ))}
      </ul>
      {failure !== undefined && <Failure error={failure} />}
    </>
  );
}
