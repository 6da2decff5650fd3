// Portkey's gateway as its package starts it: a server for Node, a process of its own.
import { startServer } from "../../server.mjs";
import { ensurePortkey, targets, VERSION } from "../../peers/portkey/portkey.mjs";

export const name = "portkey-node";
export const about = `Portkey's gateway ${VERSION} on Node ${process.versions.node}`;
export const peer = true;
export const rounds = 2;
export const rewritesBody = true;
export const rewritesAnswer = true;
export const install = ensurePortkey;

export const headersFor = (upstream) => targets("", upstream).headers;

export async function start({ upstream, port }) {
  const { server } = await ensurePortkey();
  const args = (port) => [server, "--headless", `--port=${port}`];
  const started = await startServer(process.execPath, args, { NODE_ENV: "production" }, { port });
  return { ...started, ...targets(started.url, upstream) };
}
