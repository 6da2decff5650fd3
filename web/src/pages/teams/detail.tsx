// One team: who is in it, what it may spend, its keys.

import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMayWith } from "../../api/me.ts";
import type { LimitUsage } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { count, money, short, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Meter } from "../../ui/meter.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Members } from "./members.tsx";
import { type Detail, KEYS_SHOWN, useKeysOf, useLimitsOf, useTeam, useTeamWrites } from "./queries.ts";
import { useWords } from "./words.ts";

export function TeamDetail({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const { data, error, refetch } = useTeam(id);
  return (
    <Dialog drawer title={data ? visible(data.name) : words.title} onClose={onClose}>
      {data ? (
        <>
          <Actions team={data} onGone={onClose} />
          <p className="mt-3 font-mono text-table text-ink3">{data.id}</p>
          <Members team={data} />
          <Budget team={data} />
          <Keys team={data} />
        </>
      ) : error ? (
        <Failure error={error} retry={refetch} />
      ) : (
        <Skeleton rows={8} />
      )}
    </Dialog>
  );
}

function Actions({ team, onGone }: { team: Detail; onGone: () => void }) {
  const words = useWords();
  const may = useMay();
  const mayWith = useMayWith(team.id);
  const writes = useTeamWrites();
  const [doing, setDoing] = useState<"rename" | "remove" | null>(null);
  const remove = useForm(async () => {
    await writes.remove(team.id);
    onGone();
  });
  return (
    <div className="flex flex-wrap gap-2">
      {mayWith("manage_teams", "manage_own_teams") && (
        <Button icon="edit" onClick={() => setDoing("rename")}>
          {words.rename}
        </Button>
      )}
      {may("view_all_statistics", "view_own_statistics") && (
        <LinkButton to="/usage" search={{ owner: team.id }} icon="usage">
          {words.usage}
        </LinkButton>
      )}
      {may("view_all_credits", "view_own_credits") && (
        <LinkButton to={`/credits/${team.id}`} icon="credit">
          {words.credits}
        </LinkButton>
      )}
      {may("manage_teams") && (
        <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
          {words.remove}
        </Button>
      )}
      {doing === "rename" && <Rename team={team} onClose={() => setDoing(null)} />}
      {doing === "remove" && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setDoing(null)}
        />
      )}
    </div>
  );
}

function Rename({ team, onClose }: { team: Detail; onClose: () => void }) {
  const words = useWords();
  const writes = useTeamWrites();
  const [name, setName] = useState(team.name);
  const form = useForm(async () => {
    await writes.rename(team.id, name.trim());
    onClose();
  });
  return (
    <Dialog title={words.rename} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field
          label={words.name}
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={form.errorOf("name")}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {words.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Budget({ team }: { team: Detail }) {
  const words = useWords();
  const may = useMay();
  const limits = useLimitsOf(team.id);
  if (!may("view_limits", "view_own_limits")) return null;
  return (
    <Section
      title={words.budget}
      actions={
        may("manage_limits") && (
          <LinkButton
            to={limits.data?.usage.length ? `/limits/user:${team.id}` : "/limits"}
            search={limits.data?.usage.length ? {} : { new: "1", user: team.id }}
            icon="limit"
          >
            {words.setLimits}
          </LinkButton>
        )
      }
    >
      {limits.error ? (
        <Failure error={limits.error} retry={() => limits.refetch()} />
      ) : limits.isPending ? (
        <Skeleton rows={2} />
      ) : !limits.data?.usage.length ? (
        <p className="text-ink2">{words.noBudget}</p>
      ) : (
        <ul className="flex flex-col gap-3">
          {limits.data.usage.map((usage) => (
            <Used key={usage.limit} usage={usage} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Used({ usage }: { usage: LimitUsage }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const show = (value: number) => (usage.limit.startsWith("budget") ? money(value, locale) : count(value, locale));
  const label = `${words.used(show(usage.used), show(usage.max))} ${words[usage.limit]}`;
  return (
    <li>
      <p className="mb-1">{label}</p>
      <Meter used={usage.used} of={usage.max} label={label} />
    </li>
  );
}

function Keys({ team }: { team: Detail }) {
  const words = useWords();
  const may = useMay();
  const mayWith = useMayWith(team.id);
  const locale = localeOf(usePreferences());
  const keys = useKeysOf(team.id);
  if (!may("view_all_api_keys", "manage_own_api_keys")) return null;
  const shown = keys.data?.slice(0, KEYS_SHOWN) ?? [];
  return (
    <Section
      title={words.keys}
      actions={
        mayWith("manage_all_api_keys", "manage_own_api_keys") && (
          <LinkButton to="/keys" search={{ new: "1", owner: team.id }} icon="plus">
            {words.newKey}
          </LinkButton>
        )
      }
    >
      {keys.error ? (
        <Failure error={keys.error} retry={() => keys.refetch()} />
      ) : keys.isPending ? (
        <Skeleton rows={3} />
      ) : shown.length === 0 ? (
        <p className="text-ink2">{words.noKeys}</p>
      ) : (
        <ul className="border-t border-line">
          {shown.map((key) => (
            <li key={key.id} className="flex flex-wrap items-center gap-x-3 border-b border-line py-1.5">
              <Link to={`/keys/${key.id}`} className="link min-w-0 truncate">
                {visible(key.name)}
              </Link>
              {!key.enabled && <Chip>{words.disabled}</Chip>}
              <span className="ml-auto text-table text-ink3">
                {key.usage &&
                  `${words.requests(short(key.usage.requests, locale))} · ${money(key.usage.cost_micros, locale)}`}
              </span>
            </li>
          ))}
        </ul>
      )}
      {keys.data && keys.data.length > KEYS_SHOWN && (
        <p className="mt-2">
          <Link to="/keys" search={{ search: team.id } as never} className="link">
            {words.keys}
          </Link>
        </p>
      )}
    </Section>
  );
}
