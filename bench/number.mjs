// How numbers are written on pages and in reports.

/** A number with three significant digits: `1,234`, `567`, `89.1`, `2.34`. */
export function number(value) {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}
