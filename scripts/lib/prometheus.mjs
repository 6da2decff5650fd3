// Prometheus and promtool of Debian's package, unpacked into the cache and not installed.

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { installOnce } from "./install-once.mjs";
import { capture, runStep } from "./run.mjs";

/** Answers the folder of `prometheus` and `promtool`; `undefined` where there is no such package, with a line that says so. */
export async function ensurePrometheus() {
  const version = await candidateVersion();
  if (!version) {
    console.log("Prometheus is missing, whose tests are left out: it comes from Debian's package `prometheus`");
    return undefined;
  }
  const folder = await installOnce(`prometheus-${version}-${process.arch}`, "usr/bin/promtool", async (partial) => {
    const debs = join(partial, "debs");
    mkdirSync(debs);
    await runStep("Fetching Debian's package of Prometheus", "apt-get", ["download", "prometheus"], { cwd: debs });
    for (const deb of readdirSync(debs)) await runStep("Unpacking it", "dpkg", ["-x", join(debs, deb), partial]);
    rmSync(debs, { recursive: true });
  });
  return join(folder, "usr", "bin");
}

async function candidateVersion() {
  if (process.platform !== "linux") return undefined;
  let version = await candidate();
  // A minimal image comes without package lists, and only root may fetch them.
  if (!version && process.getuid() === 0) {
    await runStep("Fetching Debian's package lists", "apt-get", ["update"], { optional: true, timeoutSeconds: 120 });
    version = await candidate();
  }
  return version;
}

async function candidate() {
  const { code, stdout } = await capture("apt-cache", ["policy", "prometheus"], { env: { LC_ALL: "C" } });
  const version = code === 0 ? /Candidate: (\S+)/.exec(stdout)?.[1] : undefined;
  return version === "(none)" ? undefined : version?.replace(/[^\w.-]/g, "-");
}
