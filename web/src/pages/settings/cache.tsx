// The cache of answers: emptied as a whole, of a key or a model, or of what has expired.

import { type FormEvent, useState } from "react";
import { call } from "../../api/client.ts";
import { count } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { useWords } from "./words.ts";

type Segment = "expired" | "key" | "model" | "all";

export function Cache() {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const [segment, setSegment] = useState<Segment>("expired");
  const [id, setId] = useState("");
  const [cleared, setCleared] = useState<number>();
  const isOfOne = segment === "key" || segment === "model";
  const form = useForm(async () => {
    const body = { segment, ...(isOfOne ? { id: id.trim() } : {}) };
    setCleared((await call("POST /system/cache/clear", { body })).cleared);
  });
  return (
    <Section title={words.cache}>
      <p className="mb-3 max-w-text text-table text-ink2">{words.cacheHint}</p>
      <form
        onSubmit={(event: FormEvent) => {
          setCleared(undefined);
          form.submit(event);
        }}
        className="flex flex-wrap items-end gap-3"
      >
        <div className="w-56">
          <Choice
            label={words.segment}
            value={segment}
            onChange={(event) => setSegment(event.target.value as Segment)}
            error={form.errorOf("segment")}
          >
            <option value="expired">{words.expired}</option>
            <option value="model">{words.ofModel}</option>
            <option value="key">{words.ofKey}</option>
            <option value="all">{words.all}</option>
          </Choice>
        </div>
        {isOfOne && (
          <div className="w-56">
            <Field
              label={segment === "key" ? words.keyId : words.modelName}
              required
              value={id}
              onChange={(event) => setId(event.target.value)}
              error={form.errorOf("id")}
            />
          </div>
        )}
        <Button type="submit" busy={form.busy}>
          {words.clear}
        </Button>
        {cleared !== undefined && (
          <span role="status" className="py-1 text-ok">
            ● {words.cleared(count(cleared, locale))}
          </span>
        )}
      </form>
      {form.rest()}
    </Section>
  );
}
