// Approving, within limits and despite failures if they say so; and refusing, with the reason that the owner is told.

import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Area, Check, Field, useForm } from "../../ui/field.tsx";
import { type Submission, useReview } from "./queries.ts";
import { useWords } from "./words.ts";

export function Approve({ submission, onClose }: { submission: Submission; onClose: () => void }) {
  const words = useWords();
  const review = useReview(submission.id);
  const [limits, setLimits] = useState({ rate_limit: "", max_qps: "", max_in_flight: "" });
  const [notes, setNotes] = useState("");
  const [isDespite, setDespite] = useState(false);
  const hasFailed = submission.report !== null && !submission.report.passed;
  const form = useForm(async () => {
    const chosen = Object.entries(limits).flatMap(([name, value]) => (value ? [[name, Number(value)]] : []));
    await review.approve({
      ...Object.fromEntries(chosen),
      ...(notes.trim() ? { notes: notes.trim() } : {}),
      ...(isDespite ? { despite_failures: true } : {}),
    });
    onClose();
  });
  const limit = (name: keyof typeof limits, label: string) => (
    <Field
      label={label}
      optional
      type="number"
      min={1}
      hint={words.anyNumber}
      value={limits[name]}
      onChange={(event) => setLimits({ ...limits, [name]: event.target.value })}
      error={form.errorOf(name)}
    />
  );
  return (
    <Dialog title={words.approve} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.approveText}</p>
        {limit("rate_limit", words.perMinute)}
        {limit("max_qps", words.perSecond)}
        {limit("max_in_flight", words.inFlight)}
        <Area
          label={words.notes}
          optional
          rows={3}
          value={notes}
          onChange={(event) => setNotes(event.target.value)}
          error={form.errorOf("notes")}
        />
        {hasFailed && (
          <Check label={words.despite} checked={isDespite} onChange={(event) => setDespite(event.target.checked)} />
        )}
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy} disabled={hasFailed && !isDespite}>
            {words.approve}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function Reject({ submission, onClose }: { submission: Submission; onClose: () => void }) {
  const words = useWords();
  const review = useReview(submission.id);
  const [notes, setNotes] = useState("");
  const form = useForm(async () => {
    await review.reject(notes.trim());
    onClose();
  });
  return (
    <Dialog title={words.reject} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.rejectText}</p>
        <Area
          label={words.why}
          required
          rows={4}
          value={notes}
          onChange={(event) => setNotes(event.target.value)}
          error={form.errorOf("notes")}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="danger" busy={form.busy}>
            {words.reject}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
