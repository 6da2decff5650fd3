// Signing in: by mail and password, with a passkey or another service, or by the admin token, which is sent once and kept nowhere in
// the browser.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../api/client.ts";
import { hasPasskeys, signInByPasskey } from "../api/passkeys.ts";
import { SESSION, knowsUsers, signInByPassword, signInByToken } from "../api/session.ts";
import { setPreferences, usePreferences } from "../lib/preferences.ts";
import { Button } from "../ui/button.tsx";
import { Code } from "../ui/copy.tsx";
import { Field, useForm } from "../ui/field.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { useSignInWords } from "./sign-in-words.ts";

/** `onDone` takes the place of reading everything anew. */
export function SignInForm({ onDone }: { onDone?: () => void }) {
  const words = useSignInWords();
  const queries = useQueryClient();
  const { signIn } = usePreferences();
  const method = signIn || (knowsUsers() ? "mail" : "token");
  const [token, setToken] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const done = async () => {
    await queries.invalidateQueries({ queryKey: SESSION });
    if (onDone) onDone();
    else await queries.invalidateQueries();
  };
  const form = useForm(async () => {
    if (method === "token") await signInByToken(token.trim());
    else await signInByPassword(email.trim(), password);
    // Before anything else is asked: a secret does not stay in the page longer than it is needed.
    setToken("");
    setPassword("");
    await done();
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
        </>
      )}
      {form.rest()}
      <Button type="submit" look="primary" busy={form.busy}>
        {words.signIn}
      </Button>
      {method === "mail" && <OtherWays isPage={!onDone} onDone={done} />}
    </form>
  );
}

/** A passkey, the services that the gateway has, and, on the page, what helps who has no account or password. */
function OtherWays({ isPage, onDone }: { isPage: boolean; onDone: () => Promise<void> }) {
  const words = useSignInWords();
  const [isRefused, setRefused] = useState(false);
  const { data: options } = useQuery({
    queryKey: ["sign-in-options"],
    queryFn: ({ signal }) => call("GET /auth/options", { signal }),
    staleTime: 300_000,
  });
  const passkey = useForm(async () => {
    setRefused(false);
    if (await signInByPasskey()) await onDone();
    else setRefused(true);
  });
  const services = options?.services ?? [];
  const mayRegister = options !== undefined && options.registration !== "closed";
  return (
    <>
      <div className="flex flex-col gap-2 border-line not-empty:border-t not-empty:pt-4">
        {hasPasskeys() && (
          <Button icon="key" busy={passkey.busy} onClick={() => passkey.submit()}>
            {words.byPasskey}
          </Button>
        )}
        {services.map(({ id, name }) => (
          <Button key={id} icon="door" onClick={() => location.assign(withService(id))}>
            {words.byService(name)}
          </Button>
        ))}
      </div>
      {isRefused && <p role="status">{words.noPasskey}</p>}
      {passkey.rest()}
      {isPage && (
        <p className="flex flex-wrap gap-x-6 text-table">
          {options?.sends_mail && (
            <Link to="/forgot-password" className="link">
              {words.forgot}
            </Link>
          )}
          {mayRegister && (
            <Link to="/register" className="link">
              {words.register}
            </Link>
          )}
        </p>
      )}
    </>
  );
}

/** Where a sign-in with a service begins. It ends on the page that is open, but never on the one that says that it failed. */
function withService(id: string): string {
  const here = location.pathname.startsWith("/console/sign-in") ? "/console/" : location.pathname + location.search;
  return `/auth/with/${encodeURIComponent(id)}?${new URLSearchParams({ return_to: here })}`;
}

/** `failed` is the code of a sign-in with a service that came to nothing. */
export function SignInPage({ failed }: { failed?: string | undefined }) {
  const words = useSignInWords();
  const chosen = usePreferences();
  const known = failed ? `failed_${failed}` : "";
  return (
    <main className="grid min-h-dvh content-start justify-center px-4 pt-[12dvh] pb-12">
      <div className="w-[min(400px,calc(100vw-32px))]">
        <p className="mb-6 flex items-center gap-2 text-section font-semibold">
          <img src="/console/favicon.svg" alt="" width="24" height="24" />
          Nexus Edge
        </p>
        <h1 className="mb-4 text-page font-semibold">{words.signIn}</h1>
        {failed && (
          <div role="alert" className="mb-4 rounded-m border border-bad bg-bad-soft p-3">
            <p className="font-medium text-bad">{words.failed}</p>
            <p>{known in words ? (words[known as "failed_other"] as string) : words.failed_other}</p>
            <p className="mt-1 font-mono text-table text-ink2">{failed.replace(/[^a-z0-9_]/gi, "").slice(0, 80)}</p>
          </div>
        )}
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
