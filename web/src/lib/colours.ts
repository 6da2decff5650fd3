// The colour of a series: the same on every page, by a hash of its name, as far as no other series of the chart has it already.

export const COLOURS = 7;

/** Custom properties for the names of one chart, in their order; `null` is "all others". */
export function coloursOf(names: (string | null)[]): string[] {
  const taken = new Set<number>();
  return names.map((name) => {
    if (name === null) return "--series-other";
    let slot = hash(name) % COLOURS;
    for (let tries = 0; taken.has(slot) && tries < COLOURS; tries++) slot = (slot + 1) % COLOURS;
    taken.add(slot);
    return `--series-${slot}`;
  });
}

function hash(text: string): number {
  let value = 2166136261;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16777619);
  return value >>> 0;
}
