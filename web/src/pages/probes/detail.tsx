// One task: running it now, and its runs.

import { useState } from "react";
import { visible } from "../../lib/format.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { TaskForm, useEvery } from "./form.tsx";
import { State, useTook } from "./parts.tsx";
import { type Run, type Task, useRuns, useTaskWrites } from "./queries.ts";
import { useWords } from "./words.ts";

export function Detail({ task, provider, onClose }: { task: Task; provider: string; onClose: () => void }) {
  const words = useWords();
  const every = useEvery();
  const writes = useTaskWrites();
  const [doing, setDoing] = useState<"edit" | "remove" | null>(null);
  const run = useForm(() => writes.run(task.id).then(() => {}));
  const toggle = useForm(() => writes.update(task.id, { enabled: !task.enabled }).then(() => {}));
  const remove = useForm(() => writes.remove(task.id).then(onClose));
  return (
    <Dialog drawer title={visible(task.name)} onClose={onClose} actions={<State task={task} />}>
      <div className="mb-4 flex flex-wrap gap-2">
        <Button look="primary" icon="play" busy={run.busy} onClick={() => run.submit()}>
          {run.busy ? words.running : words.run}
        </Button>
        <Button icon={task.enabled ? "pause" : "play"} busy={toggle.busy} onClick={() => toggle.submit()}>
          {task.enabled ? words.turnOff : words.turnOn}
        </Button>
        <Button icon="edit" onClick={() => setDoing("edit")}>
          {words.edit}
        </Button>
        <LinkButton to={`/providers/${task.provider_id}`} icon="provider">
          {words.provider}
        </LinkButton>
        <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
          {words.remove}
        </Button>
      </div>
      {run.rest()}
      {toggle.rest()}
      <Facts
        facts={[
          [words.provider, visible(provider)],
          [words.model, visible(task.model ?? words.firstModel)],
          [words.prompt, task.prompt && visible(task.prompt)],
          [words.every, every(task.interval_s)],
          [words.daily, task.daily_runs],
          [words.tokens, task.max_tokens],
          [words.next, task.enabled && <Ago key="n" ms={task.next_at} />],
        ]}
      />
      <Runs id={task.id} />
      {doing === "edit" && <TaskForm task={task} onClose={() => setDoing(null)} />}
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
    </Dialog>
  );
}

function Runs({ id }: { id: string }) {
  const words = useWords();
  const list = useRuns(id);
  const runs = list.data?.pages.flatMap((page) => page.runs) ?? [];
  return (
    <Section title={words.runs}>
      {list.error && runs.length === 0 ? (
        <Failure error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <Skeleton rows={4} />
      ) : runs.length === 0 ? (
        <p className="text-ink2">{words.noRuns}</p>
      ) : (
        <>
          <p className="mb-2 text-ink2">{words.uptime(runs.filter(({ ok }) => ok).length, runs.length)}</p>
          <ul aria-label={words.runs} className="border-t border-line">
            {runs.map((run) => (
              <Row key={run.id} run={run} />
            ))}
          </ul>
          {list.hasNextPage && (
            <Button className="mt-2" busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
              {words.more}
            </Button>
          )}
        </>
      )}
    </Section>
  );
}

function Row({ run }: { run: Run }) {
  const words = useWords();
  const took = useTook();
  return (
    <li className="border-b border-line py-1.5 text-table">
      <p className="flex flex-wrap items-baseline gap-x-3">
        <span className={run.ok ? "text-ok" : "text-bad"}>
          <span aria-hidden="true">{run.ok ? "●" : "✕"} </span>
          {run.ok ? words.answered : words.failed}
          {run.status !== null && ` ${run.status}`}
        </span>
        <Time ms={run.ts} />
        <span className="ml-auto text-ink2">{took(run)}</span>
      </p>
      {(run.error ?? run.reply) && (
        <p className="[overflow-wrap:anywhere] text-ink2">{visible(run.error ?? run.reply ?? "")}</p>
      )}
    </li>
  );
}
