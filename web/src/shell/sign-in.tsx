// Signing in: by mail and password, or by the admin token, which is sent once and kept nowhere in the browser.

import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { SESSION, signInByPassword, signInByToken } from "../api/session.ts";
import { useShellWords } from "../i18n/shell.ts";
import { setPreferences, usePreferences } from "../lib/preferences.ts";
import { Button } from "../ui/button.tsx";
import { Code } from "../ui/copy.tsx";
import { Field, useForm } from "../ui/field.tsx";
import { Segmented } from "../ui/segmented.tsx";

/** `onDone` takes the place of reading everything anew. */
export function SignInForm({ onDone }: { onDone?: () => void }) {
  const words = useShellWords();
  const queries = useQueryClient();
  const { signIn: method } = usePreferences();
  const [token, setToken] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const form = useForm(async () => {
    if (method === "token") await signInByToken(token.trim());
    else await signInByPassword(email.trim(), password);
    // Before anything else is asked: a secret does not stay in the page longer than it is needed.
    setToken("");
    setPassword("");
    await queries.invalidateQueries({ queryKey: SESSION });
    if (onDone) onDone();
    else await queries.invalidateQueries();
  });
  return (
    <form onSubmit={form.submit} className="flex flex-col gap-4">
      <Segmented
        label={words.signIn}
        value={method}
        options={[
          { value: "token", label: words.byToken },
          { value: "mail", label: words.byMail },
        ]}
        onChange={(signIn) => setPreferences({ signIn })}
      />
      {method === "token" ? (
        <>
          <Field
            label={words.token}
            type="password"
            name="admin-token"
            autoComplete="off"
            required
            autoFocus
            value={token}
            onChange={(event) => setToken(event.target.value)}
            error={form.errorOf("admin_token")}
            hint={words.tokenUse}
          />
          <details className="text-table text-ink2">
            <summary className="link py-1">{words.tokenWhere}</summary>
            <p className="py-2">{words.tokenLocal}</p>
            <p className="pb-2">{words.tokenDeployed}</p>
            <Code text="npm run wrangler -- secret put ADMIN_TOKEN" />
          </details>
        </>
      ) : (
        <>
          <Field
            label={words.email}
            type="email"
            name="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
            error={form.errorOf("email")}
          />
          <Field
            label={words.password}
            type="password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={form.errorOf("password")}
          />
          {!onDone && (
            <p className="flex flex-wrap gap-x-6 text-table">
              <Link to="/forgot-password" className="link">
                {words.forgot}
              </Link>
              <Link to="/register" className="link">
                {words.register}
              </Link>
            </p>
          )}
        </>
      )}
      {form.rest()}
      <Button type="submit" look="primary" busy={form.busy}>
        {words.signIn}
      </Button>
    </form>
  );
}

export function SignInPage() {
  const words = useShellWords();
  const chosen = usePreferences();
  return (
    <main className="grid min-h-dvh content-start justify-center px-4 pt-[12dvh] pb-12">
      <div className="w-[min(400px,calc(100vw-32px))]">
        <p className="mb-6 flex items-center gap-2 text-section font-semibold">
          <img src="/console/favicon.svg" alt="" width="24" height="24" />
          Nexus Edge
        </p>
        <h1 className="mb-4 text-page font-semibold">{words.signIn}</h1>
        <SignInForm />
        <p className="mt-8 text-table text-ink3">
          <button
            type="button"
            className="link"
            lang={chosen.language === "zh" ? "en" : "zh-CN"}
            onClick={() => setPreferences({ language: chosen.language === "zh" ? "en" : "zh" })}
          >
            {chosen.language === "zh" ? "English" : "中文"}
          </button>
        </p>
      </div>
    </main>
  );
}
