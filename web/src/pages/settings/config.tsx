// Settings that can be changed while the gateway runs: what is in force and from where, changing it, and what was changed.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { Typed } from "../../ui/typed.tsx";
import { useConfigWords } from "./config-words.ts";

type Setting = Answer<"GET /system/config">["settings"][number];
type Change = Answer<"GET /system/config/history">["changes"][number];
const CONFIG = ["system-config"];

function useReadAnew(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: CONFIG });
}

export function Config() {
  const words = useConfigWords();
  const [filters, setFilters] = useFilters();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: CONFIG,
    queryFn: ({ signal }) => call("GET /system/config", { signal }),
  });
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton rows={10} />;
  const wanted = (filters.search ?? "").toLowerCase();
  const found = data.settings.filter(({ name }) => name.toLowerCase().includes(wanted));
  const others = data.variables_only.filter((name) => name.toLowerCase().includes(wanted));
  return (
    <>
      <p className="mb-3 max-w-text text-ink2">{words.settingsHint}</p>
      <div className="mb-3 w-64 max-sm:w-full">
        <Typed label={words.find} isFirst value={filters.search ?? ""} onChange={(search) => setFilters({ search })} />
      </div>
      {found.length + others.length === 0 ? (
        <Empty>{words.nothing}</Empty>
      ) : (
        <ul aria-label={words.settings} className="border-t border-line">
          {found.map((setting) => (
            <Row key={setting.name} setting={setting} />
          ))}
        </ul>
      )}
      <History />
      {others.length > 0 && (
        <Section title={words.onlyVariables}>
          <p className="mb-2 text-table text-ink3">{words.onlyVariablesHint}</p>
          <p className="columns-[220px] font-mono text-table">
            {others.map((name) => (
              <span key={name} className="block">
                {name}
              </span>
            ))}
          </p>
        </Section>
      )}
    </>
  );
}

function Row({ setting }: { setting: Setting }) {
  const words = useConfigWords();
  const may = useMay();
  const readAnew = useReadAnew();
  const [isOpen, setOpen] = useState(false);
  const unset = useForm(async () => {
    await call("PUT /system/config", { body: { unset: [setting.name] } });
    await readAnew();
  });
  const value = setting.stored ?? setting.variable;
  return (
    <li className="border-b border-line py-1.5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="basis-72 font-mono text-table [overflow-wrap:anywhere]">{setting.name}</span>
        <span className="min-w-0 flex-1 basis-40 [overflow-wrap:anywhere]">
          {value === null ? <span className="text-ink3">{words.byDefault}</span> : visible(value)}
        </span>
        {setting.stored !== null ? (
          <Chip tone="info">{words.stored}</Chip>
        ) : (
          setting.variable !== null && <Chip>{words.ofVariable}</Chip>
        )}
        {may("manage_system") && (
          <span className="flex">
            {setting.stored !== null && (
              <Button look="quiet" busy={unset.busy} onClick={() => unset.submit()}>
                {words.unset}
              </Button>
            )}
            <Button look="quiet" icon="edit" onClick={() => setOpen(true)}>
              {words.change}
            </Button>
          </span>
        )}
      </div>
      {unset.rest()}
      {isOpen && <Edit setting={setting} onClose={() => setOpen(false)} />}
    </li>
  );
}

function Edit({ setting, onClose }: { setting: Setting; onClose: () => void }) {
  const words = useConfigWords();
  const readAnew = useReadAnew();
  const [value, setValue] = useState(setting.stored ?? setting.variable ?? "");
  const form = useForm(async () => {
    await call("PUT /system/config", { body: { settings: { [setting.name]: value.trim() } } });
    await readAnew();
    onClose();
  });
  return (
    <Dialog title={setting.name} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field
          label={words.value}
          spellCheck={false}
          hint={setting.variable === null ? words.noVariable : words.variableIs(visible(setting.variable))}
          value={value}
          onChange={(event) => setValue(event.target.value)}
          error={form.errorOf(`settings.${setting.name}`) ?? form.errorOf(setting.name)}
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

function History() {
  const words = useConfigWords();
  const { data, error, refetch } = useQuery({
    queryKey: [...CONFIG, "history"],
    queryFn: async ({ signal }) => (await call("GET /system/config/history", { signal })).changes,
  });
  return (
    <Section title={words.history}>
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton rows={3} />
      ) : data.length === 0 ? (
        <p className="text-ink2">{words.noHistory}</p>
      ) : (
        <ul aria-label={words.history} className="border-t border-line">
          {data.map((change) => (
            <Changed key={change.id} change={change} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Changed({ change }: { change: Change }) {
  const words = useConfigWords();
  const may = useMay();
  const readAnew = useReadAnew();
  const revert = useForm(async () => {
    await call("POST /system/config/history/{id}/revert", { path: { id: change.id } });
    await readAnew();
  });
  return (
    <li className="border-b border-line py-1.5 text-table">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="font-mono">{change.name}</span>
        <span className="min-w-0 flex-1 basis-48 [overflow-wrap:anywhere]">
          {visible(change.before ?? words.none)} → {visible(change.after ?? words.none)}
        </span>
        <span className="text-ink3">
          <Time ms={change.at} /> {words.by} {visible(change.actor)}
        </span>
        {may("manage_system") && (
          <Button look="quiet" busy={revert.busy} onClick={() => revert.submit()}>
            {words.revert}
          </Button>
        )}
      </div>
      {revert.rest()}
    </li>
  );
}
