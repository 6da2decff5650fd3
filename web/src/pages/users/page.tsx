// Users: who may sign in, and what they may do.

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Check, Field, useForm } from "../../ui/field.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

type User = Answer<"GET /users">["users"][number];
const USERS = ["users"];
const PAGE = 100;
const ROLES = ["admin", "operator", "viewer", "user", "guest"] as const;
const MARKS = {
  active: { mark: "●", tone: "ok" },
  pending: { mark: "◌", tone: "warn" },
  disabled: { mark: "○", tone: "plain" },
} as const;

export default function Users() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const list = useInfiniteQuery({
    queryKey: [...USERS, filters.email ?? ""],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }) =>
      (
        await call("GET /users", {
          query: { limit: PAGE, after: pageParam || undefined, email: filters.email } as object,
          signal,
        })
      ).users,
    getNextPageParam: (page) => (page.length === PAGE ? page.at(-1)?.id : undefined),
  });
  const rows = useMemo(() => list.data?.pages.flat() ?? [], [list.data]);
  const open = (to: string | undefined) => navigate({ to: "/users/{-$id}", params: { id: to } } as never);
  const columns = useMemo<Column<User>[]>(
    () => [
      {
        id: "email",
        title: words.email,
        width: "minmax(180px, 1.6fr)",
        cell: (row) => <span className="font-medium">{visible(row.email)}</span>,
      },
      { id: "name", title: words.name, width: "minmax(100px, 1fr)", cell: (row) => visible(row.name) },
      { id: "roles", title: words.roles, width: "minmax(100px, 1fr)", cell: (row) => visible(row.roles.join(", ")) },
      { id: "status", title: words.status, width: "160px", cell: (row) => <State user={row} /> },
      { id: "created", title: words.created, width: "110px", cell: (row) => <Time ms={row.created_at} style="date" /> },
    ],
    [words],
  );
  const add = may("manage_users") ? (
    <Button look="primary" icon="plus" onClick={() => open("new")}>
      {words.add}
    </Button>
  ) : null;
  const opened = rows.find((row) => row.id === id);
  return (
    <Page title={words.title} actions={add} fill>
      <div className="mb-3 w-64 max-sm:w-full">
        <input
          type="search"
          data-filter
          aria-label={words.find}
          placeholder={words.find}
          className="control"
          defaultValue={filters.email ?? ""}
          onBlur={(event) => setFilters({ email: event.target.value.trim() || undefined })}
          onKeyDown={(event) => {
            if (event.key === "Enter") setFilters({ email: event.currentTarget.value.trim() || undefined });
          }}
        />
      </div>
      {list.error && rows.length === 0 ? (
        <Failure error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <Skeleton />
      ) : rows.length === 0 ? (
        <Empty action={add}>{words.none}</Empty>
      ) : (
        <Table
          label={words.title}
          rows={rows}
          columns={columns}
          idOf={(row) => row.id}
          onOpen={(row) => open(row.id)}
          current={id}
          phone={(row) => (
            <>
              <p className="flex gap-2">
                <span className="min-w-0 flex-1 truncate font-medium">{visible(row.email)}</span>
                <State user={row} />
              </p>
              <p className="truncate text-ink3">{visible(row.roles.join(", "))}</p>
            </>
          )}
          foot={
            list.hasNextPage ? (
              <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                {words.more}
              </Button>
            ) : undefined
          }
        />
      )}
      {(opened || id === "new") && <One key={id} user={opened} onClose={() => open(undefined)} />}
    </Page>
  );
}

function State({ user }: { user: User }) {
  const words = useWords();
  const { mark, tone } = MARKS[user.status];
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {words[user.status]}
    </Chip>
  );
}

function One({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [values, setValues] = useState({ email: user?.email ?? "", name: user?.name ?? "", password: "" });
  const [roles, setRoles] = useState<string[]>(user?.roles ?? ["user"]);
  const [asks, setAsks] = useState(false);
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
  const status = useForm(async () => {
    const to = user?.status === "active" ? "disabled" : "active";
    await call("PUT /users/{id}", { path: { id: user?.id ?? "" }, body: { status: to } });
    await done();
  });
  // Roles of its own that the deployment has are kept as they are.
  const known = [...ROLES, ...roles.filter((role) => !ROLES.includes(role as (typeof ROLES)[number]))];
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
            <div key={role} className="flex items-baseline gap-3">
              <Check
                label={visible(role)}
                checked={roles.includes(role)}
                onChange={() =>
                  setRoles((now) => (now.includes(role) ? now.filter((one) => one !== role) : [...now, role]))
                }
              />
              <span className="text-table text-ink3">{words[role as (typeof ROLES)[number]]}</span>
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
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button type="submit" look="primary" busy={form.busy}>
              {user ? words.save : words.create}
            </Button>
          </div>
        )}
      </form>
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
    </Dialog>
  );
}
