// What a user is granted directly, beside their roles: for a time or for good.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Permissions } from "../../ui/permissions.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

type Grant = Answer<"GET /users/{id}/grants">["grants"][number];
const HOUR = 3600;

export function Grants({ user }: { user: string }) {
  const words = useWords();
  const [adds, setAdds] = useState(false);
  const key = ["grants", user];
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => (await call("GET /users/{id}/grants", { path: { id: user }, signal })).grants,
  });
  return (
    <Section
      title={words.grants}
      actions={
        <Button icon="plus" onClick={() => setAdds(true)}>
          {words.grant}
        </Button>
      }
    >
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton rows={2} />
      ) : data.length === 0 ? (
        <p className="text-ink2">{words.noGrants}</p>
      ) : (
        <ul className="border-t border-line">
          {data.map((grant) => (
            <Row key={grant.id} grant={grant} user={user} />
          ))}
        </ul>
      )}
      {adds && <Add user={user} onClose={() => setAdds(false)} />}
    </Section>
  );
}

function Row({ grant, user }: { grant: Grant; user: string }) {
  const words = useWords();
  const client = useQueryClient();
  const remove = useForm(async () => {
    await call("DELETE /users/{id}/grants/{grant}", { path: { id: user, grant: grant.id } });
    await client.invalidateQueries({ queryKey: ["grants", user] });
  });
  return (
    <li className="flex flex-wrap items-start gap-x-3 gap-y-1 border-b border-line py-2">
      <div className="min-w-0 flex-1 basis-60">
        <p className="font-mono text-table [overflow-wrap:anywhere]">{visible(grant.permissions.join(", "))}</p>
        <p className="text-table text-ink3">
          {grant.expires_at === null ? (
            words.forGood
          ) : (
            <>
              {words.until} <Time ms={grant.expires_at} />
            </>
          )}{" "}
          · {words.by} {visible(grant.granted_by)}
          {grant.note && ` · ${visible(grant.note)}`}
        </p>
        {remove.rest()}
      </div>
      <Button look="quiet" icon="trash" busy={remove.busy} onClick={() => remove.submit()}>
        {words.takeBack}
      </Button>
    </li>
  );
}

function Add({ user, onClose }: { user: string; onClose: () => void }) {
  const words = useWords();
  const client = useQueryClient();
  const [chosen, setChosen] = useState<string[]>([]);
  const [note, setNote] = useState("");
  const [seconds, setSeconds] = useState(24 * HOUR);
  const { data, error } = useQuery({
    queryKey: ["permissions"],
    queryFn: async ({ signal }) => (await call("GET /permissions", { signal })).permissions,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const form = useForm(async () => {
    await call("POST /users/{id}/grants", {
      path: { id: user },
      body: {
        permissions: chosen,
        ...(note.trim() ? { note: note.trim() } : {}),
        ...(seconds > 0 ? { expires_in_seconds: seconds } : {}),
      },
    });
    await client.invalidateQueries({ queryKey: ["grants", user] });
    onClose();
  });
  return (
    <Dialog title={words.grant} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        {error ? (
          <Failure error={error} />
        ) : data ? (
          <Permissions
            label={words.permissions}
            all={data}
            chosen={chosen}
            onChange={setChosen}
            error={form.errorOf("permissions")}
          />
        ) : (
          <Skeleton rows={6} />
        )}
        <Choice
          label={words.forHowLong}
          value={seconds}
          onChange={(event) => setSeconds(Number(event.target.value))}
          error={form.errorOf("expires_in_seconds")}
        >
          <option value={HOUR}>{words.oneHour}</option>
          <option value={24 * HOUR}>{words.oneDay}</option>
          <option value={7 * 24 * HOUR}>{words.oneWeek}</option>
          <option value={30 * 24 * HOUR}>{words.oneMonth}</option>
          <option value={0}>{words.forGood}</option>
        </Choice>
        <Field
          label={words.grantNote}
          optional
          value={note}
          onChange={(event) => setNote(event.target.value)}
          error={form.errorOf("note")}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy} disabled={chosen.length === 0}>
            {words.grant}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
