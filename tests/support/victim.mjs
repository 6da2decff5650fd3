// A gateway in a process of its own, so that a test can kill it as a machine dies: workerd first, with SIGKILL, so that
// nothing in it is finished, flushed or told; then the process that started it.
//
// Run by itself, this file is that process: it starts a gateway with the options that it is sent, and answers its URL and
// the process id of its workerd.
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startGateway } from "./gateway.mjs";

const self = fileURLToPath(import.meta.url);

/** Starts a gateway that can be killed; `options` are those of `startGateway`. */
export async function startVictim(options) {
  const child = fork(self, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  child.send(options);
  const [started] = await once(child, "message");
  if (started.error) throw new Error(started.error);
  return {
    url: started.url,
    /** Kills it; settles when its processes are gone. Answers the time of the kill. */
    async kill() {
      const gone = once(child, "exit");
      for (const pid of started.workerd) process.kill(pid, "SIGKILL");
      const at = Date.now();
      child.kill("SIGKILL");
      await gone;
      return at;
    },
  };
}

/** The processes below this one that run workerd. */
function workerdBelow(pid) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, command, rest] = readFileSync(`/proc/${name}/stat`, "utf8").match(/\((.*)\) \S (\d+)/s);
      parents.set(Number(name), { command, parent: Number(rest) });
    } catch {
      // It has ended meanwhile.
    }
  }
  const isBelow = (one) => one === pid || (parents.has(one) && isBelow(parents.get(one).parent));
  return [...parents].filter(([id, { command }]) => command === "workerd" && isBelow(id)).map(([id]) => id);
}

if (process.argv[1] === self) {
  process.once("message", async (options) => {
    try {
      const gateway = await startGateway(options);
      process.send({ url: gateway.url, workerd: workerdBelow(process.pid) });
    } catch (error) {
      process.send({ error: String(error?.stack ?? error) });
    }
  });
}
