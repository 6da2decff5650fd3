// One role: looking at a built-in one, and making, changing and deleting one of this deployment.

import { useState } from "react";
import { call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Permissions } from "../../ui/permissions.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { type Role, usePermissions, useRefreshRoles } from "./queries.ts";
import { useWords } from "./words.ts";

interface Props {
  /** The role that is changed; a new one without. */
  role: Role | undefined;
  /** What a new one begins as. */
  like: Role | undefined;
  onLike: (code: string) => void;
  onClose: () => void;
}

export function RoleForm({ role, like, onLike, onClose }: Props) {
  const words = useWords();
  const may = useMay();
  const permissions = usePermissions();
  const refresh = useRefreshRoles();
  const [removes, setRemoves] = useState(false);
  const [values, setValues] = useState({
    code: "",
    name: role?.name ?? "",
    description: role?.description ?? like?.description ?? "",
  });
  const [chosen, setChosen] = useState(role?.permissions ?? like?.permissions ?? []);
  const set = (name: keyof typeof values) => (event: { target: { value: string } }) =>
    setValues((now) => ({ ...now, [name]: event.target.value }));
  const form = useForm(async () => {
    const body = { name: values.name.trim(), description: values.description.trim() || null, permissions: chosen };
    if (role) await call("PUT /roles/{code}", { path: { code: role.code }, body });
    else await call("POST /roles", { body: { ...body, code: values.code.trim() } });
    await refresh();
    onClose();
  });
  const remove = useForm(async () => {
    await call("DELETE /roles/{code}", { path: { code: role?.code ?? "" } });
    await refresh();
    onClose();
  });
  const isFixed = role?.is_built_in === true;
  return (
    <Dialog drawer title={role ? visible(role.name) : words.add} onClose={onClose}>
      <form onSubmit={form.submit} className="flex max-w-form flex-col gap-4">
        {role && (
          <div className="flex flex-wrap gap-2">
            <Button icon="copy" onClick={() => onLike(role.code)}>
              {words.duplicate}
            </Button>
            {may("view_users") && (
              <LinkButton to="/users" icon="users">
                {words.users}
              </LinkButton>
            )}
          </div>
        )}
        {isFixed ? (
          <p className="text-ink2">
            {visible(role.description)} {words.fixed}
          </p>
        ) : (
          <>
            <Field
              label={words.name}
              required
              value={values.name}
              onChange={set("name")}
              error={form.errorOf("name")}
            />
            {!role && (
              <Field
                label={words.code}
                hint={words.codeHint}
                required
                spellCheck={false}
                value={values.code}
                onChange={set("code")}
                error={form.errorOf("code")}
              />
            )}
            <Field
              label={words.description}
              optional
              value={values.description}
              onChange={set("description")}
              error={form.errorOf("description")}
            />
          </>
        )}
        {permissions.error ? (
          <Failure error={permissions.error} retry={() => permissions.refetch()} />
        ) : permissions.data ? (
          <Permissions
            label={words.permissions}
            all={permissions.data}
            chosen={chosen}
            {...(isFixed ? {} : { onChange: setChosen })}
            error={form.errorOf("permissions")}
          />
        ) : (
          <Skeleton rows={8} />
        )}
        {form.rest()}
        {!isFixed && (
          <div className="flex justify-end gap-2">
            {role && (
              <Button look="danger" icon="trash" className="mr-auto" onClick={() => setRemoves(true)}>
                {words.remove}
              </Button>
            )}
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button type="submit" look="primary" busy={form.busy}>
              {role ? words.save : words.create}
            </Button>
          </div>
        )}
      </form>
      {removes && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setRemoves(false)}
        />
      )}
    </Dialog>
  );
}
