// The forms of credits: adding them, a rule by which that happens by itself, and a token that is worth some.

import { useState } from "react";
import type { AppendedTransaction, AutoTopUp, IssuedGrantToken } from "../../api/schema.d.ts";
import { money } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { Secret } from "../../ui/secret.tsx";
import { Time } from "../../ui/time.tsx";
import { useCreditWrites } from "./queries.ts";
import { LARGE, idempotencyKey } from "./rows.ts";
import { useWords } from "./words.ts";

interface AddProps {
  account: string;
  how: "topUp" | "grant";
  onClose: () => void;
}

export function AddCredits({ account, how, onClose }: AddProps) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const writes = useCreditWrites();
  const [amount, setAmount] = useState("");
  const [again, setAgain] = useState("");
  const [description, setDescription] = useState("");
  const [done, setDone] = useState<AppendedTransaction>();
  // One key for as long as the dialog is open: a second click, or a try after a lost answer, adds nothing twice.
  const [key] = useState(() => idempotencyKey((bytes) => crypto.getRandomValues(bytes)));
  const isLarge = Number(amount) > LARGE;
  const differs = isLarge && again.trim() !== "" && Number(again) !== Number(amount);
  const form = useForm(async () => {
    const body = {
      amount: Number(amount),
      idempotency_key: key,
      ...(description.trim() ? { description: description.trim() } : {}),
    };
    setDone(await writes[how](account, body));
  });
  if (done) {
    return (
      <Dialog title={words[how]} onClose={onClose}>
        <p role="status">
          {done.applied
            ? words.added(money(done.transaction.amount * 1e6, locale), money(done.balance * 1e6, locale))
            : words.repeated}
        </p>
        <div className="mt-4 flex justify-end">
          <Button onClick={onClose}>OK</Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={words[how]} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field
          label={words.amount}
          required
          inputMode="decimal"
          value={amount}
          onChange={(event) => setAmount(event.target.value)}
          error={form.errorOf("amount")}
          hint={how === "topUp" ? words.topUpHint : words.grantHint}
        />
        {isLarge && (
          <Field
            label={words.again}
            required
            inputMode="decimal"
            value={again}
            onChange={(event) => setAgain(event.target.value)}
            error={differs ? words.differs : null}
            hint={words.againHint}
          />
        )}
        <Field
          label={words.description}
          optional
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          error={form.errorOf("description")}
        />
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy} disabled={isLarge && Number(again) !== Number(amount)}>
            {words.add}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface AutoProps {
  account: string;
  rule: AutoTopUp | null;
  onClose: () => void;
}

export function AutoRule({ account, rule, onClose }: AutoProps) {
  const words = useWords();
  const writes = useCreditWrites();
  const [min, setMin] = useState(rule ? String(rule.min_balance) : "");
  const [target, setTarget] = useState(rule ? String(rule.target_balance) : "");
  const form = useForm(async () => {
    await writes.setAuto(account, { min_balance: Number(min), target_balance: Number(target) });
    onClose();
  });
  return (
    <Dialog title={words.auto} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.autoHint}</p>
        <Field
          label={words.min}
          required
          inputMode="decimal"
          value={min}
          onChange={(event) => setMin(event.target.value)}
          error={form.errorOf("min_balance")}
        />
        <Field
          label={words.target}
          required
          inputMode="decimal"
          value={target}
          onChange={(event) => setTarget(event.target.value)}
          error={form.errorOf("target_balance")}
        />
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy}>
            {words.setAuto}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function IssueToken({ account, onClose }: { account: string; onClose: () => void }) {
  const words = useWords();
  const writes = useCreditWrites();
  const [amount, setAmount] = useState("");
  const [only, setOnly] = useState(account);
  const [seconds, setSeconds] = useState("604800");
  const [description, setDescription] = useState("");
  const [issued, setIssued] = useState<IssuedGrantToken>();
  const form = useForm(async () => {
    const body = {
      amount: Number(amount),
      account: only.trim() || null,
      expires_in_seconds: Number(seconds),
      ...(description.trim() ? { description: description.trim() } : {}),
    };
    setIssued(await writes.issue(body));
  });
  if (issued) {
    return (
      <Dialog title={words.token} onClose={onClose} canClose={false}>
        <p className="mb-3 text-ink2">
          {words.validUntil} <Time ms={issued.expires_at} style="full" />. {words.issueHint}
        </p>
        <Secret value={issued.token} variable="NEXUS_GRANT_TOKEN" onDone={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title={words.issueTitle} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.issueHint}</p>
        <Field
          label={words.amount}
          required
          inputMode="decimal"
          value={amount}
          onChange={(event) => setAmount(event.target.value)}
          error={form.errorOf("amount")}
        />
        <Field
          label={words.onlyAccount}
          optional
          value={only}
          onChange={(event) => setOnly(event.target.value)}
          error={form.errorOf("account")}
          hint={words.onlyHint}
        />
        <Choice
          label={words.validFor}
          value={seconds}
          onChange={(event) => setSeconds(event.target.value)}
          error={form.errorOf("expires_in_seconds")}
        >
          <option value="3600">{words.hour}</option>
          <option value="86400">{words.day}</option>
          <option value="604800">{words.week}</option>
          <option value="2592000">{words.month}</option>
        </Choice>
        <Field
          label={words.description}
          optional
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          error={form.errorOf("description")}
        />
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy}>
            {words.makeToken}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
