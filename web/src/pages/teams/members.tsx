// Who is in a team, and as what.

import { useState } from "react";
import { ApiFailure, call } from "../../api/client.ts";
import { useMayWith } from "../../api/me.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Detail, type Member, useTeamWrites } from "./queries.ts";
import { useWords } from "./words.ts";

export function Members({ team }: { team: Detail }) {
  const words = useWords();
  const canChange = useMayWith(team.id)("manage_teams", "manage_own_teams");
  const [adds, setAdds] = useState(false);
  return (
    <Section
      title={`${words.members} (${team.members.length})`}
      actions={
        canChange && (
          <Button icon="plus" onClick={() => setAdds(true)}>
            {words.addMember}
          </Button>
        )
      }
    >
      {team.members.length === 0 ? (
        <p className="text-ink2">{words.noMembers}</p>
      ) : (
        <ul className="border-t border-line">
          {team.members.map((member) => (
            <Row key={member.user_id} team={team.id} member={member} canChange={canChange} />
          ))}
        </ul>
      )}
      {adds && <Add team={team.id} onClose={() => setAdds(false)} />}
    </Section>
  );
}

function Row({ team, member, canChange }: { team: string; member: Member; canChange: boolean }) {
  const words = useWords();
  const writes = useTeamWrites();
  const other = member.role === "owner" ? "member" : "owner";
  const change = useForm(() => writes.put(team, member.user_id, other).then(() => {}));
  const takeOut = useForm(() => writes.takeOut(team, member.user_id).then(() => {}));
  return (
    <li className="border-b border-line py-1.5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="min-w-0 flex-1 basis-40 truncate">
          {visible(member.name) || <span className="font-mono text-table">{member.user_id}</span>}
        </span>
        <Chip tone={member.role === "owner" ? "info" : "plain"}>{words[member.role]}</Chip>
        {canChange && (
          <span className="flex">
            <Button look="quiet" busy={change.busy} onClick={() => change.submit()}>
              {other === "owner" ? words.makeOwner : words.makeMember}
            </Button>
            <Button look="quiet" icon="trash" busy={takeOut.busy} onClick={() => takeOut.submit()}>
              {words.takeOut}
            </Button>
          </span>
        )}
      </div>
      {change.rest()}
      {takeOut.rest()}
    </li>
  );
}

function Add({ team, onClose }: { team: string; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const writes = useTeamWrites();
  const [who, setWho] = useState("");
  const [role, setRole] = useState<Member["role"]>("member");
  const canFind = may("view_users");
  const form = useForm(async () => {
    const wanted = who.trim();
    await writes.put(team, canFind && wanted.includes("@") ? await idOf(wanted, words.noUser) : wanted, role);
    onClose();
  });
  return (
    <Dialog title={words.addMember} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field
          label={canFind ? words.who : words.whoId}
          hint={canFind ? undefined : words.whoIdHint}
          required
          spellCheck={false}
          value={who}
          onChange={(event) => setWho(event.target.value)}
          error={form.errorOf("user")}
        />
        <Choice
          label={words.role}
          hint={words.roleHint}
          value={role}
          onChange={(event) => setRole(event.target.value as Member["role"])}
          error={form.errorOf("role")}
        >
          <option value="member">{words.member}</option>
          <option value="owner">{words.owner}</option>
        </Choice>
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {words.addAction}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

async function idOf(email: string, none: string): Promise<string> {
  const { users } = await call("GET /users", { query: { email, limit: 2 } });
  const found = users.find((user) => user.email.toLowerCase() === email.toLowerCase());
  if (!found) throw new ApiFailure(404, "user_not_found", none, { param: "user" });
  return found.id;
}
