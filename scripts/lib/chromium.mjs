// A Chromium for the tests of the console: the one that $CHROMIUM names, one on the PATH, or Debian's, whose packages are unpacked
// into the cache and not installed. Where there is none of them it says so, as a test that is left out in silence proves nothing.

import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

import { installOnce } from "./install-once.mjs";
import { tools } from "./paths.mjs";
import { capture, runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PREFIX = "chromium-debian-";
/** Where Debian's package has the program itself, without the script that looks for plug-ins. */
const PROGRAM = "usr/lib/chromium/chromium";
/** Chinese, in 1.6 MB. */
const FONTS = "fonts-wqy-microhei";

/** Answers `{ executablePath, env }` for playwright. */
export async function ensureChromium() {
  const given = process.env.CHROMIUM || onPath();
  if (given) return { executablePath: given, env: process.env };
  const folder = findUnpacked() ?? (await unpackDebian());
  return { executablePath: join(folder, PROGRAM), env: environmentOf(folder) };
}

function onPath() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((file) => existsSync(file));
}

function findUnpacked() {
  if (!existsSync(tools)) return undefined;
  const names = readdirSync(tools).filter((name) => name.startsWith(PREFIX) && existsSync(join(tools, name, PROGRAM)));
  return names.length > 0 ? join(tools, names.sort().at(-1)) : undefined;
}

async function unpackDebian() {
  let names = await missingPackages();
  // A minimal image comes without package lists, and only root may fetch them.
  if (names.length === 0 && process.platform === "linux" && process.getuid() === 0) {
    await runStep("Fetching Debian's package lists", "apt-get", ["update"], { optional: true, timeoutSeconds: 120 });
    names = await missingPackages();
  }
  const version = /^chromium_([\d.]+)/m.exec(names.join("\n"))?.[1];
  if (!version) throw new Problem("The tests of the console need Chromium: install it, or name it with CHROMIUM=…");
  return installOnce(`${PREFIX}${version}-${process.arch}`, PROGRAM, async (partial) => {
    const debs = join(partial, "debs");
    mkdirSync(debs);
    const packages = names.map((name) => name.split("_")[0]);
    await runStep("Fetching Chromium", "apt-get", ["download", ...packages], { cwd: debs });
    await runStep("Unpacking Chromium", "sh", ["-c", 'set -e; for deb in *.deb; do dpkg -x "$deb" ..; done'], {
      cwd: debs,
    });
    rmSync(debs, { recursive: true });
    writeFontConfiguration(partial);
  });
}

/** The files of the packages that an installation of Chromium would bring to this machine. */
async function missingPackages() {
  const args = ["install", "--print-uris", "-qq", "--no-install-recommends", "chromium", FONTS];
  const { code, stdout } = await capture("apt-get", args, { env: { LC_ALL: "C" } });
  if (code !== 0) return [];
  return stdout.split("\n").flatMap((line) => line.split(" ")[1] ?? []);
}

/** Relative to the file itself, as the folder is renamed when it is complete. */
function writeFontConfiguration(folder) {
  const lines = [
    '<?xml version="1.0"?>',
    "<fontconfig>",
    '<dir prefix="relative">usr/share/fonts</dir>',
    "<dir>/usr/share/fonts</dir>",
    '<include ignore_missing="yes">/etc/fonts/conf.d</include>',
    '<cachedir prefix="xdg">fontconfig</cachedir>',
    "</fontconfig>",
  ];
  writeFileSync(join(folder, "fonts.conf"), `${lines.join("\n")}\n`);
}

function environmentOf(folder) {
  const libraries = readdirSync(join(folder, "usr", "lib")).find((name) => name.endsWith("-linux-gnu"));
  const paths = [join("usr", "lib", libraries), join("usr", "lib", libraries, "pulseaudio")];
  return {
    ...process.env,
    LD_LIBRARY_PATH: paths.map((path) => join(folder, path)).join(delimiter),
    FONTCONFIG_FILE: join(folder, "fonts.conf"),
  };
}
