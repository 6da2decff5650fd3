// A real Prometheus that scrapes a gateway, and promtool.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { eventually } from "./util.mjs";

/** Runs promtool; `input` is what it reads. Answers its exit code and output. */
export async function promtool(folder, args, { input, cwd } = {}) {
  const child = spawn(path.join(folder, "promtool"), args, { cwd, stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  child.stdin.end(input ?? "");
  const [code] = await once(child, "close");
  return { code, output };
}

/** Starts Prometheus from this folder; it scrapes `url` every two seconds with `token`. */
export async function startPrometheus(folder, { url, token }) {
  const home = await mkdtemp(path.join(tmpdir(), "nexus-edge-prometheus-"));
  const config = path.join(home, "prometheus.yml");
  const { host } = new URL(url);
  await writeFile(
    config,
    JSON.stringify({
      global: { scrape_interval: "2s", scrape_timeout: "2s" },
      scrape_configs: [
        { job_name: "nexus-edge", authorization: { credentials: token }, static_configs: [{ targets: [host] }] },
      ],
    }),
  );
  const port = await freePort();
  const child = spawn(
    path.join(folder, "prometheus"),
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(home, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--enable-feature=exemplar-storage",
      "--log.level=error",
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const ask = async (target) => {
    const answer = await fetch(`http://127.0.0.1:${port}${target}`);
    const body = await answer.json();
    if (body.status !== "success") throw new Error(`${target}: ${JSON.stringify(body)}`);
    return body.data;
  };
  /** The samples of an expression, at this moment. */
  const query = async (expression) => (await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`)).result;
  await eventually(() => query("1").catch(() => false), { within: 60_000, every: 100, what: "Prometheus" });
  return {
    query,
    /** The exemplars of an expression of the last hour, by series. */
    exemplars: (expression) => {
      const now = Date.now() / 1_000;
      const window = `&start=${now - 3_600}&end=${now + 60}`;
      return ask(`/api/v1/query_exemplars?query=${encodeURIComponent(expression)}${window}`);
    },
    /** The one value of an expression; `undefined` if there is none. */
    value: async (expression) => {
      const [first, ...others] = await query(expression);
      if (others.length > 0) throw new Error(`${expression} has several values`);
      return first === undefined ? undefined : Number(first.value[1]);
    },
    targets: async () => (await ask("/api/v1/targets")).activeTargets,
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The samples of a text of Prometheus, by their line up to the value. */
export function samplesOf(text) {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

/** The sum of all samples of this name whose labels contain these. */
export function sumOf(samples, name, labels = {}) {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const [series, value] of samples) {
    const [of, rest = ""] = series.split("{");
    if (of === name && wanted.every((label) => rest.includes(label))) sum += value;
  }
  return sum;
}
