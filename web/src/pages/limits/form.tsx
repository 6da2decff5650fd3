// The form of limits. Under each field stands what was asked in the last seven days, and what the limit would have refused of it.

import { type ReactNode, useDeferredValue, useId, useState } from "react";
import type { SubjectLimits } from "../../api/schema.d.ts";
import { count, money as moneyText } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { type Amount, type Draft, NEW, PERIODS, bodyOf, draftOf, limitsNothing } from "./draft.ts";
import { useLimitWrites, useModelNames, usePast } from "./queries.ts";
import { type Quarter, money, peak, refused } from "./refused.ts";
import { useWords } from "./words.ts";

/** `user` is whom a new limit is first thought for. */
export function SubjectForm({
  item,
  user = "",
  onClose,
}: {
  item?: SubjectLimits;
  user?: string;
  onClose: () => void;
}) {
  const words = useWords();
  const writes = useLimitWrites();
  const [draft, setDraft] = useState<Draft>(() => (item ? draftOf(item) : { ...NEW, name: user }));
  const subject = item?.subject ?? `${draft.kind}:${draft.name.trim()}`;
  const past = usePast(useDeferredValue(subject)).data;
  const [isEmpty, setEmpty] = useState(false);
  const form = useForm(async () => {
    // Limits that are taken away again are no mistake; new ones of which none is set would limit nothing.
    setEmpty(!item && limitsNothing(draft));
    if (!item && limitsNothing(draft)) return;
    await writes.put(subject, bodyOf(draft));
    onClose();
  });
  const set = (name: keyof Draft) => (event: { target: { value: string } }) =>
    setDraft({ ...draft, [name]: event.target.value });
  const amount = (name: Amount, label: string) => (
    <Field
      label={label}
      inputMode="numeric"
      pattern="[0-9]*"
      placeholder={words.placeholder}
      value={draft[name]}
      onChange={set(name)}
      error={form.errorOf(`limits.${name}`)}
      hint={<AmountHint past={past} name={name} value={draft[name]} />}
    />
  );
  return (
    <Dialog title={item ? words.edit : words.make} onClose={onClose} width="wide">
      <form onSubmit={form.submit} className="flex flex-col gap-6">
        {!item && <Who draft={draft} onChange={setDraft} error={form.errorOf("subject")} />}
        <Group title={words.howMuch}>
          {amount("requests_per_minute", words.rpm)}
          {amount("requests_per_day", words.rpd)}
          {amount("tokens_per_minute", words.tpm)}
          {amount("tokens_per_day", words.tpd)}
          {amount("concurrency", words.atOnce)}
        </Group>
        <Group title={words.money}>
          <Field
            label={words.amount}
            inputMode="decimal"
            placeholder={words.placeholder}
            value={draft.amount}
            onChange={set("amount")}
            error={form.errorOf("budget.amount")}
            hint={<MoneyHint past={past} draft={draft} />}
          />
          <Choice label={words.period} value={draft.period} onChange={set("period")} hint={words.utc}>
            {PERIODS.map((period) => (
              <option key={period} value={period}>
                {words[period]}
              </option>
            ))}
          </Choice>
          <Field
            label={words.alerts}
            optional
            value={draft.alerts}
            onChange={set("alerts")}
            error={form.errorOf("budget.alert_percent")}
            hint={words.alertsHint}
          />
          <Choice label={words.failure} value={draft.failure} onChange={set("failure")}>
            <option value="">{words.failureDefault}</option>
            <option value="fail_open">{words.failOpen}</option>
            <option value="fail_closed">{words.failClosed}</option>
          </Choice>
        </Group>
        {isEmpty && (
          <p role="alert" className="text-bad">
            {words.setOne}
          </p>
        )}
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy}>
            {item ? words.save : words.set}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface WhoProps {
  draft: Draft;
  onChange: (draft: Draft) => void;
  error: string | null;
}

function Who({ draft, onChange, error }: WhoProps) {
  const words = useWords();
  const list = useId();
  const models = useModelNames();
  return (
    <Group title={words.who}>
      <Choice
        label={words.kind}
        value={draft.kind}
        onChange={(event) => onChange({ ...draft, kind: event.target.value as Draft["kind"] })}
      >
        <option value="user">{words.owner}</option>
        <option value="model">{words.aModel}</option>
      </Choice>
      <Field
        label={words.name}
        required
        list={draft.kind === "model" ? list : undefined}
        value={draft.name}
        onChange={(event) => onChange({ ...draft, name: event.target.value })}
        error={error}
        hint={draft.kind === "model" ? words.modelHint : words.ownerHint}
      />
      <datalist id={list}>
        {models.slice(0, 200).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </Group>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="grid gap-4 border-t border-line pt-3 sm:grid-cols-2">
      <legend className="pr-3 text-table text-ink2">{title}</legend>
      {children}
    </fieldset>
  );
}

interface HintProps {
  past: Quarter[] | undefined;
  name: Amount;
  value: string;
}

function AmountHint({ past, name, value }: HintProps) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const largest = past && peak(past, name);
  const over = past && refused(past, name, value);
  if (value.trim() === "0") return words.zero;
  if (largest === undefined || largest === null) return null;
  if (largest === 0) return words.noPast;
  const said = count(largest >= 10 ? Math.round(largest) : Number(largest.toPrecision(2)), locale);
  return (
    <>
      {name.endsWith("minute") ? words.pastMinute(said) : words.past(said)}{" "}
      {over ? (
        <span className="text-warn">
          {(name.startsWith("tokens") ? words.wouldTokens : words.wouldRequests)(count(Math.ceil(over), locale))}
        </span>
      ) : null}
    </>
  );
}

function MoneyHint({ past, draft }: { past: Quarter[] | undefined; draft: Draft }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  if (!past) return null;
  const { spent, refused: over } = money(past, draft);
  return (
    <>
      {words.pastMoney(moneyText(spent, locale))}{" "}
      {over > 0 && <span className="text-warn">{words.wouldMoney(moneyText(over, locale))}</span>}
    </>
  );
}
