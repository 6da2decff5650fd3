// A table of rows of one height, of which only those that can be seen are in the document: a hundred thousand rows scroll as fifty
// do. `j`, `k` and the arrow keys move the current row, Enter opens it. On a phone a row is what `phone` draws, in two lines.

import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { slice } from "../lib/window.ts";

export interface Column<Row> {
  id: string;
  title: ReactNode;
  /** The width, as a track of a grid. */
  width: string;
  right?: boolean;
  cell: (row: Row) => ReactNode;
}

export interface TableProps<Row> {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  idOf: (row: Row) => string;
  phone: (row: Row) => ReactNode;
  onOpen?: (row: Row) => void;
  /** Called when the end comes into sight. */
  onEnd?: () => void;
  /** The row that is open. */
  current?: string | undefined;
  /** Under the last row: what is loading, or that there is no more. */
  foot?: ReactNode;
  /** Told whether the first row is in sight. */
  onTop?: (isTop: boolean) => void;
}

export function Table<Row>({
  label,
  rows,
  columns,
  idOf,
  phone,
  onOpen,
  onEnd,
  current,
  foot,
  onTop,
}: TableProps<Row>) {
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800, phone: false, row: 32 });
  const [focus, setFocus] = useState(-1);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => {
      const narrow = window.innerWidth < 720;
      const row = narrow ? 60 : Number.parseInt(getComputedStyle(element).getPropertyValue("--row"), 10) || 32;
      setView({ top: element.scrollTop, height: element.clientHeight, phone: narrow, row });
      onTop?.(element.scrollTop < row);
    };
    measure();
    element.addEventListener("scroll", measure, { passive: true });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", measure);
      observer.disconnect();
    };
  }, [onTop]);
  const { first, last } = slice(rows.length, view.row, view.top, view.height);
  useEffect(() => {
    if (last >= rows.length) onEnd?.();
  }, [last, rows.length, onEnd]);

  const move = (to: number) => {
    const at = Math.max(0, Math.min(rows.length - 1, to));
    setFocus(at);
    const element = frame.current;
    if (!element) return;
    if (at * view.row < element.scrollTop) element.scrollTop = at * view.row;
    if ((at + 2) * view.row > element.scrollTop + element.clientHeight)
      element.scrollTop = (at + 2) * view.row - element.clientHeight;
  };
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 20, PageUp: -20 };
    const step = steps[event.key];
    const row = rows[focus];
    if (step) {
      event.preventDefault();
      move(focus + step);
    } else if (event.key === "Enter" && row && event.target === frame.current) {
      onOpen?.(row);
    }
  };
  const tracks = { gridTemplateColumns: columns.map(({ width }) => width).join(" ") };
  const focused = rows[focus];
  return (
    <div
      ref={frame}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={focused ? `row-${idOf(focused)}` : undefined}
      tabIndex={0}
      onKeyDown={onKey}
      className="relative min-h-60 flex-1 overflow-x-hidden overflow-y-auto border-y border-line text-table"
    >
      <div
        role="row"
        aria-rowindex={1}
        tabIndex={-1}
        style={tracks}
        className="sticky top-0 z-10 hidden h-8 items-center gap-3 border-b border-line bg-bg px-2 text-label text-ink2 sm:grid"
      >
        {columns.map((column) => (
          <span
            key={column.id}
            role="columnheader"
            tabIndex={-1}
            className={`truncate ${column.right ? "text-right" : ""}`}
          >
            {column.title}
          </span>
        ))}
      </div>
      <div role="presentation" style={{ height: rows.length * view.row, position: "relative" }}>
        {rows.slice(first, last).map((row, offset) => {
          const at = first + offset;
          const id = idOf(row);
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the table takes the keys.
            <div
              key={id}
              id={`row-${id}`}
              role="row"
              tabIndex={-1}
              aria-rowindex={at + 2}
              aria-selected={at === focus || id === current}
              style={{ ...(view.phone ? {} : tracks), height: view.row, top: at * view.row }}
              onClick={() => {
                setFocus(at);
                onOpen?.(row);
              }}
              className={`absolute inset-x-0 items-center gap-3 border-b border-line px-2 ${view.phone ? "block py-2" : "grid"} ${onOpen ? "cursor-pointer hover:bg-sunken" : ""} ${at === focus ? "bg-accent-soft shadow-[inset_2px_0_0_var(--accent)]" : ""} ${id === current ? "bg-accent-soft" : ""}`}
            >
              {view.phone ? (
                <div role="gridcell" tabIndex={-1} className="min-w-0">
                  {phone(row)}
                </div>
              ) : (
                columns.map((column) => (
                  <div
                    key={column.id}
                    role="gridcell"
                    tabIndex={-1}
                    className={`min-w-0 truncate ${column.right ? "text-right" : ""}`}
                  >
                    {column.cell(row)}
                  </div>
                ))
              )}
            </div>
          );
        })}
      </div>
      {foot && (
        <div role="row" tabIndex={-1}>
          <div role="gridcell" tabIndex={-1} className="p-2 text-ink3">
            {foot}
          </div>
        </div>
      )}
    </div>
  );
}
