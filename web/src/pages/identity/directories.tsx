// Directories that keep users and teams by SCIM: adding one, its address and its token, and what its users may do.

import { type ReactNode, useMemo, useState } from "react";
import type { NewScimClient } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { linesOf } from "../../lib/roles.ts";
import { useOpened } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Choice, useForm } from "../../ui/field.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { Secret } from "../../ui/secret.tsx";
import { OnOff } from "../../ui/status.tsx";
import type { Column } from "../../ui/table.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { mapOf } from "./directory-draft.ts";
import { DirectoryForm } from "./directory-form.tsx";
import { useDirectoryWords } from "./directory-words.ts";
import { type Directory, useDirectories, useDirectoryWrites } from "./queries.ts";
import { useWords } from "./words.ts";

export function Directories({ add }: { add: ReactNode }) {
  const shared = useWords();
  const words = useDirectoryWords();
  const [id, open] = useOpened("/identity");
  const directories = useDirectories();
  const columns = useColumns();
  const opened = directories.data?.find((directory) => directory.id === id);
  return (
    <>
      <List
        query={directories}
        rows={directories.data}
        none={words.none}
        action={add}
        label={shared.directories}
        columns={columns}
        idOf={(row) => row.id}
        onOpen={(row) => open(row.id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(row.name)} state={<OnOff on={row.enabled} />}>
            {words.lastUsed} <LastUsed directory={row} />
          </PhoneRow>
        )}
      />
      {id === "new" && <NewDirectory onClose={open} />}
      {opened && <Detail key={opened.id} directory={opened} onClose={() => open(undefined)} />}
    </>
  );
}

/** `onClose` is told the id of the directory that was made. */
function NewDirectory({ onClose }: { onClose: (made?: string) => void }) {
  const words = useDirectoryWords();
  const [made, setMade] = useState<NewScimClient>();
  if (made) return <Token made={made} onDone={() => onClose(made.id)} />;
  return (
    <Dialog title={words.add} onClose={() => onClose()}>
      <DirectoryForm onMade={setMade} onClose={() => onClose()} />
    </Dialog>
  );
}

function useColumns(): Column<Directory>[] {
  const words = useDirectoryWords();
  return useMemo(
    () => [
      {
        id: "name",
        title: words.name,
        width: "minmax(140px, 1fr)",
        cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
      },
      { id: "roles", title: words.roles, width: "minmax(120px, 1fr)", cell: (row) => visible(row.roles.join(", ")) },
      {
        id: "groups",
        title: words.roleMap,
        width: "minmax(140px, 2fr)",
        cell: (row) => visible(Object.keys(row.role_map).join(", ") || "–"),
      },
      { id: "used", title: words.lastUsed, width: "130px", cell: (row) => <LastUsed directory={row} /> },
      { id: "state", title: words.state, width: "90px", cell: (row) => <OnOff on={row.enabled} /> },
    ],
    [words],
  );
}

function LastUsed({ directory }: { directory: Directory }) {
  const words = useDirectoryWords();
  if (directory.last_used_at === null) return <span className="text-ink3">{words.never}</span>;
  return <Ago ms={directory.last_used_at} />;
}

/** What the directory is given: the address, and the token, this once. */
function Token({ made, onDone }: { made: NewScimClient; onDone: () => void }) {
  const words = useDirectoryWords();
  return (
    <Dialog title={words.tokenMade} onClose={onDone} canClose={false}>
      <Address url={made.url} />
      <Secret value={made.token} variable="SCIM_TOKEN" onDone={onDone} />
    </Dialog>
  );
}

function Address({ url }: { url: string }) {
  const words = useDirectoryWords();
  return (
    <div className="mb-4 rounded-m border border-line bg-sunken p-3">
      <p className="font-medium">{words.url}</p>
      <p className="mt-1 font-mono text-table [overflow-wrap:anywhere]">
        {url} <Copy text={url} small />
      </p>
      <p className="mt-1 text-table text-ink3">{words.urlHint}</p>
    </div>
  );
}

function Detail({ directory, onClose }: { directory: Directory; onClose: () => void }) {
  const words = useDirectoryWords();
  const writes = useDirectoryWrites();
  const [doing, setDoing] = useState<"edit" | "rotate" | "remove" | null>(null);
  const stop = () => setDoing(null);
  const toggle = useForm(async () => {
    await writes.update(directory.id, { enabled: !directory.enabled });
  });
  const remove = useForm(async () => {
    await writes.remove(directory.id);
    onClose();
  });
  const groups = mapOf(directory.role_map);
  const overlaps = directory.previous_until !== null && directory.previous_until > Date.now();
  return (
    <Dialog drawer title={visible(directory.name)} onClose={onClose} actions={<OnOff on={directory.enabled} />}>
      <div className="mb-4 flex flex-wrap gap-2">
        <Button icon="edit" onClick={() => setDoing("edit")}>
          {words.edit}
        </Button>
        <Button icon="key" onClick={() => setDoing("rotate")}>
          {words.rotate}
        </Button>
        <Button icon={directory.enabled ? "pause" : "play"} busy={toggle.busy} onClick={() => toggle.submit()}>
          {directory.enabled ? words.turnOff : words.turnOn}
        </Button>
        <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
          {words.remove}
        </Button>
      </div>
      {toggle.rest()}
      <Address url={directory.url} />
      <Facts
        facts={[
          [words.lastUsed, <LastUsed key="u" directory={directory} />],
          [words.previous, overlaps && <Ago key="p" ms={directory.previous_until ?? 0} />],
          [words.roles, visible(directory.roles.join(", "))],
          [
            words.roleMap,
            groups.length > 0 && (
              <ul key="m">
                {linesOf(groups)
                  .split("\n")
                  .map((line) => (
                    <li key={line}>{visible(line)}</li>
                  ))}
              </ul>
            ),
          ],
          [words.provider, directory.identity_provider && visible(directory.identity_provider)],
          [words.madeBy, visible(directory.created_by)],
          [words.created, <Time key="c" ms={directory.created_at} style="full" />],
        ]}
      />
      {doing === "edit" && (
        <Dialog title={words.edit} onClose={stop}>
          <DirectoryForm directory={directory} onClose={stop} />
        </Dialog>
      )}
      {doing === "rotate" && <Rotate directory={directory} onClose={stop} />}
      {doing === "remove" && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={stop}
        />
      )}
    </Dialog>
  );
}

/** Hours for which the token before may still be accepted. */
const OVERLAPS = [0, 1, 24, 168];

function Rotate({ directory, onClose }: { directory: Directory; onClose: () => void }) {
  const words = useDirectoryWords();
  const writes = useDirectoryWrites();
  const [hours, setHours] = useState("24");
  const [made, setMade] = useState<NewScimClient>();
  const form = useForm(async () => setMade(await writes.rotate(directory.id, Number(hours))));
  if (made) return <Token made={made} onDone={onClose} />;
  return (
    <Dialog title={words.rotate} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Choice
          label={words.overlap}
          value={hours}
          onChange={(event) => setHours(event.target.value)}
          error={form.errorOf("overlap_hours")}
        >
          {OVERLAPS.map((value) => (
            <option key={value} value={value}>
              {value === 0 ? words.atOnce : words.hours(value)}
            </option>
          ))}
        </Choice>
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" icon="key" busy={form.busy}>
            {words.rotate}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
