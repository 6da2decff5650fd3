// One provider: how it is, a test, its models, its pool of keys, its settings.

import { useState } from "react";
import { call } from "../../api/client.ts";
import { useMayWith } from "../../api/me.ts";
import { useMay } from "../../api/session.ts";
import { count, duration, percent, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Money, Time } from "../../ui/time.tsx";
import { Edit } from "./edit.tsx";
import { Health, Strip } from "./health.tsx";
import { Pool } from "./pool.tsx";
import { type Provider, useModelsOf, useRefresh } from "./queries.ts";
import { Sharing } from "./sharing.tsx";
import { Test } from "./test.tsx";
import { useWords } from "./words.ts";

export function Detail({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const words = useWords();
  const mayWith = useMayWith(provider.owner);
  const models = useModelsOf(provider.id);
  const [isEditing, setEditing] = useState(false);
  const names = (models.data ?? []).filter(({ enabled }) => enabled).map(({ model_name }) => model_name);
  return (
    <Dialog
      title={visible(provider.name)}
      onClose={onClose}
      drawer
      actions={<Health provider={provider} state={provider.state} />}
    >
      <Facts provider={provider} />
      <Actions
        provider={provider}
        onEdit={() => setEditing(!isEditing)}
        onGone={onClose}
        models={models.data?.length ?? 0}
      />
      {isEditing && <Edit provider={provider} onDone={() => setEditing(false)} />}
      {mayWith("operate_providers", "manage_own_providers") && (
        <Section title={words.test}>
          <Test id={provider.id} models={names} />
        </Section>
      )}
      <Models provider={provider} />
      {mayWith("manage_provider_keys", "manage_own_providers") && <Pool provider={provider} />}
      <Sharing provider={provider} />
    </Dialog>
  );
}

function Facts({ provider }: { provider: Provider }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const { state } = provider;
  const hour = state?.last_hour;
  return (
    <>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
        <dt className="text-ink3">{words.kind}</dt>
        <dd>{provider.kind}</dd>
        <dt className="text-ink3">{words.askedAt}</dt>
        <dd className="font-mono text-table [overflow-wrap:anywhere]">{visible(provider.server_url) || "–"}</dd>
        <dt className="text-ink3">{words.key}</dt>
        <dd className="font-mono text-table">{provider.server_key ?? "–"}</dd>
        {hour && (
          <>
            <dt className="text-ink3">{words.lastHour}</dt>
            <dd>
              {words.asked(count(hour.requests, locale))} · {percent(hour.error_rate)} {words.errors} · p95{" "}
              {duration(hour.duration_ms.p95)} · <Money micros={hour.cost_micros} />
            </dd>
          </>
        )}
      </dl>
      {state && (
        <div className="mt-3">
          <Strip state={state} width={288} />
        </div>
      )}
      <Rests provider={provider} />
    </>
  );
}

function Rests({ provider }: { provider: Provider }) {
  const words = useWords();
  const { resting_keys = [], resting_models = [] } = provider.state?.live ?? {};
  const all = [
    ...resting_models.map((one) => ({ ...one, why: words.byWait })),
    ...resting_keys.map((one) => ({
      ...one,
      name: one.name === "primary" ? words.primary : one.name,
      // A key rests longer where it was refused, and the gateway does not say which of the two it was.
      why: words.keyRests,
    })),
  ];
  if (all.length === 0) return null;
  return (
    <ul className="mt-3 border-t border-line">
      {all.map(({ name, until_ms, by_circuit, why }) => (
        <li key={name} className="border-b border-line py-1 text-warn">
          <span aria-hidden="true">▲ </span>
          {visible(name)}: {by_circuit ? words.byCircuit : why}
          {until_ms !== null && (
            <>
              , {words.restsUntil} <Time ms={until_ms} style="time" />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

function Actions({
  provider,
  models,
  onEdit,
  onGone,
}: {
  provider: Provider;
  models: number;
  onEdit: () => void;
  onGone: () => void;
}) {
  const words = useWords();
  const may = useMay();
  const mayWith = useMayWith(provider.owner);
  const mayChange = mayWith("manage_providers", "manage_own_providers");
  const refresh = useRefresh();
  const [busy, setBusy] = useState("");
  const [failure, setFailure] = useState<unknown>();
  const [asks, setAsks] = useState(false);
  const path = { id: String(provider.id) };
  const act = (name: string, work: () => Promise<unknown>) => async () => {
    setBusy(name);
    setFailure(undefined);
    try {
      await work();
      await refresh();
      return true;
    } catch (error) {
      setFailure(error);
      return false;
    } finally {
      setBusy("");
    }
  };
  const live = provider.state?.live;
  const isBlocked =
    live &&
    (live.circuit.state !== "closed" ||
      live.resting_models.some(({ by_circuit }) => by_circuit) ||
      live.resting_keys.some(({ by_circuit }) => by_circuit));
  const isActive = provider.status === "active";
  return (
    <>
      <div className="mt-4 flex flex-wrap gap-2">
        {may("operate_providers") && isBlocked && (
          <Button
            look="primary"
            busy={busy === "reset"}
            title={words.resetHint}
            onClick={act("reset", () => call("POST /providers/{id}/circuit/reset", { path }))}
          >
            {words.reset}
          </Button>
        )}
        {mayWith("operate_providers", "manage_own_providers") && (
          <Button
            icon={isActive ? "pause" : "play"}
            busy={busy === "pause"}
            onClick={act("pause", () =>
              isActive ? call("POST /providers/{id}/pause", { path }) : call("POST /providers/{id}/resume", { path }),
            )}
          >
            {isActive ? words.pause : words.resume}
          </Button>
        )}
        {may("operate_providers") && provider.status !== "offline" && (
          <Button
            icon="stop"
            busy={busy === "offline"}
            title={words.takeOfflineHint}
            onClick={act("offline", () => call("POST /providers/{id}/offline", { path }))}
          >
            {words.takeOffline}
          </Button>
        )}
        {mayChange && !provider.in_review && (
          <Button icon="edit" onClick={onEdit}>
            {words.edit}
          </Button>
        )}
        <LinkButton to="/requests" search={{ provider: String(provider.id) }} icon="requests">
          {words.requests}
        </LinkButton>
        {mayChange && (
          <Button look="danger" icon="trash" onClick={() => setAsks(true)}>
            {words.remove}
          </Button>
        )}
      </div>
      {failure !== undefined && !asks && <Failure error={failure} />}
      {asks && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText(models, provider.state?.keys ?? 0)}
          action={words.remove}
          busy={busy === "remove"}
          error={failure === undefined ? undefined : <Failure error={failure} />}
          onClose={() => setAsks(false)}
          onConfirm={async () => {
            if (await act("remove", () => call("DELETE /providers/{id}", { path }))()) onGone();
          }}
        />
      )}
    </>
  );
}

function Models({ provider }: { provider: Provider }) {
  const words = useWords();
  const mayChange = useMayWith(provider.owner)("manage_models", "manage_own_providers");
  const refresh = useRefresh();
  const { data, error, refetch } = useModelsOf(provider.id);
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const work = async (what: () => Promise<string | undefined>) => {
    setBusy(true);
    setFailure(undefined);
    try {
      setSaid((await what()) ?? "");
      await refresh();
    } catch (problem) {
      setFailure(problem);
    } finally {
      setBusy(false);
    }
  };
  const discover = () =>
    work(async () => {
      const { added, found } = await call("POST /providers/{id}/discover", {
        path: { id: String(provider.id) },
        body: { enable: true },
      });
      return words.discovered(added.length, found);
    });
  const action = mayChange ? (
    <Button busy={busy} onClick={discover}>
      {words.discover}
    </Button>
  ) : null;
  return (
    <Section title={`${words.models}${data ? ` (${data.length})` : ""}`} actions={action}>
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton rows={3} />
      ) : data.length === 0 ? (
        <p className="text-ink2">{words.noModels}</p>
      ) : (
        <ul className="border-t border-line">
          {data.map((model) => (
            <li key={model.id} className="flex items-center gap-3 border-b border-line py-1">
              <span className={`min-w-0 flex-1 truncate ${model.enabled ? "" : "text-ink3 line-through"}`}>
                {visible(model.model_name)}
              </span>
              <span className="truncate text-table text-ink3">{model.capabilities?.join(", ")}</span>
              {mayChange && (
                <Button
                  look="quiet"
                  busy={busy}
                  onClick={() =>
                    work(async () => {
                      await call("PUT /provider_models/{id}", {
                        path: { id: String(model.id) },
                        body: { enabled: !model.enabled },
                      });
                      return undefined;
                    })
                  }
                >
                  {model.enabled ? words.turnOff : words.turnOn}
                </Button>
              )}
              {mayChange && (
                <Button
                  look="quiet"
                  icon="trash"
                  busy={busy}
                  aria-label={words.removeModel(visible(model.model_name))}
                  title={words.removeModel(visible(model.model_name))}
                  onClick={() =>
                    work(async () => {
                      await call("DELETE /provider_models/{id}", { path: { id: String(model.id) } });
                      return undefined;
                    })
                  }
                />
              )}
            </li>
          ))}
        </ul>
      )}
      {said && (
        <p role="status" className="mt-1 text-ok">
          {said}
        </p>
      )}
      {failure !== undefined && <Failure error={failure} />}
    </Section>
  );
}
