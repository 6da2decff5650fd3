// The rules, each as a sentence, and one of them in detail: how often it would have fired, silence, and changes.

import { useState } from "react";
import type { AlertRuleView } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Choice, useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Time, useNow } from "../../ui/time.tsx";
import { SeverityChip } from "./chips.tsx";
import { useAlertWrites, useRules } from "./queries.ts";
import { Replay } from "./replayed.tsx";
import { RuleForm } from "./rule-form.tsx";
import { useSentence } from "./say.ts";
import { useWords } from "./words.ts";

export function Rules() {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const { data, error, isPending, refetch } = useRules();
  const rules = [...(data?.rules ?? [])].sort((a, b) => Number(b.enabled) - Number(a.enabled));
  const opened = rules.find(({ id }) => id === filters.open);
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton height={52} />;
  return (
    <>
      {rules.length === 0 ? (
        <Empty>{words.noRules}</Empty>
      ) : (
        <ul className="border-t border-line">
          {rules.map((rule) => (
            <Row key={rule.id} rule={rule} onOpen={() => setFilters({ open: rule.id })} />
          ))}
        </ul>
      )}
      {opened && <Detail rule={opened} onClose={() => setFilters({ open: undefined })} />}
    </>
  );
}

function Row({ rule, onOpen }: { rule: AlertRuleView; onOpen: () => void }) {
  const sentence = useSentence();
  return (
    <li className="border-b border-line">
      <button
        type="button"
        onClick={onOpen}
        className="flex w-full flex-wrap items-center gap-x-4 gap-y-1 px-2 py-2 text-left hover:bg-sunken"
      >
        <span className="min-w-0 flex-1 basis-72">
          <span className={`font-medium ${rule.enabled ? "" : "text-ink2"}`}>{visible(rule.name)}</span>
          <span className="block text-table text-ink2 [overflow-wrap:anywhere]">{sentence(rule)}</span>
        </span>
        <SeverityChip severity={rule.severity} />
        <RuleState rule={rule} />
      </button>
    </li>
  );
}

function RuleState({ rule }: { rule: AlertRuleView }) {
  const words = useWords();
  const now = useNow(30_000);
  if (!rule.enabled) return <Chip>◌ {words.disabled}</Chip>;
  if (rule.silenced_until !== null && rule.silenced_until > now) return <Chip tone="warn">▲ {words.silenced}</Chip>;
  return <Chip tone="ok">● {words.enabled}</Chip>;
}

type Doing = "edit" | "silence" | "remove" | null;

function Detail({ rule, onClose }: { rule: AlertRuleView; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const sentence = useSentence();
  const now = useNow(30_000);
  const [, setFilters] = useFilters();
  const [doing, setDoing] = useState<Doing>(null);
  const writes = useAlertWrites();
  const toggle = useForm(async () => {
    await writes.updateRule(rule.id, { enabled: !rule.enabled });
  });
  const tell = useForm(async () => {
    await writes.updateRule(rule.id, { silenced_until: null });
  });
  const remove = useForm(() => writes.removeRule(rule.id).then(onClose));
  const isSilent = rule.silenced_until !== null && rule.silenced_until > now;
  return (
    <Dialog drawer title={visible(rule.name)} onClose={onClose}>
      {may("manage_alerts") && (
        <div className="mb-4 flex flex-wrap gap-2">
          <Button
            look={rule.enabled ? "plain" : "primary"}
            icon={rule.enabled ? "pause" : "play"}
            busy={toggle.busy}
            onClick={() => toggle.submit()}
          >
            {rule.enabled ? words.disable : words.enable}
          </Button>
          {isSilent ? (
            <Button icon="alert" busy={tell.busy} onClick={() => tell.submit()}>
              {words.unsilence}
            </Button>
          ) : (
            <Button icon="alert" onClick={() => setDoing("silence")}>
              {words.silence}
            </Button>
          )}
          <Button icon="edit" onClick={() => setDoing("edit")}>
            {words.edit}
          </Button>
          <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
            {words.remove}
          </Button>
        </div>
      )}
      {toggle.rest()}
      {tell.rest()}
      <p className="text-section [overflow-wrap:anywhere]">{sentence(rule)}.</p>
      <p className="mt-2 flex flex-wrap gap-2">
        <SeverityChip severity={rule.severity} />
        <RuleState rule={rule} />
      </p>
      {isSilent && rule.silenced_until !== null && (
        <p className="mt-2 text-warn">
          {words.silencedUntil} <Time ms={rule.silenced_until} style="full" />
        </p>
      )}
      {rule.description && <p className="mt-3 max-w-text whitespace-pre-wrap text-ink2">{visible(rule.description)}</p>}
      <div className="mt-4">
        <Replay rule={rule} />
      </div>
      <div className="mt-6 flex flex-wrap gap-2">
        <Button icon="alert" onClick={() => setFilters({ of: undefined, open: undefined, rule: rule.id })}>
          {words.itsAlerts}
        </Button>
        <Button onClick={() => setFilters({ of: "history", open: undefined, rule: rule.id })}>{words.history}</Button>
        {may("view_audit") && (
          <LinkButton to="/audit" search={{ target: rule.id }} icon="audit">
            {words.changes}
          </LinkButton>
        )}
      </div>
      {doing === "edit" && <RuleForm rule={rule} onClose={() => setDoing(null)} />}
      {doing === "silence" && <Silence id={rule.id} onClose={() => setDoing(null)} />}
      {doing === "remove" && (
        <Confirm
          title={words.remove}
          consequence={words.removeRuleText(visible(rule.name))}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setDoing(null)}
        />
      )}
    </Dialog>
  );
}

function Silence({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const writes = useAlertWrites();
  const [hours, setHours] = useState("1");
  const form = useForm(async () => {
    await writes.updateRule(id, { silenced_until: Date.now() + Number(hours) * 3_600_000 });
    onClose();
  });
  return (
    <Dialog title={words.silence} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.silenceText}</p>
        <Choice
          label={words.silenceFor}
          value={hours}
          onChange={(event) => setHours(event.target.value)}
          error={form.errorOf("silenced_until")}
        >
          <option value="1">{words.anHour}</option>
          <option value="4">{words.fourHours}</option>
          <option value="24">{words.aDay}</option>
          <option value="168">{words.aWeek}</option>
        </Choice>
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy}>
            {words.silence}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
