// Adding credits, with a key by which a repeated click changes nothing; and tokens that are redeemed once.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Check, Field, useForm } from "../../ui/field.tsx";
import { Secret } from "../../ui/secret.tsx";
import { useWords } from "./words.ts";

/** From here on an amount is typed twice. */
const LARGE = 1000;
const DAY_S = 86_400;

export function TopUp({ account, onClose }: { account: string | undefined; onClose: () => void }) {
  const words = useWords();
  const client = useQueryClient();
  const [values, setValues] = useState({ account: account ?? "", amount: "", again: "", description: "" });
  const [isGrant, setGrant] = useState(false);
  // One for this form: however often it is sent, the credits are added once.
  const [idempotency_key] = useState(() => crypto.randomUUID());
  const set = (name: keyof typeof values) => (event: { target: { value: string } }) =>
    setValues((now) => ({ ...now, [name]: event.target.value }));
  const isLarge = Number(values.amount) > LARGE;
  const differs = isLarge && values.again !== "" && values.again !== values.amount;
  const form = useForm(async () => {
    const body = {
      amount: Number(values.amount),
      idempotency_key,
      ...(values.description ? { description: values.description } : {}),
    };
    const path = { id: values.account.trim() };
    await (isGrant
      ? call("POST /credits/accounts/{id}/grant", { path, body })
      : call("POST /credits/accounts/{id}/topup", { path, body }));
    await client.invalidateQueries({ queryKey: ["credits"] });
    onClose();
  });
  return (
    <Dialog title={words.topUp} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-3">
        <Field
          label={words.accountField}
          hint={words.accountHint}
          required
          spellCheck={false}
          value={values.account}
          onChange={set("account")}
        />
        <Field
          label={words.dollars}
          hint={words.againHint}
          required
          inputMode="decimal"
          value={values.amount}
          onChange={set("amount")}
          error={form.errorOf("amount")}
        />
        {isLarge && (
          <Field
            label={words.again}
            required
            inputMode="decimal"
            value={values.again}
            onChange={set("again")}
            error={differs ? words.differs : null}
          />
        )}
        <Field
          label={words.note}
          optional
          value={values.description}
          onChange={set("description")}
          error={form.errorOf("description")}
        />
        <Check label={words.asGrant} checked={isGrant} onChange={(event) => setGrant(event.target.checked)} />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy} disabled={isLarge && values.again !== values.amount}>
            {words.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function Issue({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const [token, setToken] = useState<string>();
  const [values, setValues] = useState({ amount: "", account: "", days: "30" });
  const set = (name: keyof typeof values) => (event: { target: { value: string } }) =>
    setValues((now) => ({ ...now, [name]: event.target.value }));
  const form = useForm(async () => {
    const body = {
      amount: Number(values.amount),
      expires_in_seconds: Math.round(Number(values.days) * DAY_S),
      ...(values.account.trim() ? { account: values.account.trim() } : {}),
    };
    setToken((await call("POST /credits/grant-tokens", { body })).token);
  });
  return (
    <Dialog title={words.issue} onClose={onClose} canClose={!token}>
      {token ? (
        <Secret value={token} variable="NEXUS_GRANT_TOKEN" onDone={onClose} />
      ) : (
        <form onSubmit={form.submit} className="flex flex-col gap-3">
          <p className="text-ink2">{words.issueHint}</p>
          <Field
            label={words.dollars}
            required
            inputMode="decimal"
            value={values.amount}
            onChange={set("amount")}
            error={form.errorOf("amount")}
          />
          <Field
            label={words.expires}
            required
            inputMode="numeric"
            value={values.days}
            onChange={set("days")}
            error={form.errorOf("expires_in_seconds")}
          />
          <Field
            label={words.forAccount}
            optional
            value={values.account}
            onChange={set("account")}
            error={form.errorOf("account")}
          />
          {form.rest()}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button type="submit" look="primary" busy={form.busy}>
              {words.issue}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
