// Dragging a row of a list by the pointer: it moves by one place whenever the pointer has left it above or below. Buttons and keys do the
// same, so that nothing depends on a pointer.

import { type PointerEvent as ReactPointerEvent, type RefObject, useEffect, useRef, useState } from "react";

/** `onMove` is told the `data-key` of the row and where it goes. Answers what begins to drag a row. */
export function useDragging(
  list: RefObject<HTMLElement | null>,
  onMove: (key: string, by: -1 | 1) => void,
): (event: ReactPointerEvent, key: string) => void {
  const [dragged, setDragged] = useState<string | null>(null);
  // The rows change while one is dragged.
  const latest = useRef(onMove);
  latest.current = onMove;
  useEffect(() => {
    if (dragged === null) return;
    // On the window: a row that moves in the document loses a captured pointer.
    const move = ({ clientY }: PointerEvent) => {
      const rows = [...(list.current?.querySelectorAll<HTMLElement>("[data-key]") ?? [])];
      const row = rows.find((one) => one.dataset.key === dragged)?.getBoundingClientRect();
      if (row && clientY < row.top) latest.current(dragged, -1);
      else if (row && clientY > row.bottom) latest.current(dragged, 1);
    };
    const stop = () => setDragged(null);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
    return () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
    };
  }, [dragged, list]);
  return (event, key) => {
    event.preventDefault();
    setDragged(key);
  };
}
