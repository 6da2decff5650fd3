// One user: what they may do, and the end of their account.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Check, Field, useForm } from "../../ui/field.tsx";
import { Chip } from "../../ui/status.tsx";
import { Grants } from "./grants.tsx";
import { useWords } from "./words.ts";

export type User = Answer<"GET /users">["users"][number];
export const USERS = ["users"];
const ROLES = ["admin", "operator", "viewer", "user", "guest"] as const;
const MARKS = {
  active: { mark: "●", tone: "ok" },
  pending: { mark: "◌", tone: "warn" },
  disabled: { mark: "○", tone: "plain" },
} as const;

export function State({ user }: { user: User }) {
  const words = useWords();
  const { mark, tone } = MARKS[user.status];
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {words[user.status]}
    </Chip>
  );
}

export function One({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [values, setValues] = useState({ email: user?.email ?? "", name: user?.name ?? "", password: "" });
  const [roles, setRoles] = useState<string[]>(user?.roles ?? ["user"]);
  const [asks, setAsks] = useState(false);
  const [removes, setRemoves] = useState(false);
  const set = (name: keyof typeof values) => (event: { target: { value: string } }) =>
    setValues((now) => ({ ...now, [name]: event.target.value }));
  const done = async () => {
    await client.invalidateQueries({ queryKey: USERS });
    onClose();
  };
  const form = useForm(async () => {
    if (!user) {
      await call("POST /users", {
        body: {
          email: values.email.trim(),
          roles,
          ...(values.name ? { name: values.name } : {}),
          ...(values.password ? { password: values.password } : {}),
        },
      });
    } else {
      const body = {
        ...(values.email !== user.email ? { email: values.email.trim() } : {}),
        ...(values.name !== user.name ? { name: values.name } : {}),
        ...(values.password ? { password: values.password } : {}),
        ...(roles.toSorted().join() !== user.roles.toSorted().join() ? { roles } : {}),
      };
      await call("PUT /users/{id}", { path: { id: user.id }, body });
    }
    await done();
  });
  const path = { id: user?.id ?? "" };
  const status = useForm(async () => {
    if (user?.status === "pending") await call("POST /users/{id}/approve", { path });
    else await call("PUT /users/{id}", { path, body: { status: user?.status === "active" ? "disabled" : "active" } });
    await done();
  });
  const reject = useForm(async () => {
    await call("POST /users/{id}/reject", { path });
    await done();
  });
  const made = useQuery({
    queryKey: ["roles"],
    queryFn: async ({ signal }) => (await call("GET /roles", { signal })).roles,
    enabled: may("manage_user_permissions"),
  });
  // Roles that cannot be listed are kept as they are.
  const known = [...new Set([...ROLES, ...(made.data ?? []).map(({ code }) => code), ...roles])];
  const aboutRole = (code: string) =>
    ROLES.includes(code as (typeof ROLES)[number])
      ? words[code as (typeof ROLES)[number]]
      : visible(made.data?.find((role) => role.code === code)?.name ?? "");
  return (
    <Dialog
      title={user ? visible(user.email) : words.add}
      onClose={onClose}
      drawer
      actions={user && <State user={user} />}
    >
      {user && (
        <div className="mb-4 flex flex-wrap gap-2">
          <LinkButton to="/keys" search={{ owner: user.id }} icon="key">
            {words.keys}
          </LinkButton>
          <LinkButton to="/usage" search={{ owner: user.id }} icon="usage">
            {words.usage}
          </LinkButton>
          {may("view_audit") && (
            <LinkButton to="/audit" search={{ target: user.id }} icon="audit">
              {words.history}
            </LinkButton>
          )}
          {may("manage_users") && user.status === "pending" && (
            <Button look="danger" busy={reject.busy} onClick={() => reject.submit()}>
              {words.reject}
            </Button>
          )}
          {may("manage_users") && (
            <Button
              look={user.status === "active" ? "danger" : "primary"}
              busy={status.busy}
              onClick={() => (user.status === "active" ? setAsks(true) : status.submit())}
            >
              {user.status === "active" ? words.disable : user.status === "pending" ? words.approve : words.enable}
            </Button>
          )}
        </div>
      )}
      {!asks && status.rest()}
      {reject.rest()}
      <form onSubmit={form.submit} className="flex max-w-form flex-col gap-3">
        <Field
          label={words.email}
          type="email"
          required
          value={values.email}
          onChange={set("email")}
          error={form.errorOf("email")}
        />
        <Field label={words.name} optional value={values.name} onChange={set("name")} error={form.errorOf("name")} />
        <Field
          label={user ? words.newPassword : words.password}
          hint={user ? `${words.passwordKeep}. ${words.passwordHint}` : words.passwordHint}
          type="password"
          autoComplete="new-password"
          value={values.password}
          onChange={set("password")}
          error={form.errorOf("password")}
        />
        <fieldset>
          <legend className="font-medium">{words.roles}</legend>
          {known.map((role) => (
            <div key={role} className="flex items-center gap-3">
              <Check
                label={visible(role)}
                checked={roles.includes(role)}
                onChange={() =>
                  setRoles((now) => (now.includes(role) ? now.filter((one) => one !== role) : [...now, role]))
                }
              />
              <span className="text-table text-ink3">{aboutRole(role)}</span>
            </div>
          ))}
          {form.errorOf("roles") && (
            <p role="alert" className="text-table text-bad">
              {form.errorOf("roles")}
            </p>
          )}
        </fieldset>
        {form.rest()}
        {may("manage_users") && (
          <div className="flex justify-end gap-2">
            {user && (
              <Button look="danger" icon="trash" className="mr-auto" onClick={() => setRemoves(true)}>
                {words.remove}
              </Button>
            )}
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button type="submit" look="primary" busy={form.busy}>
              {user ? words.save : words.create}
            </Button>
          </div>
        )}
      </form>
      {user && may("manage_user_permissions") && <Grants user={user.id} />}
      {asks && (
        <Confirm
          title={words.disableTitle}
          consequence={words.disableText}
          action={words.disable}
          busy={status.busy}
          error={status.rest()}
          onConfirm={() => status.submit()}
          onClose={() => setAsks(false)}
        />
      )}
      {removes && user && <Remove id={user.id} onClose={() => setRemoves(false)} onGone={done} />}
    </Dialog>
  );
}

function Remove({ id, onClose, onGone }: { id: string; onClose: () => void; onGone: () => Promise<void> }) {
  const words = useWords();
  const [withKeys, setWithKeys] = useState(false);
  const form = useForm(async () => {
    await call("DELETE /users/{id}", { path: { id }, query: { keys: withKeys ? "delete" : "disable" } });
    await onGone();
  });
  return (
    <Dialog title={words.removeTitle} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-3">
        <p className="text-ink2">{words.removeText}</p>
        <Check label={words.deleteKeys} checked={withKeys} onChange={(event) => setWithKeys(event.target.checked)} />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="danger" busy={form.busy}>
            {words.remove}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
