// The guide from nothing to the first answer: is the deployment sound, a provider, a key, a request. The gateway ticks each step.

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { request } from "../../api/client.ts";
import { LinkButton } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { useWords } from "./words.ts";

type State = "ok" | "missing" | "failed";
interface SetupCheck {
  subject: string;
  outcome: State;
  advice: string | null;
  at: number | null;
}

const PARTS = ["settings", "database", "kv", "bucket", "queue", "cron"] as const;
const MARKS: Record<State, { mark: string; colour: string }> = {
  ok: { mark: "●", colour: "text-ok" },
  missing: { mark: "▲", colour: "text-warn" },
  failed: { mark: "✕", colour: "text-bad" },
};

export default function Start() {
  const words = useWords();
  const { data, error, refetch } = useQuery({
    queryKey: ["setup"],
    queryFn: async ({ signal }) => (await request("GET /setup/checks", { signal })) as { checks: SetupCheck[] },
    // The first request is waited for.
    refetchInterval: 4000,
  });
  return (
    <Page title={words.title}>
      <p className="mb-6 max-w-text text-ink2">{words.intro}</p>
      {data ? (
        <Steps checks={data.checks} />
      ) : error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : (
        <Skeleton rows={8} />
      )}
    </Page>
  );
}

function Steps({ checks }: { checks: SetupCheck[] }) {
  const words = useWords();
  const stateOf = (name: string) => checks.find(({ subject }) => subject === name)?.outcome ?? "missing";
  const isSound = PARTS.every((name) => stateOf(name) === "ok");
  const isDone = stateOf("request") === "ok";
  return (
    <ol className="max-w-[760px]">
      <Step number={1} title={words.sound} hint={words.soundHint} isDone={isSound}>
        <ul className="grid gap-x-8 sm:grid-cols-2">
          {PARTS.map((name) => (
            <Part key={name} name={words[name]} check={checks.find(({ subject }) => subject === name)} />
          ))}
        </ul>
      </Step>
      <Step number={2} title={words.provider} hint={words.providerHint} isDone={stateOf("provider") === "ok"}>
        <LinkButton to="/providers/new" search={{ from: "start" }} look="primary" icon="plus">
          {words.addProvider}
        </LinkButton>
        <LinkButton to="/playground" search={{ model: "demo/echo" }}>
          {words.skip}
        </LinkButton>
      </Step>
      <Step number={3} title={words.key} hint={words.keyHint} isDone={stateOf("key") === "ok"}>
        <LinkButton to="/keys" search={{ new: "1" }} look={stateOf("key") === "ok" ? "plain" : "primary"} icon="key">
          {words.makeKey}
        </LinkButton>
      </Step>
      <Step number={4} title={words.request} hint={words.requestHint} isDone={isDone}>
        <LinkButton to="/playground" look={isDone ? "plain" : "primary"} icon="chat">
          {words.playground}
        </LinkButton>
        <LinkButton to="/connect" icon="plug">
          {words.connect}
        </LinkButton>
        {isDone ? (
          <p className="flex w-full items-center gap-3 font-medium text-ok">
            {words.done}
            <LinkButton to="/">{words.toOverview}</LinkButton>
          </p>
        ) : (
          <p role="status" className="w-full text-ink3">
            {words.waiting}
          </p>
        )}
      </Step>
    </ol>
  );
}

function Step({
  number,
  title,
  hint,
  isDone,
  children,
}: {
  number: number;
  title: string;
  hint: string;
  isDone: boolean;
  children: ReactNode;
}) {
  return (
    <li className="grid grid-cols-[28px_1fr] gap-x-4 pb-8">
      <span
        aria-hidden="true"
        className={`grid size-7 place-items-center rounded-full border text-table font-semibold ${isDone ? "border-ok text-ok" : "border-control text-ink2"}`}
      >
        {isDone ? "✓" : number}
      </span>
      <div className="min-w-0">
        <h2 className="text-section font-semibold">
          {title}
          {isDone && <span className="sr-only"> ✓</span>}
        </h2>
        <p className="mb-3 max-w-text text-ink2">{hint}</p>
        <div className="flex flex-wrap gap-2">{children}</div>
      </div>
    </li>
  );
}

function Part({ name, check }: { name: string; check: SetupCheck | undefined }) {
  const words = useWords();
  const state = check?.outcome ?? "missing";
  return (
    <li className="flex items-baseline gap-2 border-t border-line py-1.5">
      <span aria-hidden="true" className={MARKS[state].colour}>
        {MARKS[state].mark}
      </span>
      <span className="min-w-0 flex-1">
        {name}
        {check?.advice && state !== "ok" && <span className="block text-table text-warn">{check.advice}</span>}
      </span>
      <span className="text-table text-ink3">{words[state]}</span>
    </li>
  );
}
