// Signed requests: whether a key's secret alone is enough, and what its signatures are checked with.

import { useState } from "react";
import { call } from "../../api/client.ts";
import type { KeyView } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Secret } from "../../ui/secret.tsx";
import { useKeyWrites } from "./queries.ts";
import { useWords } from "./words.ts";

export function Signing({ item }: { item: KeyView }) {
  const words = useWords();
  const may = useMay();
  const [isOpen, setOpen] = useState(false);
  const uses = { off: words.signOff, optional: words.signOptional, required: words.signRequired };
  const canChange = may("manage_all_api_keys", "manage_own_api_keys");
  return (
    <Section
      title={words.signing}
      actions={
        canChange && (
          <Button icon="role" onClick={() => setOpen(true)}>
            {words.signChange}
          </Button>
        )
      }
    >
      <p>
        {uses[item.signature]}{" "}
        <span className="text-ink2">
          {item.signature_algorithm ? words.signBy(item.signature_algorithm) : words.signByNothing}
        </span>
      </p>
      {isOpen && <Change item={item} onClose={() => setOpen(false)} />}
    </Section>
  );
}

function Change({ item, onClose }: { item: KeyView; onClose: () => void }) {
  const words = useWords();
  const writes = useKeyWrites();
  const [use, setUse] = useState(item.signature);
  const [publicKey, setPublicKey] = useState(item.signing_public_key ?? "");
  const [secret, setSecret] = useState<string>();
  const form = useForm(async () => {
    const key = publicKey.trim();
    await writes.update(item.id, {
      signature: use,
      ...(key === (item.signing_public_key ?? "") ? {} : { signing_public_key: key || null }),
    });
    onClose();
  });
  const make = useForm(async () => {
    const made = await writes.after(call("POST /keys/{id}/signing-secret", { path: { id: item.id } }));
    setPublicKey("");
    setSecret(made.signing_secret ?? undefined);
  });
  if (secret)
    return (
      <Dialog title={words.signSecret} onClose={onClose} canClose={false}>
        <Secret value={secret} variable="NEXUS_SIGNING_SECRET" onDone={() => setSecret(undefined)} />
      </Dialog>
    );
  return (
    <Dialog title={words.signing} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.signText}</p>
        <Choice
          label={words.signUse}
          value={use}
          onChange={(event) => setUse(event.target.value as typeof use)}
          error={form.errorOf("signature")}
        >
          <option value="off">{words.signOff}</option>
          <option value="optional">{words.signOptional}</option>
          <option value="required">{words.signRequired}</option>
        </Choice>
        <div>
          <Button icon="key" busy={make.busy} onClick={() => make.submit()}>
            {words.signMake}
          </Button>
          <p className="mt-1 text-table text-ink3">{words.signMakeHint}</p>
          {make.rest()}
        </div>
        <Field
          label={words.signPublic}
          optional
          hint={words.signPublicHint}
          spellCheck={false}
          value={publicKey}
          onChange={(event) => setPublicKey(event.target.value)}
          error={form.errorOf("signing_public_key")}
        />
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy}>
            {words.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
