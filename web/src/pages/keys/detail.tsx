// One key: what it may, what is left, and what can be done with it.

import { type ReactNode, useState } from "react";
import type { KeyView, LimitUsage } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { count, duration, money, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Choice, useForm } from "../../ui/field.tsx";
import { Meter } from "../../ui/meter.tsx";
import { Section } from "../../ui/page.tsx";
import { Secret } from "../../ui/secret.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { bodyOf, changed, draftOf } from "./draft.ts";
import { KeyForm, useBudgetText } from "./form.tsx";
import { useKey, useKeyLimits, useKeyWrites } from "./queries.ts";
import { KeyState } from "./state.tsx";
import { Signing } from "./signing.tsx";
import { useWords } from "./words.ts";

type Doing = "edit" | "rotate" | "disable" | "remove" | null;

export function KeyDetail({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const { data, error, refetch } = useKey(id);
  return (
    <Dialog drawer title={data ? visible(data.name) : words.title} onClose={onClose}>
      {data ? (
        <Content item={data} onClose={onClose} />
      ) : error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : (
        <Skeleton rows={8} />
      )}
    </Dialog>
  );
}

function Content({ item, onClose }: { item: KeyView; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const budget = useBudgetText();
  const [doing, setDoing] = useState<Doing>(null);
  const writes = useKeyWrites();
  const toggle = useForm(() => writes.update(item.id, { enabled: !item.enabled }).then(() => setDoing(null)));
  const remove = useForm(() => writes.remove(item.id).then(onClose));
  const facts: [string, ReactNode][] = [
    [words.state, <KeyState key="s" item={item} />],
    [words.reason, item.disabled_reason],
    [
      words.prefix,
      <code key="p" className="font-mono">
        {item.prefix}
      </code>,
    ],
    [words.owner, visible(item.owner ?? "")],
    [words.models, item.allowed_models ? item.allowed_models.map(visible).join(", ") : words.all],
    [words.allowTools, item.allow_tools && visible(item.allow_tools.join(", "))],
    [words.defaultToolset, item.default_toolset && visible(item.default_toolset)],
    [words.denyTools, item.deny_tools && visible(item.deny_tools.join(", "))],
    [words.toolApproval, { never: null, rules: words.approvalRules, always: words.approvalAlways }[item.tool_approval]],
    [words.toolCalls, item.max_tool_calls_per_day === null ? null : count(item.max_tool_calls_per_day)],
    [words.budget, item.budget ? budget(item.budget.amount, item.budget.period) : words.noBudget],
    [words.expires, item.expires_at ? <Time key="e" ms={item.expires_at} style="full" /> : words.never],
    [
      words.oldUntil,
      item.previous_expires_at && item.previous_expires_at > Date.now() && (
        <Time key="o" ms={item.previous_expires_at} style="full" />
      ),
    ],
    [words.dialects, item.allowed_dialects?.join(", ")],
    [words.addresses, item.allowed_ips?.join(", ")],
    [words.permissions, item.permissions.join(", ")],
    [words.created, <Time key="c" ms={item.created_at} style="full" />],
    [words.lastUsed, item.last_used_at ? <Time key="l" ms={item.last_used_at} style="full" /> : words.never],
  ];
  return (
    <>
      {may("manage_all_api_keys", "manage_own_api_keys") && (
        <div className="flex flex-wrap gap-2">
          <Button icon="edit" onClick={() => setDoing("edit")}>
            {words.edit}
          </Button>
          <Button icon="refresh" onClick={() => setDoing("rotate")}>
            {words.rotate}
          </Button>
          {item.enabled ? (
            <Button icon="pause" onClick={() => setDoing("disable")}>
              {words.disable}
            </Button>
          ) : (
            <Button icon="play" busy={toggle.busy} onClick={() => toggle.submit()}>
              {words.enable}
            </Button>
          )}
          <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
            {words.remove2}
          </Button>
        </div>
      )}
      {doing === null && toggle.rest()}
      <dl className="mt-4 grid grid-cols-[minmax(96px,max-content)_minmax(0,1fr)] gap-x-6 gap-y-1.5">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-ink2">{name}</dt>
              <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
            </div>
          ))}
      </dl>
      <Left id={item.id} />
      <Signing item={item} />
      <div className="mt-6 flex flex-wrap gap-2">
        <LinkButton to="/requests" search={{ key: item.id }} icon="requests">
          {words.requests}
        </LinkButton>
        <LinkButton to="/usage" search={{ key: item.id }} icon="usage">
          {words.costs}
        </LinkButton>
        <LinkButton to="/connect" search={{ key: item.id }} icon="plug">
          {words.connect}
        </LinkButton>
      </div>
      {doing === "edit" && <Edit item={item} onClose={() => setDoing(null)} />}
      {doing === "rotate" && <Rotate item={item} onClose={() => setDoing(null)} />}
      {doing === "disable" && (
        <Confirm
          title={words.disable}
          consequence={words.disableText(item.name)}
          action={words.disable}
          busy={toggle.busy}
          error={toggle.rest()}
          onConfirm={() => toggle.submit()}
          onClose={() => setDoing(null)}
        />
      )}
      {doing === "remove" && (
        <Confirm
          title={words.remove2}
          consequence={words.removeText(item.name)}
          action={words.remove2}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setDoing(null)}
        />
      )}
    </>
  );
}

