// Who is served by a provider that someone owns: its owner, those with whom it is shared, and all after a review.

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { useMayWith } from "../../api/me.ts";
import { visible } from "../../lib/format.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Area, Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { type Provider, useRefresh } from "./queries.ts";
import { useWords } from "./words.ts";

export function Sharing({ provider }: { provider: Provider }) {
  const words = useWords();
  const mayWith = useMayWith(provider.owner);
  const [doing, setDoing] = useState<"share" | "submit" | null>(null);
  if (provider.owner === null) return null;
  const isFree = provider.visibility !== "public" && !provider.in_review;
  const who = {
    private: words.servesOwner,
    shared: words.servesShared(provider.shared_with.length),
    public: words.servesAll,
  };
  return (
    <Section
      title={words.sharing}
      actions={
        <>
          {isFree && mayWith("manage_providers", "manage_own_providers") && (
            <Button icon="users" onClick={() => setDoing("share")}>
              {words.share}
            </Button>
          )}
          {isFree && mayWith("manage_providers", "submit_shared_provider") && (
            <Button icon="send" onClick={() => setDoing("submit")}>
              {words.submit}
            </Button>
          )}
          {!isFree && mayWith("review_shared_provider", "submit_shared_provider") && (
            <LinkButton to="/submissions">{words.submissions}</LinkButton>
          )}
        </>
      }
    >
      <p>
        {who[provider.visibility]} {provider.in_review && words.inReview}
      </p>
      <p className="mt-1 text-table text-ink3">
        {words.owner} <span className="font-mono">{visible(provider.owner)}</span>
      </p>
      {provider.shared_with.length > 0 && (
        <ul className="mt-1 font-mono text-table">
          {provider.shared_with.map((owner) => (
            <li key={owner}>{visible(owner)}</li>
          ))}
        </ul>
      )}
      {doing === "share" && <Share provider={provider} onClose={() => setDoing(null)} />}
      {doing === "submit" && <Submit provider={provider} onClose={() => setDoing(null)} />}
    </Section>
  );
}

function Share({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const words = useWords();
  const refresh = useRefresh();
  const [text, setText] = useState(provider.shared_with.join(", "));
  const form = useForm(async () => {
    const shared_with = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
    await call("PUT /providers/{id}", { path: { id: String(provider.id) }, body: { shared_with } });
    await refresh();
    onClose();
  });
  return (
    <Dialog title={words.share} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.shareText(visible(provider.name))}</p>
        <Field
          label={words.sharedWith}
          hint={words.sharedWithHint}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          error={form.errorOf("shared_with")}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {words.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Submit({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const words = useWords();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [description, setDescription] = useState(provider.description);
  const form = useForm(async () => {
    const made = await call("POST /providers/{id}/submit", {
      path: { id: String(provider.id) },
      body: { description: description.trim() },
    });
    await Promise.all([["providers"], ["submissions"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
    await navigate({ to: `/submissions/${made.id}` });
  });
  return (
    <Dialog title={words.submit} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.submitText}</p>
        <Area
          label={words.submitDescription}
          rows={4}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          error={form.errorOf("description")}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {words.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
