// The form of a directory.

import { useState } from "react";
import type { NewScimClient } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Area, Choice, Field, useForm } from "../../ui/field.tsx";
import { type Draft, NEW, bodyOf, draftOf } from "./directory-draft.ts";
import { useDirectoryWords } from "./directory-words.ts";
import { type Directory, useDirectoryWrites, useServices } from "./queries.ts";

interface Props {
  directory?: Directory;
  /** Told of a new directory, with its token. */
  onMade?: (made: NewScimClient) => void;
  onClose: () => void;
}

export function DirectoryForm({ directory, onMade, onClose }: Props) {
  const words = useDirectoryWords();
  const writes = useDirectoryWrites();
  const services = useServices().data ?? [];
  const [draft, setDraft] = useState<Draft>(() => (directory ? draftOf(directory) : NEW));
  const form = useForm(async () => {
    if (directory) {
      await writes.update(directory.id, bodyOf(draft));
      onClose();
    } else onMade?.(await writes.create(bodyOf(draft)));
  });
  const typed = (name: keyof Draft) => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => setDraft((now) => ({ ...now, [name]: event.target.value })),
    error: form.errorOf(name),
    spellCheck: false,
  });
  return (
    <form onSubmit={form.submit} className="flex flex-col gap-4">
      <Field label={words.name} required maxLength={100} placeholder="Entra ID" {...typed("name")} />
      <Field label={words.roles} hint={words.rolesHint} {...typed("roles")} />
      <Area label={words.roleMap} optional rows={3} hint={words.roleMapHint} {...typed("role_map")} />
      {services.length > 0 && (
        <Choice label={words.provider} optional hint={words.providerHint} {...typed("identity_provider")}>
          <option value="">–</option>
          {services.map(({ id, name }) => (
            <option key={id} value={id}>
              {visible(name)}
            </option>
          ))}
        </Choice>
      )}
      {form.rest()}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>{words.cancel}</Button>
        <Button type="submit" look="primary" busy={form.busy}>
          {directory ? words.save : words.create}
        </Button>
      </div>
    </form>
  );
}
