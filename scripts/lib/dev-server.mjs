// The Worker served by `wrangler dev`: wrangler's own talk goes to a log file, what the Worker says to the terminal.

import { createWriteStream } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

import { SCRIPT } from "./bundle.mjs";
import { STATE, devFile } from "./local-state.mjs";
import { profileEnvironment } from "./profiles.mjs";
import { finished, forEachLine, start } from "./run.mjs";
import { Problem, startProgress } from "./terminal.mjs";
import { offlineEnvironment, wrangler } from "./wrangler.mjs";

const HOST = "127.0.0.1";
const START_SECONDS = 120;
const LINES_SHOWN_ON_FAILURE = 30;
const REST_OF_MESSAGE_MS = 2_000;

/** Fails if something already listens on the port: better before a long build than after it. */
export function checkPortIsFree(port) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => reject(portProblem(port, error)));
    probe.listen(port, HOST, () => probe.close(resolve));
  });
}

function portProblem(port, { code, message }) {
  if (code === "EADDRINUSE")
    return new Problem(`Port ${port} is taken: stop what listens there, or choose another with PORT=…`);
  return new Problem(`Cannot listen on port ${port}: ${message}`);
}

/** Starts serving the build of a profile, and answers once the Worker does: its `origin`, and a promise of wrangler's exit code. */
export async function serve(port, profile) {
  const script = `${profile.folder}/${SCRIPT}`;
  const [command, args] = await wrangler("dev", script, "--ip", HOST, "--port", String(port), "--persist-to", STATE);
  const child = start(command, [...args, "--show-interactive-dev-session=false"], {
    stdio: ["ignore", "pipe", "pipe"],
    // Wrangler builds again when a source changes.
    env: { ...offlineEnvironment, ...profileEnvironment(profile) },
  });
  const exited = finished(child);
  const output = follow(child);
  const origin = `http://${HOST}:${port}`;
  const stopProgress = startProgress("Starting the server", output.lastLine);
  const isUp = await Promise.race([answers(origin), exited.then(() => false), output.failed.then(() => false)]);
  stopProgress(isUp);
  if (!isUp) {
    child.kill("SIGTERM");
    throw new Problem(`The server did not start; the end of .dev/wrangler.log:\n${output.tail()}`);
  }
  output.startShowing();
  return { child, origin, exited };
}

async function answers(origin) {
  const deadline = Date.now() + START_SECONDS * 1000;
  while (Date.now() < deadline) {
    const response = await fetch(`${origin}/health`, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    if (response?.ok) return true;
    await sleep(100);
  }
  return false;
}

function follow(child) {
  const log = createWriteStream(devFile("wrangler.log"), { mode: 0o600 });
  const tail = [];
  let showing = false;
  // Wrangler reports a Worker that cannot start, and then waits for its source to change.
  let fail;
  const failed = new Promise((resolve) => (fail = () => setTimeout(resolve, REST_OF_MESSAGE_MS)));
  const isNoise = noiseFilter();
  const take = (print) => (coloured) => {
    const line = stripVTControlCharacters(coloured);
    log.write(`${line}\n`);
    tail.push(line);
    if (tail.length > LINES_SHOWN_ON_FAILURE) tail.shift();
    if (!isNoise(line) && showing) print(line);
    if (!showing && /\[ERROR\]/.test(line)) fail();
  };
  forEachLine(child.stdout, take(console.log));
  forEachLine(child.stderr, take(console.error));
  return {
    failed,
    lastLine: () => tail.findLast?.((line) => line.trim())?.trim() ?? "",
    tail: () => tail.map((line) => `    ${line}`).join("\n"),
    startShowing: () => (showing = true),
  };
}

const NOISE = [
  /^\s*$/,
  /^\[wrangler:info\]/,
  /^\[custom build\] (Running:.*)?$/,
  /^⎔ /,
  /^Your Worker has access to the following bindings:/,
  /^Binding\s+Resource/,
  /^env\.\w+ /,
  /^Using secrets defined in/,
  /^🪵/u,
];

// We trigger the cron ourselves.
const NEEDLESS_WARNING = /\[WARNING\].*Scheduled Workers are not automatically triggered/;

/** Tells wrangler's talk from the Worker's. A warning can go on for several lines, until the next message. */
function noiseFilter() {
  let inNeedlessWarning = false;
  return (line) => {
    if (/\[(WARNING|ERROR)\]|^\S/.test(line)) inNeedlessWarning = NEEDLESS_WARNING.test(line);
    return inNeedlessWarning || NOISE.some((pattern) => pattern.test(line));
  };
}

/** Locally nothing runs the cron jobs unless it is asked to, so ask as often as Cloudflare would, and once at once: the guide of the
 * console says whether the cron was seen. */
export function runCronEveryMinute(origin) {
  const trigger = () => fetch(`${origin}/cdn-cgi/local/scheduled?cron=*+*+*+*+*`).catch(() => {});
  void trigger();
  return setInterval(trigger, 60_000);
}
