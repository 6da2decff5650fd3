// One request: how it went, attempt by attempt; what it used and cost, as arithmetic; what was said, as far as it is kept.

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { ApiFailure, call } from "../../api/client.ts";
import type { RequestDetail } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { count, duration, visible } from "../../lib/format.ts";
import { kindOf } from "../../lib/outcome.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type CostLine, costLines, priceSet } from "../../lib/cost.ts";
import { curl } from "../../lib/snippets.ts";
import { attemptsOf } from "../../lib/trail.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Markdown } from "../../ui/markdown.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Outcome } from "../../ui/status.tsx";
import { Money, Time } from "../../ui/time.tsx";
import { Waterfall } from "../../ui/waterfall.tsx";
import { useKeyNames, useRequest } from "./queries.ts";
import { useWords } from "./words.ts";

interface Props {
  id: string;
  onClose: () => void;
  onOpen: (id: string) => void;
  previous: string | undefined;
  next: string | undefined;
}

export function Detail({ id, onClose, onOpen, previous, next }: Props) {
  const words = useWords();
  const { data, error, refetch } = useRequest(id);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "[" && previous) onOpen(previous);
      if (event.key === "]" && next) onOpen(next);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [previous, next, onOpen]);
  return (
    <Dialog
      drawer
      title={data ? visible(data.model) : words.request}
      onClose={onClose}
      actions={
        <>
          <Button
            look="quiet"
            icon="up"
            aria-label={words.previous}
            title={`${words.previous} [`}
            disabled={!previous}
            onClick={() => previous && onOpen(previous)}
          />
          <Button
            look="quiet"
            icon="down"
            aria-label={words.next}
            title={`${words.next} ]`}
            disabled={!next}
            onClick={() => next && onOpen(next)}
          />
        </>
      }
    >
      {data ? (
        <Content request={data} />
      ) : error ? (
        <Missing error={error} retry={() => refetch()} />
      ) : (
        <Skeleton rows={10} />
      )}
    </Dialog>
  );
}

function Missing({ error, retry }: { error: unknown; retry: () => void }) {
  const words = useWords();
  if (!(error instanceof ApiFailure) || error.status !== 404) return <Failure error={error} retry={retry} />;
  return (
    <>
      <Failure error={error} title={words.unknown} retry={retry} />
      <p className="text-ink2">{words.unknownHint}</p>
    </>
  );
}

function Content({ request }: { request: RequestDetail }) {
  const words = useWords();
  const isAnswered = request.status < 400 && !request.error_code;
  const spoken = (request.messages ?? []).filter((message) => message.content);
  const messages = spoken.map(({ role, content }) => ({ role, content: content ?? "" }));
  const asked = messages.at(-1)?.role === "assistant" ? messages.slice(0, -1) : messages;
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <Outcome kind={kindOf(request)} />
        <span>{request.status}</span>
        {request.error_code && <span className="font-mono text-table text-bad">{request.error_code}</span>}
        <Time ms={request.ts} style="full" />
        <span>{duration(request.duration_ms)}</span>
        <Money micros={request.cost_micros} />
      </p>
      <div className="mt-3 flex flex-wrap gap-2">
        <LinkButton to="/playground" search={{ model: request.model, from: request.id }} icon="chat">
          {words.repeat}
        </LinkButton>
        <Copy
          look="plain"
          label={words.curl}
          text={curl({
            origin: location.origin,
            model: request.model,
            messages: asked.length > 0 ? asked : [{ role: "user", content: "…" }],
            stream: request.stream,
          })}
        />
      </div>
      <Section title={words.trail}>
        {attemptsOf(request).length > 0 ? (
          <Waterfall attempts={attemptsOf(request)} total={request.duration_ms} answered={isAnswered} />
        ) : (
          <p className="text-ink2">{words.noAttempt}</p>
        )}
        {request.overhead_ms !== null && (
          <p className="mt-2 text-table text-ink2">
            {words.overhead}: {duration(request.overhead_ms)}
          </p>
        )}
      </Section>
      <Cost request={request} />
      <Section title={words.details}>
        <Facts request={request} />
      </Section>
      {request.messages && (
        <Section title={words.messages}>
          {spoken.length === 0 ? (
            <p className="text-ink2">{words.notKept}</p>
          ) : (
            <ol className="flex flex-col gap-4">
              {spoken.map((message) => (
                <li key={message.id} className="border-l-2 border-line pl-3">
                  <p className="text-label text-ink3">{message.role}</p>
                  <Markdown text={message.content ?? ""} />
                </li>
              ))}
            </ol>
          )}
        </Section>
      )}
    </>
  );
}

