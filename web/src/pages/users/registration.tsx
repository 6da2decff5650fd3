// Who may make an account of their own: the way in, and invitations, whose codes are shown once.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Secret } from "../../ui/secret.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

type Registration = Answer<"GET /registration">;
const MODES = ["closed", "invite", "open", "scheduled"] as const;
const REGISTRATION = ["registration"];
const INVITATIONS = ["invitations"];

export function RegistrationView() {
  const { data, error, refetch } = useQuery({
    queryKey: REGISTRATION,
    queryFn: ({ signal }) => call("GET /registration", { signal }),
  });
  return (
    <>
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : data ? (
        <Rules key={JSON.stringify(data)} now={data} />
      ) : (
        <Skeleton rows={5} />
      )}
      <Invitations />
    </>
  );
}

const listed = (text: string) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

function Rules({ now }: { now: Registration }) {
  const words = useWords();
  const client = useQueryClient();
  const [mode, setMode] = useState(now.mode);
  const [values, setValues] = useState({
    domains: now.domains?.join(", ") ?? "",
    roles: now.roles.join(", "),
    seats: now.seats === null ? "" : String(now.seats),
  });
  const [approval, setApproval] = useState(now.approval);
  const [verification, setVerification] = useState(now.verification);
  const typed = (name: keyof typeof values) => ({
    value: values[name],
    error: form.errorOf(name),
    onChange: (event: { target: { value: string } }) =>
      setValues((before) => ({ ...before, [name]: event.target.value })),
  });
  const form = useForm(async () => {
    const body = {
      mode: mode as (typeof MODES)[number],
      domains: listed(values.domains).length > 0 ? listed(values.domains) : null,
      roles: listed(values.roles),
      seats: values.seats.trim() === "" ? null : Number(values.seats),
      approval,
      verification,
    };
    await call("PUT /registration", { body });
    await client.invalidateQueries({ queryKey: REGISTRATION });
  });
  return (
    <form onSubmit={form.submit} className="flex max-w-form flex-col gap-3">
      <p className={now.is_open ? "text-ok" : "text-ink2"}>
        {now.is_open ? words.isOpen : words.isClosed}
        {now.seats !== null && ` ${words.taken(now.taken, now.seats)}`}
      </p>
      <Choice
        label={words.mode}
        value={mode}
        onChange={(event) => setMode(event.target.value)}
        error={form.errorOf("mode")}
      >
        {MODES.filter((one) => one !== "scheduled" || now.mode === "scheduled").map((one) => (
          <option key={one} value={one}>
            {words[one]}
          </option>
        ))}
      </Choice>
      <Field label={words.domains} hint={words.domainsHint} optional {...typed("domains")} />
      <Field label={words.rolesOfNew} {...typed("roles")} />
      <Field label={words.seats} optional inputMode="numeric" {...typed("seats")} />
      <Check label={words.approval} checked={approval} onChange={(event) => setApproval(event.target.checked)} />
      <Check
        label={words.verification}
        checked={verification}
        onChange={(event) => setVerification(event.target.checked)}
      />
      {form.errorOf("verification") && (
        <p role="alert" className="text-bad">
          {form.errorOf("verification")}
        </p>
      )}
      {form.rest()}
      <div>
        <Button type="submit" look="primary" busy={form.busy}>
          {words.save}
        </Button>
      </div>
    </form>
  );
}

function Invitations() {
  const words = useWords();
  const client = useQueryClient();
  const [isAdding, setAdding] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: INVITATIONS,
    queryFn: async ({ signal }) => (await call("GET /invitations", { signal })).invitations,
  });
  const end = async (id: string) => {
    setFailure(undefined);
    try {
      await call("DELETE /invitations/{id}", { path: { id } });
      await client.invalidateQueries({ queryKey: INVITATIONS });
    } catch (problem) {
      setFailure(problem);
    }
  };
  const add = (
    <Button icon="plus" onClick={() => setAdding(true)}>
      {words.invite}
    </Button>
  );
  return (
    <Section title={words.invitations} actions={add}>
      {error && !data ? <Failure error={error} retry={refetch} /> : isPending ? <Skeleton rows={3} /> : null}
      {data?.length === 0 && <p className="text-ink2">{words.noInvitations}</p>}
      <ul className="border-t border-line">
        {data?.map((one) => (
          <li key={one.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2">
            <span className="min-w-0 flex-1 basis-60">
              <span className="font-medium">{visible(one.email ?? (one.note || words.anyone))}</span>
              <span className="block text-table text-ink3">{visible(one.roles?.join(", ") ?? words.usualRoles)}</span>
            </span>
            <span className="text-ink2">{words.taken(one.taken, one.seats)}</span>
            <span className="text-ink2">
              {words.until} <Time ms={one.expires_at} />
            </span>
            <Button look="quiet" icon="trash" aria-label={`${words.withdraw}: ${one.id}`} onClick={() => end(one.id)} />
          </li>
        ))}
      </ul>
      {failure !== undefined && <Failure error={failure} />}
      {isAdding && (
        <Invite
          onClose={() => {
            setAdding(false);
            client.invalidateQueries({ queryKey: INVITATIONS });
          }}
        />
      )}
    </Section>
  );
}

function Invite({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const [code, setCode] = useState<string>();
  const [values, setValues] = useState({ email: "", note: "", roles: "", seats: "1", days: "7" });
  const typed = (name: keyof typeof values) => ({
    value: values[name],
    error: form.errorOf(name),
    onChange: (event: { target: { value: string } }) =>
      setValues((before) => ({ ...before, [name]: event.target.value })),
  });
  const form = useForm(async () => {
    const body = {
      ...(values.email.trim() ? { email: values.email.trim() } : {}),
      ...(values.note.trim() ? { note: values.note.trim() } : {}),
      ...(values.roles.trim() ? { roles: listed(values.roles) } : {}),
      seats: Number(values.seats),
      expires_in_hours: Math.round(Number(values.days) * 24),
    };
    const made = await call("POST /invitations", { body });
    if (made.code) setCode(made.code);
    else onClose();
  });
  return (
    <Dialog title={words.invite} onClose={onClose} canClose={!code}>
      {code ? (
        <Secret value={code} variable="NEXUS_INVITATION" onDone={onClose} />
      ) : (
        <form onSubmit={form.submit} className="flex flex-col gap-3">
          <Field label={words.onlyFor} optional type="email" {...typed("email")} />
          <Field label={words.note} optional {...typed("note")} />
          <Field label={words.roles} optional hint={words.usualRoles} {...typed("roles")} />
          <div className="grid grid-cols-2 gap-3">
            <Field label={words.accounts} required inputMode="numeric" {...typed("seats")} />
            <Field
              label={words.validDays}
              required
              inputMode="numeric"
              {...typed("days")}
              error={form.errorOf("expires_in_hours")}
            />
          </div>
          {form.rest()}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button type="submit" look="primary" busy={form.busy}>
              {words.invite}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
