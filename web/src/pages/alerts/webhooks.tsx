// Webhooks, their secrets, and what was delivered to them.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { Secret } from "../../ui/secret.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Ago } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

type Webhook = Answer<"GET /webhooks">["webhooks"][number];
type Severity = Webhook["min_severity"];
const WEBHOOKS = ["webhooks"];

function useWebhooks() {
  return useQuery({
    queryKey: [...WEBHOOKS, "list"],
    queryFn: async ({ signal }) => (await call("GET /webhooks", { signal })).webhooks,
  });
}

export function Webhooks() {
  const words = useWords();
  const client = useQueryClient();
  const { data, error, isPending, refetch } = useWebhooks();
  const [edited, setEdited] = useState<Webhook | "new">();
  const [said, setSaid] = useState<{ id: string; text: string }>();
  const [failure, setFailure] = useState<unknown>();
  const test = async ({ id }: Webhook) => {
    setFailure(undefined);
    try {
      const { state, status } = await call("POST /webhooks/{id}/test", { path: { id } });
      setSaid({ id, text: words.tested(`${state}${status ? ` ${status}` : ""}`) });
      await client.invalidateQueries({ queryKey: WEBHOOKS });
    } catch (problem) {
      setFailure(problem);
    }
  };
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton height={48} />;
  return (
    <>
      <Button icon="plus" className="self-start" onClick={() => setEdited("new")}>
        {words.addWebhook}
      </Button>
      {data.length === 0 ? (
        <Empty>{words.noWebhooks}</Empty>
      ) : (
        <ul className="mt-3 border-t border-line">
          {data.map((hook) => (
            <li key={hook.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2.5">
              <span className={`min-w-0 flex-1 basis-60 ${hook.enabled ? "" : "text-ink3"}`}>
                <span className="font-medium">{visible(hook.name)}</span>
                <span className="block truncate font-mono text-table text-ink2">{visible(hook.url)}</span>
              </span>
              <span className="text-ink2">
                {words.minSeverity}: {words[hook.min_severity]}
              </span>
              <Button onClick={() => test(hook)}>{words.test}</Button>
              <Button
                look="quiet"
                icon="edit"
                aria-label={`${words.webhooks}: ${hook.name}`}
                onClick={() => setEdited(hook)}
              />
              {said?.id === hook.id && (
                <span role="status" className="text-table text-ink2">
                  {said.text}
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {failure !== undefined && <Failure error={failure} />}
      {edited && <Edit hook={edited === "new" ? undefined : edited} onClose={() => setEdited(undefined)} />}
    </>
  );
}

function Edit({ hook, onClose }: { hook: Webhook | undefined; onClose: () => void }) {
  const words = useWords();
  const client = useQueryClient();
  const [values, setValues] = useState({ name: hook?.name ?? "", url: hook?.url ?? "", secret: "" });
  const [severity, setSeverity] = useState<Severity>(hook?.min_severity ?? "warning");
  const [isEnabled, setEnabled] = useState(hook?.enabled ?? true);
  const [made, setMade] = useState<string>();
  const [asks, setAsks] = useState(false);
  const typed = (name: keyof typeof values) => ({
    value: values[name],
    error: form.errorOf(name),
    onChange: (event: { target: { value: string } }) => setValues((now) => ({ ...now, [name]: event.target.value })),
  });
  const done = async () => {
    await client.invalidateQueries({ queryKey: WEBHOOKS });
    onClose();
  };
  const form = useForm(async () => {
    const body = {
      name: values.name.trim(),
      url: values.url.trim(),
      min_severity: severity,
      enabled: isEnabled,
      ...(values.secret ? { secret: values.secret } : {}),
    };
    if (hook) {
      await call("PUT /webhooks/{id}", { path: { id: hook.id }, body });
      return done();
    }
    const { secret } = await call("POST /webhooks", { body });
    await client.invalidateQueries({ queryKey: WEBHOOKS });
    if (secret) setMade(secret);
    else onClose();
  });
  const remove = useForm(async () => {
    await call("DELETE /webhooks/{id}", { path: { id: hook?.id ?? "" } });
    await done();
  });
  return (
    <Dialog title={hook ? visible(hook.name) : words.addWebhook} onClose={onClose} canClose={!made}>
      {made ? (
        <Secret value={made} variable="NEXUS_WEBHOOK_SECRET" onDone={onClose} />
      ) : (
        <form onSubmit={form.submit} className="flex flex-col gap-3">
          <Field label={words.name} required {...typed("name")} />
          <Field label={words.url} hint={words.urlHint} type="url" required spellCheck={false} {...typed("url")} />
          <Field label={words.secret} hint={words.secretHint} optional type="password" {...typed("secret")} />
          <Choice
            label={words.minSeverity}
            value={severity}
            onChange={(event) => setSeverity(event.target.value as Severity)}
          >
            <option value="info">{words.info}</option>
            <option value="warning">{words.warning}</option>
            <option value="critical">{words.critical}</option>
          </Choice>
          <Check label={words.enabled} checked={isEnabled} onChange={(event) => setEnabled(event.target.checked)} />
          {form.rest()}
          <div className="flex justify-end gap-2">
            {hook && (
              <Button look="danger" className="mr-auto" onClick={() => setAsks(true)}>
                {words.remove}
              </Button>
            )}
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button type="submit" look="primary" busy={form.busy}>
              {hook ? words.save : words.create}
            </Button>
          </div>
        </form>
      )}
      {asks && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeHook}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setAsks(false)}
        />
      )}
    </Dialog>
  );
}

export function Deliveries() {
  const words = useWords();
  const client = useQueryClient();
  const hooks = useWebhooks();
  const [failure, setFailure] = useState<unknown>();
  const list = useInfiniteQuery({
    queryKey: [...WEBHOOKS, "deliveries"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /webhooks/deliveries", { query: { limit: 50, cursor: pageParam || undefined } as object, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const rows = list.data?.pages.flatMap(({ deliveries }) => deliveries) ?? [];
  const names = new Map(hooks.data?.map(({ id, name }) => [id, name]));
  const replay = async (id: string) => {
    setFailure(undefined);
    try {
      await call("POST /webhooks/deliveries/{id}/replay", { path: { id } });
      await client.invalidateQueries({ queryKey: WEBHOOKS });
    } catch (error) {
      setFailure(error);
    }
  };
  if (list.error && rows.length === 0) return <Failure error={list.error} retry={() => list.refetch()} />;
  if (list.isPending) return <Skeleton />;
  if (rows.length === 0) return <Empty>{words.noDeliveries}</Empty>;
  const tones = { delivered: "ok", dead: "bad", pending: "warn" } as const;
  const said = { delivered: words.delivered, dead: words.dead, pending: words.waiting };
  return (
    <>
      <ul className="border-t border-line">
        {rows.map((row) => (
          <li key={row.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-1.5">
            <Chip tone={tones[row.state as "dead"] ?? "plain"}>{said[row.state as "dead"] ?? row.state}</Chip>
            <span className="min-w-0 flex-1 basis-60 truncate">
              {visible(row.event)} → {visible(names.get(row.webhook_id) ?? row.webhook_id)}
              {row.error && <span className="block truncate text-table text-ink3">{visible(row.error)}</span>}
            </span>
            <span className="text-ink3">
              {words.attempts} {row.attempts} · <Ago ms={row.updated_at} />
            </span>
            {row.state === "dead" && <Button onClick={() => replay(row.id)}>{words.replay}</Button>}
          </li>
        ))}
      </ul>
      {failure !== undefined && <Failure error={failure} />}
      {list.hasNextPage && (
        <Button className="mt-3" busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {words.more}
        </Button>
      )}
    </>
  );
}
