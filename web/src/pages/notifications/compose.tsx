// Sending a notification.

import { useState } from "react";
import { call } from "../../api/client.ts";
import { useRefreshNotifications } from "../../api/notifications.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Area, Choice, Field, useForm } from "../../ui/field.tsx";
import { useWords } from "./words.ts";

const GROUPS = ["all", "role", "user", "permission:review_shared_provider", "permission:view_alerts"] as const;
const LEVELS = ["info", "warning", "critical"] as const;

export function Compose({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const refresh = useRefreshNotifications();
  const [group, setGroup] = useState<(typeof GROUPS)[number]>("all");
  const [level, setLevel] = useState<(typeof LEVELS)[number]>("info");
  const [values, setValues] = useState({ who: "", title: "", body: "", link: "", days: "" });
  const names = [words.everyone, words.role, words.oneUser, words.reviewers, words.alerted];
  const isNamed = group === "role" || group === "user";
  const form = useForm(async () => {
    const { who, title, body, link, days } = values;
    await call("POST /notifications", {
      body: {
        recipients: isNamed ? `${group}:${who.trim()}` : group,
        title: title.trim(),
        level,
        ...(body.trim() ? { body: body.trim() } : {}),
        ...(link.trim() ? { link: link.trim() } : {}),
        ...(days ? { days: Number(days) } : {}),
      },
    });
    await refresh();
    onClose();
  });
  const field = (name: keyof typeof values) => ({
    value: values[name],
    onChange: (event: { target: { value: string } }) => setValues({ ...values, [name]: event.target.value }),
  });
  return (
    <Dialog title={words.send} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Choice
          label={words.recipients}
          value={group}
          onChange={(event) => setGroup(event.target.value as typeof group)}
          error={isNamed ? null : form.errorOf("recipients")}
        >
          {GROUPS.map((value, at) => (
            <option key={value} value={value}>
              {names[at]}
            </option>
          ))}
        </Choice>
        {isNamed && (
          <Field
            label={group === "role" ? words.roleCode : words.userId}
            required
            spellCheck={false}
            {...field("who")}
            error={form.errorOf("recipients")}
          />
        )}
        <Field label={words.heading} required {...field("title")} error={form.errorOf("title")} />
        <Area label={words.body} optional rows={4} {...field("body")} error={form.errorOf("body")} />
        <Choice
          label={words.level}
          value={level}
          onChange={(event) => setLevel(event.target.value as typeof level)}
          error={form.errorOf("level")}
        >
          {LEVELS.map((value) => (
            <option key={value} value={value}>
              {words[value]}
            </option>
          ))}
        </Choice>
        <Field
          label={words.link}
          optional
          spellCheck={false}
          hint={words.linkHint}
          {...field("link")}
          error={form.errorOf("link")}
        />
        <Field
          label={words.days}
          optional
          type="number"
          min={1}
          max={365}
          placeholder="90"
          {...field("days")}
          error={form.errorOf("days")}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {words.sendAction}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
