// What a person sees while a script works: lines, durations, a spinner on a terminal, and problems in one line.

/** A problem that a person can fix. Shown as one line, without a stack trace. */
export class Problem extends Error {}

const onTerminal = Boolean(process.stdout.isTTY) && !process.env.CI;
const inColour = onTerminal && !process.env.NO_COLOR;
const paint = (code, text) => (inColour ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = (text) => paint(1, text);
export const dim = (text) => paint(2, text);
const green = (text) => paint(32, text);
const red = (text) => paint(31, text);

export const say = (text = "") => console.log(text);
export const done = (text) => say(`${green("✓")} ${text}`);
export const warn = (text) => say(`! ${text}`);
export const complain = (text) => console.error(`${red("✗")} ${text}`);

export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function size(bytes) {
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / 1024 / 1024).toFixed(2)} MiB`;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const QUIET_REPORT_MS = 15_000;

/**
 * Shows that a long step is alive: a spinner on a terminal, elsewhere a line now and then.
 * `detail()` tells what the step is doing at the moment.
 */
export function startProgress(title, detail = () => "") {
  const begun = Date.now();
  const elapsed = () => duration(Date.now() - begun);
  const timer = onTerminal ? spin(title, detail, elapsed) : report(title, detail, elapsed);
  return (succeeded) => {
    clearInterval(timer);
    if (onTerminal) process.stdout.write("\r\u001b[K");
    if (succeeded) done(`${title} ${dim(`(${elapsed()})`)}`);
    else complain(`${title} ${dim(`(${elapsed()})`)}`);
  };
}

function spin(title, detail, elapsed) {
  let frame = 0;
  return setInterval(() => {
    const line = `${FRAMES[frame++ % FRAMES.length]} ${title} · ${elapsed()} · ${detail()}`;
    process.stdout.write(`\r\u001b[K${line.slice(0, (process.stdout.columns || 80) - 1)}`);
  }, 100);
}

function report(title, detail, elapsed) {
  say(`… ${title}`);
  return setInterval(() => say(`  … ${elapsed()} · ${detail()}`), QUIET_REPORT_MS);
}
