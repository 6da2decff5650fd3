// Which rows of a long list are drawn: those that can be seen, and some around them.

export interface Slice {
  first: number;
  /** Exclusive. */
  last: number;
}

export function slice(total: number, row: number, top: number, height: number, margin = 8): Slice {
  const first = Math.max(0, Math.floor(top / row) - margin);
  return { first, last: Math.min(total, Math.ceil((top + height) / row) + margin) };
}
