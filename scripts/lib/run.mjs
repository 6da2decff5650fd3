// Running other programs: quietly for their answer, openly with their output, or as a step with progress and a log.

import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { logs, root } from "./paths.mjs";
import { Problem, complain, startProgress } from "./terminal.mjs";

const running = new Set();

/** Starts a program in the checkout; it is stopped when this script is. */
export function start(command, args, { cwd = root, env = {}, stdio = "inherit" } = {}) {
  const child = spawn(command, args, { cwd, stdio, env: { ...process.env, ...env } });
  running.add(child);
  child.once("close", () => running.delete(child));
  child.once("error", () => running.delete(child));
  return child;
}

export function stopAll(signal) {
  for (const child of running) child.kill(signal);
}

/** Resolves to the exit code; `null` where the program could not be started, 124 where it took too long. */
export function finished(child, timeoutSeconds) {
  return new Promise((resolve) => {
    let late = false;
    const timer =
      timeoutSeconds &&
      setTimeout(() => {
        late = true;
        child.kill("SIGTERM");
        setTimeout(() => child.kill("SIGKILL"), 3000).unref();
      }, timeoutSeconds * 1000);
    const settle = (code) => {
      clearTimeout(timer);
      resolve(late ? 124 : code);
    };
    child.once("error", () => settle(null));
    child.once("close", (code) => settle(code ?? 1));
  });
}

/** Runs a program with its output on the terminal. */
export const run = (command, args, options = {}) => finished(start(command, args, options), options.timeoutSeconds);

/** Runs a program for its answer. */
export async function capture(command, args, options = {}) {
  const child = start(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text) => (output.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text) => (output.stderr += text));
  const code = await finished(child, options.timeoutSeconds);
  return { code, ...output };
}

// Some programs name the reason first (npm), most of them last.
const LINES_SHOWN_ON_FAILURE = { first: 12, last: 30 };

/**
 * Runs a long program behind one line of progress. Its output goes to a log file; the end of it is shown on failure.
 * Throws a `Problem` on failure, unless `optional` is set: then answers whether it succeeded.
 */
export async function runStep(title, command, args, { optional = false, timeoutSeconds, ...options } = {}) {
  mkdirSync(logs, { recursive: true });
  const logFile = join(logs, `${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}-${process.pid}.log`);
  const log = createWriteStream(logFile);
  const output = keepEnds(LINES_SHOWN_ON_FAILURE);

  const child = start(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const stopProgress = startProgress(title, output.newest);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.pipe(log, { end: false });
    forEachLine(stream, output.add);
  }
  const code = await finished(child, timeoutSeconds);
  log.end();
  stopProgress(code === 0);

  if (code === 0) {
    rmSync(logFile, { force: true });
    return true;
  }
  if (optional) return false;
  complain(`${command} ${args.join(" ")}`);
  for (const line of output.lines()) console.error(`    ${line}`);
  throw new Problem(`${title}: ${reasonOf(code, command, timeoutSeconds)}; the whole output is in ${logFile}`);
}

function keepEnds({ first, last }) {
  const head = [];
  const tail = [];
  let omitted = 0;
  const add = (line) => {
    if (head.length < first) head.push(line);
    else if (tail.push(line) > last && tail.shift() !== undefined) omitted += 1;
  };
  const newest = () => (tail.at(-1) ?? head.at(-1) ?? "").trim();
  const lines = () => (omitted > 0 ? [...head, `[… ${omitted} lines left out …]`, ...tail] : [...head, ...tail]);
  return { add, newest, lines };
}

function reasonOf(code, command, timeoutSeconds) {
  if (code === null) return `${command} could not be started`;
  if (code === 124) return `gave up after ${timeoutSeconds} s`;
  return `failed with exit code ${code}`;
}

/** Calls `use` for every line of a stream, whatever pieces it arrives in. */
export function forEachLine(stream, use) {
  let rest = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop();
    lines.forEach(use);
  });
  stream?.on("end", () => rest && use(rest));
}
