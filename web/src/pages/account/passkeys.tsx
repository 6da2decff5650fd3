// Passkeys: those that there are, adding one, removing one.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { addPasskey, hasPasskeys } from "../../api/passkeys.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

type Passkey = Answer<"GET /auth/passkeys">["passkeys"][number];
const PASSKEYS = ["passkeys"];

export function Passkeys() {
  const words = useWords();
  const [adds, setAdds] = useState(false);
  const [removed, setRemoved] = useState<Passkey>();
  const { data, error, refetch } = useQuery({
    queryKey: PASSKEYS,
    queryFn: async ({ signal }) => (await call("GET /auth/passkeys", { signal })).passkeys,
  });
  return (
    <Section
      title={words.passkeys}
      actions={
        hasPasskeys() && (
          <Button icon="plus" onClick={() => setAdds(true)}>
            {words.addPasskey}
          </Button>
        )
      }
    >
      <p className="mb-2 text-table text-ink3">{hasPasskeys() ? words.passkeysHint : words.noSupport}</p>
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton rows={2} />
      ) : data.length === 0 ? (
        <p className="text-ink2">{words.noPasskeys}</p>
      ) : (
        <ul aria-label={words.passkeys} className="border-t border-line">
          {data.map((passkey) => (
            <li key={passkey.id} className="flex flex-wrap items-center gap-x-3 border-b border-line py-1.5">
              <span className="min-w-0 flex-1 basis-40 truncate font-medium">{visible(passkey.name)}</span>
              <span className="text-table text-ink3">
                <Time ms={passkey.created_at} style="date" /> ·{" "}
                {passkey.last_used_at === null ? (
                  words.neverUsed
                ) : (
                  <>
                    {words.lastUsed} <Ago ms={passkey.last_used_at} />
                  </>
                )}
              </span>
              <Button look="quiet" icon="trash" onClick={() => setRemoved(passkey)}>
                {words.remove}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {adds && <Add onClose={() => setAdds(false)} />}
      {removed && <Remove passkey={removed} onClose={() => setRemoved(undefined)} />}
    </Section>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [refused, setRefused] = useState<"declined" | "unsupported">();
  const form = useForm(async () => {
    setRefused(undefined);
    const outcome = await addPasskey(name.trim());
    if (outcome !== "added") return setRefused(outcome);
    await queries.invalidateQueries({ queryKey: PASSKEYS });
    onClose();
  });
  return (
    <Dialog title={words.addPasskey} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field
          label={words.passkeyName}
          optional
          placeholder={words.passkeyPlaceholder}
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={form.errorOf("name")}
        />
        {refused === "declined" && <p role="status">{words.notAdded}</p>}
        {refused === "unsupported" && (
          <p role="alert" className="text-warn">
            <span aria-hidden="true">▲ </span>
            {words.unsupported}
          </p>
        )}
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" icon="key" busy={form.busy}>
            {words.addPasskey}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Remove({ passkey, onClose }: { passkey: Passkey; onClose: () => void }) {
  const words = useWords();
  const queries = useQueryClient();
  const form = useForm(async () => {
    await call("DELETE /auth/passkeys/{id}", { path: { id: passkey.id } });
    await queries.invalidateQueries({ queryKey: PASSKEYS });
    onClose();
  });
  return (
    <Confirm
      title={words.removeTitle}
      consequence={words.removeText(visible(passkey.name))}
      action={words.remove}
      busy={form.busy}
      error={form.rest()}
      onConfirm={() => form.submit()}
      onClose={onClose}
    />
  );
}
