// Starting the benchmark's own helper processes, and reading how much processor time and memory other processes have
// used.
import { fork } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Forks a helper module of this folder and returns `ask(message)`, which resolves with its reply. */
export async function startHelper(module) {
  const child = fork(module, {
    // Node's SQLite says so of itself, every time.
    execArgv: [...process.execArgv, "--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const waiting = new Map();
  let next = 0;
  let down = null;
  const ready = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.on("exit", (code, signal) => {
      down = new Error(`${module} ended early (${signal ?? code})`);
      reject(down);
      for (const { reject } of waiting.values()) reject(down);
    });
    child.on("message", (message) => {
      if (message.ready) return resolve(message);
      const { resolve: done, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) reject(new Error(message.error));
      else done(message.result);
    });
  });
  const hello = await ready;
  return {
    hello,
    pid: child.pid,
    ask(message) {
      if (down) return Promise.reject(down);
      return new Promise((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve, reject });
        child.send({ ...message, id });
      });
    },
    stop: () => child.disconnect(),
  };
}

/** The processes that this one has started; empty where there is no /proc. */
export function children() {
  try {
    return readdirSync("/proc/self/task")
      .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" "))
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

/** Processor time in ms that a process has used since it started; null where there is no /proc. */
export function cpuMs(pid) {
  try {
    let ns = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ", 1)[0]);
    }
    return ns / 1e6;
  } catch {
    return null;
  }
}

/** The same of its main thread alone, which answers requests in workerd: compiling and collecting garbage have others. */
export function mainThreadCpuMs(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ", 1)[0]) / 1e6;
  } catch {
    return null;
  }
}

/** Processor time in ms that the whole machine has spent, stolen time included; null where there is no /proc. */
export function machineCpuMs() {
  try {
    const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0];
    const [, user, nice, system, , , irq, softirq, steal] = line.split(/ +/).map(Number);
    // The kernel counts these in hundredths of a second everywhere that this runs.
    return (user + nice + system + irq + softirq + steal) * 10;
  } catch {
    return null;
  }
}

/** Resident memory in MB; null where there is no /proc. */
export function residentMb(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
  } catch {
    return null;
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
