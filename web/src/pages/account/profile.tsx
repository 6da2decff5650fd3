// Name and picture, and what administrators need to know of a user.

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { call } from "../../api/client.ts";
import { ME } from "../../api/me.ts";
import type { AccountView } from "../../api/schema.d.ts";
import { SESSION } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { useSignInOptions } from "./services.tsx";
import { useWords } from "./words.ts";

function useReadAnew(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await Promise.all([ME, SESSION].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
}

export function Profile({ me }: { me: AccountView }) {
  const words = useWords();
  const readAnew = useReadAnew();
  const [name, setName] = useState(me.name);
  const [isSaved, setSaved] = useState(false);
  const form = useForm(async () => {
    await call("PUT /auth/me", { body: { name: name.trim() || null } });
    await readAnew();
    setSaved(true);
  });
  return (
    <Section title={words.profile}>
      <Picture me={me} />
      <form onSubmit={form.submit} className="mt-4 flex flex-col items-start gap-3">
        <div className="w-full max-w-form">
          <Field
            label={words.name}
            autoComplete="name"
            value={name}
            onChange={(event) => {
              setName(event.target.value);
              setSaved(false);
            }}
            error={form.errorOf("name")}
          />
        </div>
        {form.rest()}
        <div className="flex items-center gap-3">
          <Button type="submit" busy={form.busy} disabled={name.trim() === me.name}>
            {words.save}
          </Button>
          {isSaved && (
            <span role="status" className="text-ok">
              {words.saved}
            </span>
          )}
        </div>
      </form>
      <div className="mt-6">
        <Facts
          facts={[
            [words.email, <Address key="e" me={me} />],
            [
              words.id,
              <span key="i" className="inline-flex items-center gap-1 font-mono text-table">
                {me.id} <Copy text={me.id} small />
              </span>,
            ],
            [words.roles, visible(me.roles.join(", "))],
            [words.teams, visible(me.teams.map((team) => `${team.name} (${words[team.role]})`).join(", "))],
          ]}
        />
      </div>
    </Section>
  );
}

function Address({ me }: { me: AccountView }) {
  const words = useWords();
  const [isSent, setSent] = useState(false);
  const { data: options } = useSignInOptions();
  const form = useForm(async () => {
    await call("POST /auth/email/verification", { body: { email: me.email } });
    setSent(true);
  });
  return (
    <>
      {visible(me.email)}
      {me.email_verified_at === null && (
        <span className="mt-1 flex flex-wrap items-center gap-2 text-table text-warn">
          <span>▲ {words.unconfirmed}</span>
          {isSent ? (
            <span role="status">{words.linkSent}</span>
          ) : (
            options?.sends_mail && (
              <Button busy={form.busy} onClick={() => form.submit()}>
                {words.sendLink}
              </Button>
            )
          )}
        </span>
      )}
      {form.rest()}
    </>
  );
}

function Picture({ me }: { me: AccountView }) {
  const words = useWords();
  const readAnew = useReadAnew();
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File>();
  const put = useForm(async () => {
    const chosen = input.current?.files?.[0];
    if (!chosen) return;
    setFile(chosen);
    await call("PUT /auth/me/avatar", { file: chosen });
    await readAnew();
  });
  const remove = useForm(async () => {
    await call("DELETE /auth/me/avatar");
    setFile(undefined);
    await readAnew();
  });
  return (
    <div className="flex flex-wrap items-center gap-4">
      {me.has_avatar ? (
        <img
          // The address stays the same when the picture changes.
          key={`${me.updated_at} ${file?.name ?? ""}`}
          src={`/users/${me.id}/avatar?of=${me.updated_at}`}
          alt={words.pictureOf}
          width="64"
          height="64"
          className="size-16 rounded-full border border-line object-cover"
        />
      ) : (
        <span
          aria-hidden="true"
          className="grid size-16 place-items-center rounded-full bg-accent-soft text-page font-semibold text-accent"
        >
          {[...(me.name || me.email)][0]?.toUpperCase()}
        </span>
      )}
      <div>
        <div className="flex flex-wrap gap-2">
          <input
            ref={input}
            type="file"
            accept="image/png,image/jpeg,image/webp,image/gif"
            aria-label={words.picture}
            className="sr-only"
            tabIndex={-1}
            onChange={() => put.submit()}
          />
          <Button busy={put.busy} onClick={() => input.current?.click()}>
            {words.choosePicture}
          </Button>
          {me.has_avatar && (
            <Button look="quiet" icon="trash" busy={remove.busy} onClick={() => remove.submit()}>
              {words.removePicture}
            </Button>
          )}
        </div>
        <p className="mt-1 text-table text-ink3">{words.pictureHint}</p>
        {put.rest()}
        {remove.rest()}
      </div>
    </div>
  );
}