function Left({ id }: { id: string }) {
  const words = useWords();
  const { data, error, refetch } = useKeyLimits(id);
  if (error) return <Failure error={error} retry={() => refetch()} />;
  if (!data) return null;
  return (
    <Section title={words.usage}>
      {data.usage.length === 0 ? (
        <p className="text-ink2">{words.noLimits}</p>
      ) : (
        data.usage.map((usage) => <Limit key={usage.limit} usage={usage} />)
      )}
    </Section>
  );
}

function Limit({ usage }: { usage: LimitUsage }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const show = (value: number) => (usage.limit.startsWith("budget") ? money(value, locale) : count(value, locale));
  const text = words.used(show(usage.used), show(usage.max));
  return (
    <div className="border-t border-line py-2">
      <p className="flex flex-wrap justify-between gap-x-4">
        <span>{words[usage.limit]}</span>
        <span className="text-ink2">{text}</span>
      </p>
      <Meter used={usage.used} of={usage.max} label={`${words[usage.limit]}: ${text}`} />
      {usage.reset_ms !== null && usage.used > 0 && (
        <p className="mt-1 text-table text-ink3">
          {words.resets}: {duration(usage.reset_ms)}
        </p>
      )}
    </div>
  );
}

function Edit({ item, onClose }: { item: KeyView; onClose: () => void }) {
  const words = useWords();
  const canOwn = useMay()("manage_all_api_keys");
  const writes = useKeyWrites();
  const [draft, setDraft] = useState(() => draftOf(item));
  const form = useForm(async () => {
    const body = changed(bodyOf(draftOf(item), item), bodyOf(draft, item));
    if (Object.keys(body).length > 0) await writes.update(item.id, body);
    onClose();
  });
  return (
    <Dialog title={words.edit} onClose={onClose} width="wide">
      <KeyForm
        draft={draft}
        onChange={(change) => setDraft({ ...draft, ...change })}
        form={form}
        isNew={false}
        canOwn={canOwn}
        action={words.save}
      />
    </Dialog>
  );
}

function Rotate({ item, onClose }: { item: KeyView; onClose: () => void }) {
  const words = useWords();
  const writes = useKeyWrites();
  const [overlap, setOverlap] = useState("86400");
  const [secret, setSecret] = useState<string>();
  const form = useForm(async () => {
    const key = await writes.rotate(item.id, Number(overlap));
    setSecret(key.key ?? undefined);
  });
  if (secret) {
    return (
      <Dialog title={words.rotated} onClose={onClose} canClose={false}>
        <Secret value={secret} variable="NEXUS_API_KEY" onDone={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title={words.rotate} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.rotateText}</p>
        <Choice label={words.overlap} value={overlap} onChange={(event) => setOverlap(event.target.value)}>
          <option value="0">{words.atOnce}</option>
          <option value="3600">{words.hour}</option>
          <option value="86400">{words.aDay}</option>
          <option value="604800">{words.aWeek}</option>
        </Choice>
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy}>
            {words.rotate}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
