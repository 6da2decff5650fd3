// The form of a service: of a known one nothing but what only the administrator knows, of another one all of it.

import { useState } from "react";
import type { IdentityProviderCreate } from "../../api/schema.d.ts";
import { Button } from "../../ui/button.tsx";
import { Area, Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { type Draft, type Kind, NEW, PRESETS, type Preset, bodyOf, draftOf } from "./draft.ts";
import type { Service } from "./queries.ts";
import { useWords } from "./words.ts";

interface Props {
  service?: Service;
  send: (body: IdentityProviderCreate) => Promise<void>;
  onClose: () => void;
}

export function ServiceForm({ service, send, onClose }: Props) {
  const words = useWords();
  const [draft, setDraft] = useState<Draft>(() => (service ? draftOf(service) : NEW));
  const form = useForm(() => send(bodyOf(draft, service)));
  const set = (change: Partial<Draft>) => setDraft((now) => ({ ...now, ...change }));
  const typed = (name: Exclude<keyof Draft, "preset" | "kind" | "makes_accounts">, field: string = name) => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }),
    error: form.errorOf(field),
    spellCheck: false,
  });
  const choose = (value: string) => {
    const preset = PRESETS.find(({ id }) => id === value);
    set(preset ? { preset: preset.id, kind: preset.kind } : { preset: "" as Preset | "", kind: value as Kind });
  };
  const { kind, preset } = draft;
  // A preset knows its addresses, except for Cloudflare Access, whose issuer is that of a team.
  const asksIssuer = preset === "" || kind === "access";
  return (
    <form onSubmit={form.submit} className="flex flex-col gap-4">
      {!service && (
        <Choice
          label={words.which}
          value={preset || kind}
          onChange={(event) => choose(event.target.value)}
          error={form.errorOf("preset") ?? form.errorOf("kind")}
        >
          {PRESETS.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
          <option value="oidc">{words.otherOidc}</option>
          <option value="oauth2">{words.otherApi}</option>
        </Choice>
      )}
      {!service && (
        <Field label={words.id} hint={words.idHint} required={preset === ""} placeholder={preset} {...typed("id")} />
      )}
      <Field label={words.name} optional {...typed("name")} />
      {asksIssuer && (
        <Field
          label={words.issuer}
          hint={kind === "access" ? words.issuerAccess : kind === "oauth2" ? words.issuerApi : words.issuerHint}
          required
          {...typed("issuer")}
        />
      )}
      <Field
        label={kind === "access" ? words.audience : words.clientId}
        hint={kind === "access" ? undefined : words.clientIdHint}
        required
        {...typed("client_id")}
      />
      {kind !== "access" && (
        <Field
          label={words.secret}
          hint={service?.has_client_secret ? words.secretKeep : words.secretHint}
          type="password"
          {...typed("client_secret")}
        />
      )}
      {kind === "oauth2" && preset === "" && (
        <>
          <Field label={words.authorization} required type="url" {...typed("authorization_endpoint")} />
          <Field label={words.token} required type="url" {...typed("token_endpoint")} />
          <Field label={words.user} required type="url" {...typed("user_endpoint")} />
          <Field label={words.emails} optional type="url" {...typed("emails_endpoint")} />
          <fieldset className="flex flex-col gap-3">
            <legend className="mb-1 font-medium">{words.fields}</legend>
            <Field label={words.field_subject} optional {...typed("subject", "fields.subject")} />
            <Field label={words.field_email} optional {...typed("email", "fields.email")} />
          </fieldset>
        </>
      )}
      {preset === "" && kind !== "access" && <Field label={words.scope} optional {...typed("scope")} />}
      <div>
        <Check
          label={words.makesAccounts}
          checked={draft.makes_accounts}
          onChange={(event) => set({ makes_accounts: event.target.checked })}
        />
        <p className="text-table text-ink3">{words.makesHint}</p>
      </div>
      {draft.makes_accounts && <Field label={words.roles} hint={words.rolesHint} {...typed("roles")} />}
      <Area label={words.roleMap} optional rows={3} hint={words.roleMapHint} {...typed("role_map")} />
      {form.rest()}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>{words.cancel}</Button>
        <Button type="submit" look="primary" busy={form.busy}>
          {service ? words.save : words.create}
        </Button>
      </div>
    </form>
  );
}
