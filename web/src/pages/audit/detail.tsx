// One entry of the audit log: who, what, from where, and each value before and after.

import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Outcome } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { useActor } from "./actor.ts";
import type { Entry } from "./queries.ts";
import { type Difference, differences, isTime, kindOf, placeOf, textOf } from "./show.ts";
import { useWords } from "./words.ts";

interface Props {
  /** Absent while it is loading. */
  entry: Entry | undefined;
  /** Why there is none. */
  error: unknown;
  newer: (() => void) | undefined;
  older: (() => void) | undefined;
  onFilter: (filters: Record<string, string>) => void;
  onClose: () => void;
}

export function Detail({ entry, error, newer, older, onFilter, onClose }: Props) {
  const words = useWords();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "[") newer?.();
      if (event.key === "]") older?.();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [newer, older]);
  const steps = (
    <>
      <Button look="quiet" icon="left" aria-label={words.previous} title="[" disabled={!newer} onClick={newer} />
      <Button look="quiet" icon="right" aria-label={words.next} title="]" disabled={!older} onClick={older} />
    </>
  );
  return (
    <Dialog drawer title={entry ? words.entry(entry.seq) : words.title} actions={steps} onClose={onClose}>
      {entry ? (
        <Content entry={entry} onFilter={onFilter} />
      ) : error ? (
        <Failure error={error} />
      ) : (
        <Skeleton rows={8} />
      )}
    </Dialog>
  );
}

function Content({ entry, onFilter }: { entry: Entry; onFilter: Props["onFilter"] }) {
  const words = useWords();
  const actor = useActor();
  const place = placeOf(entry.operation, entry.target);
  return (
    <>
      <Facts
        facts={[
          [words.when, <Time key="t" ms={entry.at} style="full" />],
          [words.who, actor(entry.actor)],
          [words.what, <Mono key="o" text={entry.operation} />],
          [words.on, entry.target && <Mono key="g" text={entry.target} />],
          [words.outcome, <Outcome key="r" kind={kindOf(entry.status)} detail={entry.status} />],
          [words.code, entry.code && <Mono key="c" text={entry.code} />],
          [words.address, entry.address && <Mono key="a" text={entry.address} />],
          [
            words.request,
            <span key="q">
              <Mono text={entry.request_id} /> <Copy text={entry.request_id} small />
            </span>,
          ],
        ]}
      />
      <div className="mt-4 flex flex-wrap gap-2">
        {place && (
          <Link {...(place as object)} to={place.to} className="link inline-flex min-h-8 items-center px-1">
            {words.toObject}
          </Link>
        )}
        {entry.target && (
          <Button icon="audit" onClick={() => onFilter({ target: entry.target })}>
            {words.onlyTarget}
          </Button>
        )}
        <Button icon="users" onClick={() => onFilter({ actor: entry.actor })}>
          {words.onlyActor}
        </Button>
        <Button icon="filter" onClick={() => onFilter({ operation: entry.operation })}>
          {words.onlyOperation}
        </Button>
      </div>
      <Section title={words.changes}>
        {(entry.changes ?? []).length === 0 ? (
          <p className="text-ink2">{words.noChanges}</p>
        ) : (
          <ul className="border-b border-line">
            {(entry.changes ?? []).flatMap(differences).map((change) => (
              <Change key={change.field} change={change} />
            ))}
          </ul>
        )}
      </Section>
      <details className="mt-6">
        <summary className="text-ink2">{words.stored}</summary>
        <p className="mt-2 text-label text-ink2">{words.hash}</p>
        <p className="font-mono text-table [overflow-wrap:anywhere]">
          {entry.hash} <Copy text={entry.hash} small />
        </p>
        <pre className="mt-2 rounded-m border border-line bg-sunken p-3 font-mono text-table whitespace-pre-wrap [overflow-wrap:anywhere]">
          {visible(entry.line)}
        </pre>
      </details>
    </>
  );
}

const Mono = ({ text }: { text: string }) => <span className="font-mono text-table">{visible(text)}</span>;

function Change({ change: { field, before, after } }: { change: Difference }) {
  const words = useWords();
  return (
    <li className="grid gap-x-4 gap-y-1 border-t border-line py-2 sm:grid-cols-[200px_1fr_1fr]">
      <span className="font-mono text-table text-ink2 [overflow-wrap:anywhere]">{field}</span>
      <Side sign="−" label={words.before} field={field} value={before} colour="text-bad" />
      <Side sign="+" label={words.after} field={field} value={after} colour="text-ok" />
    </li>
  );
}

interface SideProps {
  sign: string;
  label: string;
  field: string;
  value: unknown;
  colour: string;
}

function Side({ sign, label, field, value, colour }: SideProps) {
  const words = useWords();
  const text = textOf(value);
  return (
    <div className="grid min-w-0 grid-cols-[12px_1fr] text-table">
      <span aria-hidden="true" className={text === null ? "text-ink3" : colour}>
        {sign}
      </span>
      <span className="sr-only">{label}</span>
      {isTime(field, value) ? (
        <Time ms={value} style="full" />
      ) : (
        <span className="font-mono whitespace-pre-wrap [overflow-wrap:anywhere]">
          {text === null ? <span className="text-ink3">{words.none}</span> : visible(text)}
        </span>
      )}
    </div>
  );
}
