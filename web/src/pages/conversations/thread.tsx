// One conversation: what was said, page by page, as text with its formatting and nothing that runs; its export and its end.

import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { addressOf, call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Markdown } from "../../ui/markdown.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { type Conversation, type Message, useMessages, useRefresh } from "./queries.ts";
import { useWords } from "./words.ts";

export function Thread({
  id,
  keyId,
  row,
  onClose,
}: {
  id: string;
  keyId: string;
  row: Conversation | undefined;
  onClose: () => void;
}) {
  const words = useWords();
  const may = useMay();
  const locale = localeOf(usePreferences());
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useMessages(id, keyId);
  const [asks, setAsks] = useState(false);
  const first = data?.pages[0];
  const messages = data?.pages.flatMap((page) => page.messages) ?? [];
  const file = (format: string) => addressOf("/conversations/{id}/export", { id }, { key_id: keyId, format });
  return (
    <Dialog title={visible(row?.title ?? id)} onClose={onClose} drawer>
      <p className="text-table text-ink3 [overflow-wrap:anywhere]">
        <span className="font-mono">{visible(id)}</span>
        {first &&
          ` · ${words.rounds} ${count(first.rounds, locale)} · ${words.tokens} ${count(first.total_tokens, locale)}`}
      </p>
      {row?.parent_id && (
        <p className="text-table">
          {words.parent}:{" "}
          <Link
            to="/conversations/{-$id}"
            params={{ id: row.parent_id } as never}
            search={{ of: keyId } as never}
            className="link font-mono"
          >
            {visible(row.parent_id)}
          </Link>
        </p>
      )}
      <div className="my-3 flex flex-wrap gap-2">
        <LinkButton to="/requests" search={{ conversation: id }} icon="requests">
          {words.requests}
        </LinkButton>
        {["ndjson", "csv"].map((format) => (
          <a
            key={format}
            href={file(format)}
            download
            className="inline-flex min-h-8 items-center rounded-s border border-control bg-surface px-3 font-medium no-underline hover:bg-sunken"
          >
            {words[format as "csv"]}
          </a>
        ))}
        {may("manage_all_conversations", "manage_own_conversations") && (
          <Button look="danger" icon="trash" onClick={() => setAsks(true)}>
            {words.remove}
          </Button>
        )}
      </div>
      {error ? <Failure error={error} retry={refetch} /> : isPending ? <Skeleton rows={6} height={48} /> : null}
      <ol className="flex flex-col gap-4">
        {messages.map((message) => (
          <Said key={message.id} message={message} />
        ))}
      </ol>
      {hasNextPage && (
        <Button className="mt-4" busy={isFetchingNextPage} onClick={() => fetchNextPage()}>
          {words.older}
        </Button>
      )}
      {asks && <Remove id={id} keyId={keyId} onClose={() => setAsks(false)} onGone={onClose} />}
    </Dialog>
  );
}

function Said({ message }: { message: Message }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const isAnswer = message.role === "assistant";
  return (
    <li className={`min-w-0 border-l-2 pl-3 [content-visibility:auto] ${isAnswer ? "border-accent" : "border-line"}`}>
      <p className="mb-1 flex flex-wrap gap-x-3 text-table text-ink3">
        <span className="font-medium text-ink2">{visible(message.role)}</span>
        <Time ms={Date.parse(message.timestamp)} />
        {isAnswer && <span>{visible(message.model)}</span>}
        <span>
          {count(message.tokens_count, locale)} {words.tokensOf}
        </span>
        {message.finish_reason && message.finish_reason !== "stop" && (
          <span className="text-warn">
            {words.finished} {visible(message.finish_reason)}
          </span>
        )}
      </p>
      {message.content === null ? (
        <p className="text-ink3">{words.notKept}</p>
      ) : isAnswer ? (
        <Markdown text={message.content} />
      ) : (
        <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{visible(message.content)}</p>
      )}
    </li>
  );
}

function Remove({
  id,
  keyId,
  onClose,
  onGone,
}: {
  id: string;
  keyId: string;
  onClose: () => void;
  onGone: () => void;
}) {
  const words = useWords();
  const refresh = useRefresh();
  const [typed, setTyped] = useState("");
  const form = useForm(async () => {
    await call("DELETE /conversations/{id}", { path: { id }, query: { key_id: keyId } });
    onGone();
    await refresh();
  });
  return (
    <Dialog title={words.removeTitle} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-3">
        <p className="text-ink2">{words.removeText}</p>
        <p className="font-mono [overflow-wrap:anywhere]">{visible(id)}</p>
        <Field
          label={words.typeId}
          autoFocus
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="danger" busy={form.busy} disabled={typed !== id}>
            {words.remove}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
