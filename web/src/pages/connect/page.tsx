// How to use the gateway from a program, with everything filled in, and a light that turns green when the first request arrives.

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { call } from "../../api/client.ts";
import type { ModelList } from "../../api/schema.d.ts";
import { type ClientGuide, type Shell, environment, guides } from "../../lib/clients.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { LinkButton } from "../../ui/button.tsx";
import { Code, Copy } from "../../ui/copy.tsx";
import { Choice } from "../../ui/field.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { useWords } from "./words.ts";

export default function Connect() {
  const words = useWords();
  const keys = useQuery({ queryKey: ["keys"], queryFn: ({ signal }) => call("GET /keys", { signal }) });
  const usable = keys.data?.keys.filter(({ enabled }) => enabled) ?? [];
  return (
    <Page title={words.title}>
      {keys.error ? (
        <Failure error={keys.error} retry={() => keys.refetch()} />
      ) : keys.isPending ? (
        <Skeleton rows={8} />
      ) : usable.length === 0 ? (
        <Empty
          action={
            <LinkButton to="/keys" search={{ new: "1" }} look="primary" icon="key">
              {words.makeKey}
            </LinkButton>
          }
        >
          {words.intro} {words.noKey}
        </Empty>
      ) : (
        <Guide keys={usable} />
      )}
    </Page>
  );
}

function Guide({ keys }: { keys: { id: string; name: string }[] }) {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const key = keys.find(({ id }) => id === filters.key) ?? keys[0];
  const actAs = key?.id ?? "";
  const models = useQuery({
    queryKey: ["v1-models", actAs],
    queryFn: async ({ signal }) =>
      ((await call("GET /v1/models", { actAs, signal })) as unknown as ModelList).data.map(({ id }) => id),
  });
  const model = filters.model || models.data?.[0] || "demo/echo";
  const shell: Shell = filters.shell === "powershell" ? "powershell" : "unix";
  const all = guides({ origin: location.origin, model, shell });
  const shown = all.find(({ id }) => id === filters.client) ?? all[0];
  return (
    <div className="max-w-[880px]">
      <p className="mb-4 text-ink2">{words.intro}</p>
      <div className="grid gap-4 sm:grid-cols-3">
        <div className="flex min-w-0 flex-col gap-1">
          <span className="font-medium">{words.address}</span>
          <span className="flex min-h-8 min-w-0 items-center gap-1">
            <code className="truncate font-mono text-table">{location.origin}</code>
            <Copy text={location.origin} small />
          </span>
        </div>
        <Choice
          label={words.key}
          value={actAs}
          onChange={(event) => setFilters({ key: event.target.value })}
          hint={words.keyHint}
        >
          {keys.map(({ id, name }) => (
            <option key={id} value={id}>
              {visible(name)}
            </option>
          ))}
        </Choice>
        <Choice
          label={words.model}
          value={model}
          onChange={(event) => setFilters({ model: event.target.value })}
          hint={models.data?.length === 0 ? words.noModels : undefined}
        >
          {[...new Set([model, ...(models.data ?? [])])].map((name) => (
            <option key={name} value={name}>
              {visible(name)}
            </option>
          ))}
        </Choice>
      </div>
      {models.error && <Failure error={models.error} retry={() => models.refetch()} />}
      <Arrival keyId={actAs} name={key?.name ?? ""} />
      <div className="mt-6 flex flex-wrap items-center gap-3">
        <Segmented
          apart
          label={words.client}
          value={shown?.id ?? ""}
          options={all.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(client) => setFilters({ client })}
        />
        <Segmented
          label={words.shell}
          value={shell}
          options={[
            { value: "unix", label: "macOS, Linux" },
            { value: "powershell", label: "Windows" },
          ]}
          onChange={(value) => setFilters({ shell: value === "unix" ? undefined : value })}
        />
      </div>
      {shown && (
        <Steps guide={shown}>
          {shown.blocks.length > 0 && (
            <Code label={words.setKey} text={environment(shell, { NEXUS_API_KEY: `<${words.yourKey}>` })} />
          )}
        </Steps>
      )}
    </div>
  );
}

function Steps({ guide, children }: { guide: ClientGuide; children: ReactNode }) {
  const words = useWords();
  return (
    <section aria-label={guide.name} className="mt-4 flex flex-col gap-3">
      {children}
      {guide.blocks.map(({ label, text }) => (
        <Code key={label} label={label} text={text} />
      ))}
      {guide.fields && (
        <>
          <p className="text-ink2">{words.fieldsHint}</p>
          <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-1">
            {guide.fields.map(({ label, value }) => (
              <div key={label} className="contents">
                <dt className="text-ink2">{label}</dt>
                <dd className="flex min-w-0 items-center gap-1">
                  <code className="truncate font-mono">{value}</code>
                  {!value.endsWith("…") && <Copy text={value} small />}
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

/** Looks into the log until a request of the key arrives that is younger than this page. */
function Arrival({ keyId, name }: { keyId: string; name: string }) {
  const words = useWords();
  const [opened] = useState(Date.now);
  const { data } = useQuery({
    queryKey: ["arrival", keyId, opened],
    queryFn: ({ signal }) => call("GET /requests", { query: { key: keyId, from: opened, limit: 1 }, signal }),
    refetchInterval: (query) => (query.state.data?.requests.length ? false : 3000),
  });
  const first = data?.requests[0];
  return (
    <p
      role="status"
      className={`mt-4 flex min-h-9 items-center gap-3 border-y border-line py-1 ${first ? "text-ok" : "text-ink3"}`}
    >
      <span aria-hidden="true">{first ? "●" : "◌"}</span>
      {first ? (
        <>
          {words.arrived}
          <LinkButton to={`/requests/${first.id}`}>{words.open}</LinkButton>
        </>
      ) : (
        words.waiting(name)
      )}
    </p>
  );
}
