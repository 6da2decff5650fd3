// A contestant that is a server program: started on a free port of the loopback interface, and awaited.
import childProcess from "node:child_process";
import net from "node:net";
import { sleep } from "./processes.mjs";

/** A free port. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Whether something listens there. */
export function listens(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/**
 * @param {string} command
 * @param {(port: number) => string[]} args
 * @param {Record<string, string>} env added to the environment
 * @param {object} [options]
 * @param {number} [options.withinMs] how long it may take to listen
 * @param {number} [options.port] where it is to listen; otherwise on a port that is free
 */
export async function startServer(command, args, env = {}, { withinMs = 60_000, cwd, port = null } = {}) {
  port ??= await freePort();
  // By its full name, so that the measure of cold starts sees when.
  const child = childProcess.spawn(command, args(port), {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
    cwd,
  });
  let complaints = "";
  child.stderr.on("data", (data) => (complaints = (complaints + data).slice(-2000)));
  let ended = null;
  child.once("exit", (code, signal) => (ended = signal ?? code));
  child.once("error", (error) => (ended = error.message));
  const stop = async () => {
    if (ended !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const forced = setTimeout(() => child.kill("SIGKILL"), 3000);
    await gone;
    clearTimeout(forced);
  };
  const deadline = performance.now() + withinMs;
  while (!(await listens(port))) {
    if (ended !== null || performance.now() > deadline) {
      await stop();
      throw new Error(`${ended !== null ? `it ended (${ended})` : "it does not listen"}: ${complaints.slice(-800)}`);
    }
    await sleep(50);
  }
  return { url: `http://127.0.0.1:${port}`, port, pid: child.pid, stop };
}
