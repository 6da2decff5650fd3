// The form of a set: its lines, each a tool or a pattern of a server, under a name and a description of its own.

import { useId, useState } from "react";
import { useMe } from "../../api/me.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { type Toolset, useServers, useSetWrites } from "./queries.ts";
import { type Draft, type Line, bodyOf, changeOf, draftOf, lineOf, newOf } from "./set-draft.ts";
import { useSetWords } from "./set-words.ts";

interface Props {
  set?: Toolset;
  /** Told the id of the set that was stored. */
  onClose: (stored?: string) => void;
}

export function SetForm({ set, onClose }: Props) {
  const words = useSetWords();
  const may = useMay();
  const { data: me } = useMe();
  const writes = useSetWrites();
  const servers = useServers(may("manage_tools")).data ?? [];
  const list = useId();
  const [draft, setDraft] = useState<Draft>(() => (set ? draftOf(set) : newOf("")));
  // A set for all keys needs the permission for all sets.
  const owners = [
    ...(may("manage_tools") ? [{ id: "", name: words.everyKey }] : []),
    ...(me ? [{ id: me.id, name: me.name || me.email }, ...me.teams] : []),
  ];
  const owner = draft.owner || owners[0]?.id || "";
  const form = useForm(async () => {
    const stored = set
      ? await writes.update(set.id, changeOf(draft))
      : await writes.create(bodyOf({ ...draft, owner }));
    onClose(stored.id);
  });
  const change = (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part }));
  const changeLine = (id: number, part: Partial<Line>) =>
    change({ lines: draft.lines.map((line) => (line.id === id ? { ...line, ...part } : line)) });
  const typed = (name: "name" | "description") => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => change({ [name]: event.target.value }),
    error: form.errorOf(name),
  });
  return (
    <form onSubmit={form.submit} className="flex flex-col gap-4">
      {!set && <Field label={words.name} hint={words.nameHint} required spellCheck={false} {...typed("name")} />}
      <Field label={words.description} optional {...typed("description")} />
      {!set && owners.length > 1 && (
        <Choice
          label={words.owner}
          value={owner}
          onChange={(event) => change({ owner: event.target.value })}
          error={form.errorOf("owner")}
        >
          {owners.map(({ id, name }) => (
            <option key={id} value={id}>
              {visible(name)}
            </option>
          ))}
        </Choice>
      )}
      <datalist id={list}>
        {servers.map(({ id }) => (
          <option key={id} value={id} />
        ))}
      </datalist>
      <fieldset className="flex min-w-0 flex-col gap-3">
        <legend className="mb-1 font-medium">{words.tools}</legend>
        <p className="text-table text-ink3">{words.toolsHint}</p>
        <ul className="border-t border-line">
          {draft.lines.map((line, at) => (
            <LineFields
              key={line.id}
              line={line}
              number={at + 1}
              list={list}
              onChange={(part) => changeLine(line.id, part)}
              onRemove={() => change({ lines: draft.lines.filter(({ id }) => id !== line.id) })}
            />
          ))}
        </ul>
        <div>
          <Button
            icon="plus"
            onClick={() =>
              change({ lines: [...draft.lines, lineOf(Math.max(-1, ...draft.lines.map(({ id }) => id)) + 1)] })
            }
          >
            {words.addLine}
          </Button>
        </div>
      </fieldset>
      {form.rest()}
      <div className="flex justify-end gap-2">
        <Button onClick={() => onClose()}>{words.cancel}</Button>
        <Button type="submit" look="primary" busy={form.busy}>
          {set ? words.save : words.create}
        </Button>
      </div>
    </form>
  );
}

interface LineProps {
  line: Line;
  number: number;
  /** The id of the list of servers. */
  list: string;
  onChange: (part: Partial<Line>) => void;
  onRemove: () => void;
}

function LineFields({ line, number, list, onChange, onRemove }: LineProps) {
  const words = useSetWords();
  const field = (name: "server" | "tool" | "name" | "description") => ({
    value: line[name],
    onChange: (event: { target: { value: string } }) => onChange({ [name]: event.target.value }),
    spellCheck: false,
  });
  return (
    <li className="grid gap-3 border-b border-line py-3 sm:grid-cols-2">
      <Field label={words.server(number)} list={list} required {...field("server")} />
      <Field label={words.tool(number)} required {...field("tool")} />
      <Field label={words.as(number)} optional {...field("name")} />
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1">
          <Field label={words.describedAs(number)} optional {...field("description")} />
        </div>
        <Button icon="trash" aria-label={words.removeLine(number)} onClick={onRemove} />
      </div>
    </li>
  );
}
