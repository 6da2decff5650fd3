// A lock between scripts that run at the same time, on one machine or on several that share a cache.

import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { locks } from "./paths.mjs";
import { say } from "./terminal.mjs";

const HEARTBEAT_MS = 5_000;
const SILENCE_MEANS_DEAD_MS = 30_000;
const POLL_MS = 250;

/** Runs `work` while holding the lock `name`. */
export async function withLock(name, work) {
  mkdirSync(locks, { recursive: true });
  const file = join(locks, `${name}.lock`);
  await acquire(file, name);
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  const release = () => rmSync(file, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    process.off("exit", release);
    release();
  }
}

async function acquire(file, name) {
  let announced = false;
  let seen = { beat: undefined, since: 0 };
  while (!create(file)) {
    const holder = read(file);
    if (!holder) continue;
    if (holder.beat !== seen.beat) seen = { beat: holder.beat, since: performance.now() };
    if (isGone(holder) || performance.now() - seen.since > SILENCE_MEANS_DEAD_MS) {
      rmSync(file, { force: true });
      continue;
    }
    if (!announced) say(`… waiting for another run (process ${holder.pid ?? "unknown"}), which is busy with ${name}`);
    announced = true;
    await sleep(POLL_MS);
  }
}

function create(file) {
  try {
    writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function read(file) {
  try {
    return { ...parse(readFileSync(file, "utf8")), beat: statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

// A lock that is being written may be empty for a moment: that is a holder too.
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

// A process id has no meaning on another host (or in another container): there only the age of the lock counts.
function isGone({ pid, host }) {
  if (!pid || host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function touch(file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The lock was taken over; the only option is to go on.
  }
}
