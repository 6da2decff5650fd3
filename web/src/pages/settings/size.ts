// Numbers of bytes as text: pure.

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** In the largest unit that fits, with three digits that count. */
export function size(bytes: number): string {
  const step = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${UNITS[step]}`;
}
