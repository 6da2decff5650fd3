// One guard: what it is, turning it off, and where it acted.

import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Secret } from "../../ui/secret.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { OnOff } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { GuardForm } from "./form.tsx";
import { Concerns, LooksFor, What } from "./parts.tsx";
import { type Guard, useActedIn, useGuardWrites } from "./queries.ts";
import { useWords } from "./words.ts";

export function Detail({ guard, onClose }: { guard: Guard; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  return (
    <Dialog drawer title={visible(guard.name)} onClose={onClose} actions={<OnOff on={guard.enabled} />}>
      {may("manage_guards") && <Actions guard={guard} onGone={onClose} />}
      <Facts
        facts={[
          [words.what, <What key="w" guard={guard} />],
          [guard.kind === "webhook" ? words.url : words.looksFor, <LooksFor key="l" guard={guard} />],
          [words.restore, guard.restore && "●"],
          [words.timeout, guard.kind === "webhook" && guard.timeout_ms],
          [words.onFailure, guard.kind === "webhook" && (guard.on_failure === "open" ? words.openly : words.closed)],
          [words.concerns, <Concerns key="c" guard={guard} />],
          [words.created, <Time key="t" ms={guard.created_at} style="full" />],
        ]}
      />
      {may("view_all_requests") && <ActedIn name={guard.name} />}
    </Dialog>
  );
}

function Actions({ guard, onGone }: { guard: Guard; onGone: () => void }) {
  const words = useWords();
  const writes = useGuardWrites();
  const [doing, setDoing] = useState<"edit" | "secret" | "remove" | null>(null);
  const [secret, setSecret] = useState<string>();
  const toggle = useForm(() => writes.update(guard.id, { enabled: !guard.enabled }).then(() => {}));
  const renew = useForm(async () => {
    setSecret((await writes.update(guard.id, { secret: null })).secret ?? undefined);
  });
  const remove = useForm(async () => {
    await writes.remove(guard.id);
    onGone();
  });
  const stop = () => setDoing(null);
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        <Button icon={guard.enabled ? "pause" : "play"} busy={toggle.busy} onClick={() => toggle.submit()}>
          {guard.enabled ? words.turnOff : words.turnOn}
        </Button>
        <Button icon="edit" onClick={() => setDoing("edit")}>
          {words.edit}
        </Button>
        {guard.kind === "webhook" && (
          <Button icon="key" onClick={() => setDoing("secret")}>
            {words.newSecret}
          </Button>
        )}
        <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
          {words.remove}
        </Button>
      </div>
      {toggle.rest()}
      {doing === "edit" && <GuardForm guard={guard} kind={guard.kind} onClose={stop} />}
      {doing === "secret" &&
        (secret ? (
          <Dialog title={words.secretMade} onClose={stop} canClose={false}>
            <Secret value={secret} variable="NEXUS_GUARD_SECRET" onDone={stop} />
          </Dialog>
        ) : (
          <Confirm
            title={words.newSecret}
            consequence={words.newSecretText}
            action={words.newSecret}
            busy={renew.busy}
            error={renew.rest()}
            onConfirm={() => renew.submit()}
            onClose={stop}
          />
        ))}
      {doing === "remove" && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={stop}
        />
      )}
    </>
  );
}

function ActedIn({ name }: { name: string }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const { data, error, refetch } = useActedIn(name);
  return (
    <Section
      title={words.where}
      actions={
        <LinkButton to="/requests" search={{ error: "content_blocked" }} icon="requests">
          {words.blockedAll}
        </LinkButton>
      }
    >
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton rows={3} />
      ) : (
        <>
          <p className="mb-2 text-table text-ink3">
            {words.whereHint(count(data.looked, locale))} {data.found.length === 0 && words.nowhere}
          </p>
          <ul>
            {data.found.map(({ id, ts, model, own }) => (
              <li key={id} className="flex flex-wrap items-center gap-x-3 border-t border-line py-1.5 text-table">
                <Time ms={ts} />
                <span className="min-w-0 flex-1 truncate">{visible(model)}</span>
                <span className="text-ink2">
                  {own
                    .map(({ way, action }) => `${words[action as "mask"] ?? action}, ${words[way as "request"] ?? way}`)
                    .join("; ")}
                </span>
                <Link to={`/requests/${id}`} className="link">
                  {words.openRequest}
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}