function Cost({ request }: { request: RequestDetail }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const price = usePriceOf(request);
  const lines = costLines(request, price);
  const sum = lines.reduce((total, { micros }) => total + (micros ?? 0), 0);
  const names: Record<CostLine["what"], string> = {
    // The lines add up: what was cached or written is in lines of its own.
    prompt: lines.length > 2 ? words.plain : words.prompt,
    cached: words.cached,
    written: words.written,
    answer: words.answer,
  };
  const sources: Record<string, string> = {
    reported: words.reported,
    counted: words.counted,
    estimated: words.estimated,
  };
  return (
    <Section title={words.usage}>
      <table className="w-full text-table">
        <tbody>
          {lines.map((line) => (
            <tr key={line.what} className="border-t border-line">
              <td className="py-1">{names[line.what]}</td>
              <td className="py-1 text-right">{count(line.tokens, locale)}</td>
              <td className="py-1 text-right text-ink3">
                {line.price === null ? "" : `× $${line.price} ${words.price}`}
              </td>
              <td className="py-1 text-right">{line.micros === null ? "" : <Money micros={line.micros} />}</td>
            </tr>
          ))}
          {request.reasoning_tokens > 0 && (
            <tr className="border-t border-line text-ink2">
              <td className="py-1 pl-3">{words.reasoning}</td>
              <td className="py-1 text-right">{count(request.reasoning_tokens, locale)}</td>
              <td />
              <td />
            </tr>
          )}
          <tr className="border-t border-control font-medium">
            <td className="py-1">{words.sum}</td>
            <td className="py-1 text-right">{count(request.total_tokens, locale)}</td>
            <td />
            <td className="py-1 text-right">
              <Money micros={request.cost_micros} />
            </td>
          </tr>
        </tbody>
      </table>
      <p className="mt-2 text-table text-ink2">
        {words.countedBy} {sources[request.usage_source] ?? request.usage_source} · {words.priceFrom}{" "}
        {words[`source_${request.price_source}` as "source_list"] ?? request.price_source}
        {request.price_table && ` (${request.price_table})`}
      </p>
      {request.usage_suspect && <p className="text-table text-warn">{words.suspect}</p>}
      {request.cost_micros === null && request.total_tokens > 0 && (
        <p className="text-table text-warn">{words.noPrice}</p>
      )}
      {price &&
        request.cost_micros !== null &&
        Math.abs(sum - request.cost_micros) > Math.max(2, request.cost_micros * 0.005) && (
          <p className="text-table text-ink2">{words.differs}</p>
        )}
    </Section>
  );
}

/** The price of today for the model that answered: the one that an operator set, or that of the list if exactly one seller has it. */
function usePriceOf(request: RequestDetail) {
  const may = useMay();
  const isSet = request.price_source === "override";
  const { data } = useQuery({
    queryKey: ["prices"],
    queryFn: ({ signal }) => call("GET /prices", { signal }),
    enabled: may("view_prices") && (isSet || ["list", "assumed"].includes(request.price_source)),
    staleTime: 3_600_000,
  });
  const provider = request.provider_id;
  const { data: offered } = useQuery({
    queryKey: ["providers", provider, "models"],
    queryFn: async ({ signal }) =>
      (await call("GET /providers/{id}/models", { path: { id: String(provider) }, signal })).models,
    enabled: isSet && typeof provider === "number" && may("view_prices") && may("view_models"),
  });
  if (isSet) return data && offered && priceSet(data.set, request, offered);
  const found = data?.built_in.filter((price) => price.model === request.upstream_model);
  return found?.length === 1 ? found[0] : undefined;
}

function Facts({ request }: { request: RequestDetail }) {
  const words = useWords();
  const names = useKeyNames();
  const rows: [string, React.ReactNode][] = [
    [
      words.servedBy,
      request.provider_name && `${visible(request.provider_name)} · ${visible(request.upstream_model ?? "")}`,
    ],
    [words.key, visible(names.get(request.key_id) ?? request.key_id)],
    [words.owner, request.owner && visible(request.owner)],
    [words.app, request.app && visible(request.app)],
    [words.dialect, request.dialect],
    [words.guards, request.guards && visible(request.guards)],
    [words.stream, request.stream ? words.yes : words.no],
    [words.finish, request.finish_reason],
    [words.firstByte, request.first_byte_ms !== null && duration(request.first_byte_ms)],
    [words.conversation, <Id key="c" text={request.conversation_id} />],
    [words.requestId, <Id key="r" text={request.request_id} />],
    [words.eventId, <Id key="e" text={request.id} />],
    [
      words.tags,
      Object.entries(request.tags)
        .map(([name, value]) => `${name}=${value}`)
        .join(", "),
    ],
  ];
  return (
    <dl className="grid grid-cols-[minmax(96px,max-content)_minmax(0,1fr)] gap-x-6 gap-y-1 text-table">
      {rows
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink2">{name}</dt>
            <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
          </div>
        ))}
    </dl>
  );
}

const Id = ({ text }: { text: string }) =>
  text ? (
    <span className="inline-flex max-w-full items-center gap-1 font-mono">
      <span className="[overflow-wrap:anywhere]">{visible(text)}</span>
      <Copy text={text} small />
    </span>
  ) : null;
