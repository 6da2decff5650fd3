// A list in each of its states: it could not be read, it is being read, there is nothing in it, or its rows as a table.

import type { ReactNode } from "react";
import { Empty, Failure, Skeleton } from "./states.tsx";
import { Table, type TableProps } from "./table.tsx";

interface Props<Row> extends Omit<TableProps<Row>, "rows"> {
  /** The query that reads it. */
  query: { error: unknown; isPending: boolean; refetch: () => unknown };
  rows: Row[] | undefined;
  /** Said where there is no row, with what can be done about it. */
  none: ReactNode;
  action?: ReactNode;
}

export function List<Row>({ query, rows = [], none, action, ...table }: Props<Row>) {
  if (query.error && rows.length === 0) return <Failure error={query.error} retry={() => query.refetch()} />;
  if (query.isPending) return <Skeleton rows={6} />;
  if (rows.length === 0) return <Empty action={action}>{none}</Empty>;
  return <Table rows={rows} {...table} />;
}

/** What a phone shows of a row: its name with its state, and a line below. */
export function PhoneRow({ name, state, children }: { name: ReactNode; state: ReactNode; children: ReactNode }) {
  return (
    <>
      <p className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium">{name}</span>
        {state}
      </p>
      <p className="truncate text-ink3">{children}</p>
    </>
  );
}
