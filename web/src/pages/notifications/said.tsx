// What a notification says, with its urgency and age.

import type { Notification } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { Chip } from "../../ui/status.tsx";
import { Ago } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

const TONES = { info: "info", warning: "warn", critical: "bad" } as const;
const MARKS = { info: "●", warning: "▲", critical: "✕" } as const;

export function Said({ notification, isUnread = false }: { notification: Notification; isUnread?: boolean }) {
  const words = useWords();
  const topic = notification.topic.replace(".", "_");
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Chip tone={TONES[notification.level]}>
          <span aria-hidden="true">{MARKS[notification.level]}</span>
          {words[notification.level]}
        </Chip>
        <span className={`min-w-0 [overflow-wrap:anywhere] ${isUnread ? "font-semibold" : ""}`}>
          {visible(notification.title)}
        </span>
        {isUnread && (
          <span className="inline-flex items-center gap-1 text-label text-accent">
            <span aria-hidden="true">●</span>
            {words.isUnread}
          </span>
        )}
      </p>
      {notification.body && (
        <p className="mt-1 max-w-text whitespace-pre-wrap [overflow-wrap:anywhere] text-ink2">
          {visible(notification.body)}
        </p>
      )}
      <p className="mt-1 text-table text-ink3">
        <Ago ms={notification.created_at} />
        {notification.topic.includes(".") && topic in words && ` · ${words[topic as "alert_firing"]}`}
      </p>
    </>
  );
}
