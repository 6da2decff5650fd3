// What people do before they have a session: choose a new password by the link of a mail, confirm an address, ask for such a link, make
// an account. The token of a link is behind `#`, which browsers send nowhere, and is taken out of the address at once.

import { type ReactNode, useEffect, useState } from "react";
import { call } from "../../api/client.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { useWords } from "./words.ts";

export default function PublicPage({ path }: { path: string }) {
  const token = useToken();
  if (path === "/reset-password") return <Reset token={token} />;
  if (path === "/verify-email") return <Verify token={token} />;
  return path === "/register" ? <Register /> : <Forgot />;
}

function useToken(): string {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
  useEffect(() => {
    if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  }, []);
  return token;
}

function Around({ title, children }: { title: string; children: ReactNode }) {
  const words = useWords();
  useEffect(() => {
    document.title = `${title} · Nexus Edge`;
  }, [title]);
  return (
    <main className="grid min-h-dvh content-start justify-center px-4 pt-[12dvh] pb-12">
      <div className="flex w-[min(400px,calc(100vw-32px))] flex-col gap-4">
        <h1 className="text-page font-semibold">{title}</h1>
        {children}
        <div>
          <LinkButton to="/" look="quiet" icon="left">
            {words.toSignIn}
          </LinkButton>
        </div>
      </div>
    </main>
  );
}

const Done = ({ children }: { children: ReactNode }) => (
  <p role="status" className="border-l-2 border-ok pl-3">
    {children}
  </p>
);

function Reset({ token }: { token: string }) {
  const words = useWords();
  const [password, setPassword] = useState("");
  const [isDone, setDone] = useState(false);
  const form = useForm(async () => {
    await call("POST /auth/password/reset", { body: { token, password } });
    setPassword("");
    setDone(true);
  });
  return (
    <Around title={words.reset}>
      {isDone ? (
        <Done>{words.resetDone}</Done>
      ) : token === "" ? (
        <p className="text-warn">{words.noToken}</p>
      ) : (
        <form onSubmit={form.submit} className="flex flex-col gap-4">
          <Field
            label={words.newPassword}
            type="password"
            autoComplete="new-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={form.errorOf("password")}
            hint={words.passwordHint}
          />
          {form.rest()}
          <Button type="submit" look="primary" busy={form.busy}>
            {words.change}
          </Button>
        </form>
      )}
    </Around>
  );
}

function Verify({ token }: { token: string }) {
  const words = useWords();
  const [needsApproval, setNeeds] = useState<boolean>();
  // By a click: programs that look at the links of mails would use it up.
  const form = useForm(async () =>
    setNeeds((await call("POST /auth/email/verify", { body: { token } })).needs_approval),
  );
  return (
    <Around title={words.verify}>
      {needsApproval !== undefined ? (
        <Done>{needsApproval ? words.verifyWait : words.verifyDone}</Done>
      ) : token === "" ? (
        <p className="text-warn">{words.noToken}</p>
      ) : (
        <form onSubmit={form.submit} className="flex flex-col gap-4">
          {form.rest()}
          <Button type="submit" look="primary" busy={form.busy}>
            {words.confirm}
          </Button>
        </form>
      )}
    </Around>
  );
}

function Forgot() {
  const words = useWords();
  const [email, setEmail] = useState("");
  const [isDone, setDone] = useState(false);
  const form = useForm(async () => {
    await call("POST /auth/password/forgot", { body: { email: email.trim() } });
    setDone(true);
  });
  return (
    <Around title={words.forgot}>
      {isDone ? (
        <Done>{words.sent}</Done>
      ) : (
        <form onSubmit={form.submit} className="flex flex-col gap-4">
          <Field
            label={words.email}
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
            error={form.errorOf("email")}
            hint={words.forgotHint}
          />
          {form.rest()}
          <Button type="submit" look="primary" busy={form.busy}>
            {words.send}
          </Button>
        </form>
      )}
    </Around>
  );
}

function Register() {
  const words = useWords();
  const given = new URLSearchParams(location.search).get("invitation") ?? "";
  const [draft, setDraft] = useState({ email: "", name: "", password: "", invitation: given });
  const [done, setDone] = useState<string>();
  const form = useForm(async () => {
    const { email, name, password, invitation } = draft;
    const optional = {
      ...(name.trim() ? { name: name.trim() } : {}),
      ...(invitation.trim() ? { invitation: invitation.trim() } : {}),
    };
    const answer = await call("POST /auth/register", { body: { email: email.trim(), password, ...optional } });
    setDraft({ ...draft, password: "" });
    setDone(
      answer.needs_verification
        ? words.registeredVerify
        : answer.needs_approval
          ? words.registeredApproval
          : words.registered,
    );
  });
  const field = (name: keyof typeof draft) => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => setDraft({ ...draft, [name]: event.target.value }),
    error: form.errorOf(name),
  });
  return (
    <Around title={words.register}>
      {done ? (
        <Done>{done}</Done>
      ) : (
        <form onSubmit={form.submit} className="flex flex-col gap-4">
          <Field label={words.email} type="email" autoComplete="username" required {...field("email")} />
          <Field label={words.name} optional autoComplete="name" {...field("name")} />
          <Field
            label={words.newPassword}
            type="password"
            autoComplete="new-password"
            required
            hint={words.passwordHint}
            {...field("password")}
          />
          <Field label={words.invitation} optional hint={words.invitationHint} {...field("invitation")} />
          {form.rest()}
          <Button type="submit" look="primary" busy={form.busy}>
            {words.register}
          </Button>
        </form>
      )}
    </Around>
  );
}
