// The limits of one subject, what is used of each, and what can be done with them.

import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { SubjectState } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { count } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { subjectOf } from "./draft.ts";
import { SubjectForm } from "./form.tsx";
import { UsedLimit, useName, useSummary } from "./parts.tsx";
import { useLimitWrites, useSubject } from "./queries.ts";
import { useWords } from "./words.ts";

interface Props {
  subject: string;
  name: string | null | undefined;
  onClose: () => void;
}

export function SubjectDetail({ subject, name, onClose }: Props) {
  const words = useWords();
  const nameOf = useName();
  const { data, error, refetch } = useSubject(subject);
  const title = `${words[subjectOf(subject).kind] ?? ""} ${nameOf({ subject, name: name ?? null })}`;
  return (
    <Dialog drawer title={title} onClose={onClose}>
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

const FILTER = { key: "key", user: "owner", model: "model" } as const;

function Content({ item, onClose }: { item: SubjectState; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const summary = useSummary();
  const locale = localeOf(usePreferences());
  const [doing, setDoing] = useState<"edit" | "remove" | null>(null);
  const writes = useLimitWrites();
  const remove = useForm(() => writes.remove(item.subject).then(onClose));
  const { kind, name } = subjectOf(item.subject);
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        {kind === "key" ? (
          <Link
            to="/keys/{-$id}"
            params={{ id: name } as never}
            className="link inline-flex min-h-8 items-center"
            title={words.keyHint}
          >
            {words.toKey}
          </Link>
        ) : (
          may("manage_limits") && (
            <>
              <Button icon="edit" onClick={() => setDoing("edit")}>
                {words.edit}
              </Button>
              <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
                {words.remove}
              </Button>
            </>
          )
        )}
      </div>
      {item.usage.length === 0 && item.running === null ? (
        <p className="text-ink2">{words.unlimited}</p>
      ) : (
        item.usage.map((usage) => <UsedLimit key={usage.limit} usage={usage} />)
      )}
      <div className="mt-4">
        <Facts
          facts={[
            [words.all, summary(item)],
            [
              words.running,
              item.running !== null &&
                words.used(count(item.running, locale), count(item.limits.concurrency ?? 0, locale)),
            ],
            [
              words.failure,
              item.on_limit_failure === null
                ? words.failureDefault
                : item.on_limit_failure === "fail_open"
                  ? words.failOpen
                  : words.failClosed,
            ],
            [words.alerts, item.budget?.alert_percent.map((percent) => `${percent} %`).join(", ")],
          ]}
        />
      </div>
      <div className="mt-6 flex flex-wrap gap-2">
        {may("view_all_requests", "view_own_requests") && (
          <LinkButton to="/requests" search={{ [FILTER[kind]]: name }} icon="requests">
            {words.requests}
          </LinkButton>
        )}
        {may("view_audit") && (
          <LinkButton to="/audit" search={{ target: kind === "key" ? name : item.subject }} icon="audit">
            {words.history}
          </LinkButton>
        )}
      </div>
      {doing === "edit" && <SubjectForm item={item} onClose={() => setDoing(null)} />}
      {doing === "remove" && (
        <Confirm
          title={words.remove}
          consequence={words.removeText(name)}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setDoing(null)}
        />
      )}
    </>
  );
}
