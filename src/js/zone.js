// Offsets of time zones. One formatter per zone is kept, because making one costs more than all its uses; at most 64 are.

const formatters = new Map();

/** The offset of the zone from UTC at `atMs` in milliseconds, NaN if there is no such zone. */
export function zoneOffset(name, atMs) {
  const formatter = formatterOf(name);
  if (formatter === null) return NaN;
  const shown = formatter.formatToParts(atMs).find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  const found = shown.match(/^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/);
  if (found === null) return NaN;
  const [, sign, hours = 0, minutes = 0, seconds = 0] = found;
  const ms = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === "-" ? -ms : ms;
}

function formatterOf(name) {
  let formatter = formatters.get(name);
  if (formatter !== undefined) return formatter;
  try {
    formatter = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch {
    return null;
  }
  if (formatters.size >= 64) formatters.clear();
  formatters.set(name, formatter);
  return formatter;
}
