// One submission: what the owner says, what the checks found, what was decided, and deciding.

import { useState } from "react";
import { useMayWith } from "../../api/me.ts";
import type { CheckFinding } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { Approve, Reject } from "./decide.tsx";
import { State } from "./parts.tsx";
import { type Submission, useReview, useSubmission } from "./queries.ts";
import { useWords } from "./words.ts";

export function Detail({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const { data, error, refetch } = useSubmission(id);
  return (
    <Dialog
      drawer
      title={data ? visible(data.provider_name) : words.title}
      onClose={onClose}
      actions={data && <State state={data.state} />}
    >
      {data ? <Body submission={data} /> : error ? <Failure error={error} retry={refetch} /> : <Skeleton rows={6} />}
    </Dialog>
  );
}

function Body({ submission }: { submission: Submission }) {
  const words = useWords();
  const { limits, report } = submission;
  return (
    <>
      <Actions submission={submission} />
      <Facts
        facts={[
          [
            words.owner,
            <span key="o" className="font-mono text-table">
              {visible(submission.owner)}
            </span>,
          ],
          [words.description, submission.description && visible(submission.description)],
          [words.since, <Ago key="s" ms={submission.created_at} />],
          [words.perMinute, limits.rate_limit],
          [words.perSecond, limits.max_qps],
          [words.inFlight, limits.max_in_flight],
        ]}
      />
      <Section title={words.checks}>
        {report ? (
          <>
            <p className="mb-2 text-table text-ink3">
              {words.ran} <Ago ms={report.at} />
            </p>
            <ul className="border-t border-line">
              {report.findings.map((finding) => (
                <Finding key={finding.check} finding={finding} />
              ))}
            </ul>
          </>
        ) : (
          <p className="text-ink2">{words.notYet}</p>
        )}
      </Section>
      <Section title={words.history}>
        <ol className="border-t border-line">
          {submission.steps.map((step) => (
            <li key={`${step.at}-${step.action}`} className="border-b border-line py-2">
              <p className="flex flex-wrap gap-x-2">
                <span className="font-medium">
                  {words[`step_${step.action}` as "step_submit"] ?? visible(step.action)}
                </span>
                <span className="text-ink2">
                  {words.by} {step.by === "gateway" ? words.gateway : visible(step.by)}
                </span>
                <span className="ml-auto text-table text-ink3">
                  <Time ms={step.at} />
                </span>
              </p>
              {step.notes && <p className="mt-1 whitespace-pre-wrap text-ink2">{visible(step.notes)}</p>}
            </li>
          ))}
        </ol>
      </Section>
    </>
  );
}

const OUTCOMES = {
  passed: { mark: "●", colour: "text-ok" },
  failed: { mark: "✕", colour: "text-bad" },
  skipped: { mark: "◌", colour: "text-ink3" },
} as const;

function Finding({ finding }: { finding: CheckFinding }) {
  const words = useWords();
  const { mark, colour } = OUTCOMES[finding.outcome];
  const figures = Object.entries(finding.figures ?? {});
  return (
    <li className="border-b border-line py-2">
      <p className="flex flex-wrap items-baseline gap-x-3">
        <span className={`${colour} w-20 shrink-0`}>
          <span aria-hidden="true">{mark} </span>
          {words[finding.outcome]}
        </span>
        <span className="min-w-0 flex-1 basis-60">{words[`check_${finding.check}`]}</span>
      </p>
      {finding.reason && <p className="mt-1 [overflow-wrap:anywhere] text-ink2">{visible(finding.reason)}</p>}
      {(figures.length > 0 || typeof finding.status === "number") && (
        <p className="mt-1 flex flex-wrap gap-x-4 font-mono text-table text-ink3">
          {typeof finding.status === "number" && <span>HTTP {finding.status}</span>}
          {figures.map(([name, value]) => (
            <span key={name}>
              {name}: {value}
            </span>
          ))}
        </p>
      )}
      {finding.excerpt && (
        <details className="mt-1 text-table">
          <summary className="link">{words.evidence}</summary>
          <p className="mt-1 rounded-s bg-sunken p-2 font-mono whitespace-pre-wrap [overflow-wrap:anywhere]">
            {visible(finding.excerpt)}
          </p>
        </details>
      )}
    </li>
  );
}

function Actions({ submission }: { submission: Submission }) {
  const words = useWords();
  const may = useMay();
  const mayWith = useMayWith(submission.owner);
  const review = useReview(submission.id);
  const [doing, setDoing] = useState<"approve" | "reject" | "withdraw" | null>(null);
  const test = useForm(review.test);
  const withdraw = useForm(async () => {
    await review.withdraw();
    setDoing(null);
  });
  const { state } = submission;
  const isOpen = state === "submitted" || state === "tested";
  const isPublic = state === "approved" || state === "approved_limited";
  const isReviewer = may("review_shared_provider");
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        {isReviewer && isOpen && (
          <Button icon="play" busy={test.busy} onClick={() => test.submit()}>
            {test.busy ? words.testing : words.test}
          </Button>
        )}
        {isReviewer && state === "tested" && (
          <Button look="primary" icon="check" onClick={() => setDoing("approve")}>
            {words.approve}
          </Button>
        )}
        {isReviewer && (isOpen || isPublic) && (
          <Button look="danger" onClick={() => setDoing("reject")}>
            {words.reject}
          </Button>
        )}
        {mayWith("review_shared_provider", "submit_shared_provider") && (isOpen || isPublic) && (
          <Button onClick={() => setDoing("withdraw")}>{words.withdraw}</Button>
        )}
        <LinkButton to={`/providers/${submission.provider_id}`} icon="provider">
          {words.provider}
        </LinkButton>
      </div>
      {test.rest()}
      {doing === "approve" && <Approve submission={submission} onClose={() => setDoing(null)} />}
      {doing === "reject" && <Reject submission={submission} onClose={() => setDoing(null)} />}
      {doing === "withdraw" && (
        <Confirm
          title={words.withdrawTitle}
          consequence={words.withdrawText}
          action={words.withdraw}
          busy={withdraw.busy}
          error={withdraw.rest()}
          onConfirm={() => withdraw.submit()}
          onClose={() => setDoing(null)}
        />
      )}
    </>
  );
}
