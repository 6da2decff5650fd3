// Changing the password. It ends all other sessions.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { useMe } from "../../api/me.ts";
import { Button } from "../../ui/button.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { SESSIONS } from "./sessions.tsx";
import { useWords } from "./words.ts";

export function Password() {
  const words = useWords();
  const { data: me } = useMe();
  const queries = useQueryClient();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [isDone, setDone] = useState(false);
  const form = useForm(async () => {
    setDone(false);
    await call("POST /auth/password/change", { body: { current_password: current, new_password: next } });
    setCurrent("");
    setNext("");
    setDone(true);
    await queries.invalidateQueries({ queryKey: SESSIONS });
  });
  return (
    <Section title={words.password}>
      <form onSubmit={form.submit} className="flex max-w-form flex-col items-start gap-3">
        {/* Tells password managers whose password is changed. */}
        <input type="email" autoComplete="username" value={me?.email ?? ""} readOnly hidden />
        <div className="w-full">
          <Field
            label={words.currentPassword}
            type="password"
            autoComplete="current-password"
            required
            value={current}
            onChange={(event) => setCurrent(event.target.value)}
            error={form.errorOf("current_password")}
          />
        </div>
        <div className="w-full">
          <Field
            label={words.newPassword}
            type="password"
            autoComplete="new-password"
            required
            hint={words.passwordHint}
            value={next}
            onChange={(event) => setNext(event.target.value)}
            error={form.errorOf("new_password") ?? form.errorOf("password")}
          />
        </div>
        {form.rest()}
        <div className="flex items-center gap-3">
          <Button type="submit" busy={form.busy}>
            {words.changePassword}
          </Button>
          {isDone && (
            <span role="status" className="text-ok">
              {words.passwordChanged}
            </span>
          )}
        </div>
      </form>
    </Section>
  );
}
