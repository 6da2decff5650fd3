// The frame of a page: its heading, what can be done, and the page below.

import type { ReactNode } from "react";

export function Page({
  title,
  actions,
  children,
  fill = false,
}: {
  title: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  fill?: boolean;
}) {
  return (
    <div className={`mx-auto flex w-full max-w-page min-w-0 flex-col px-4 pt-4 sm:px-6 ${fill ? "h-full" : "pb-16"}`}>
      <header className="mb-4 flex min-h-9 flex-wrap items-center gap-x-4 gap-y-2">
        <h1 className="text-page font-semibold">{title}</h1>
        {actions && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Section({ title, actions, children }: { title: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="mt-6 min-w-0">
      <header className="mb-2 flex min-h-8 flex-wrap items-center gap-3">
        <h2 className="text-section font-semibold">{title}</h2>
        {actions && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
