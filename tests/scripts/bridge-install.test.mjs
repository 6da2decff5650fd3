// The installation of nexus-bridge: what the release packs and publishes is what the script installs, and nothing else is.
//
// The program is a stand-in that prints a line; packing, checksums, the download and the script are the real ones.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { inRoot } from "../../scripts/lib/paths.mjs";

const run = promisify(execFile);
const processor = arch() === "arm64" ? "aarch64" : "x86_64";
const target = `${processor}-${platform() === "darwin" ? "apple-darwin" : "unknown-linux-musl"}`;
const packed = `nexus-bridge-${target}.tar.gz`;

let work;
let released;
let server;
let address;

before(async () => {
  work = mkdtempSync(join(tmpdir(), "bridge-install-"));
  released = join(work, "dist");
  const built = join(work, "target", target, "release");
  mkdirSync(built, { recursive: true });
  writeFileSync(join(built, "nexus-bridge"), "#!/bin/sh\necho stand-in\n");
  await run("bash", [inRoot("scripts", "bridge", "pack.sh"), target, released], {
    cwd: inRoot(),
    env: { ...process.env, CARGO_TARGET_DIR: join(work, "target") },
  });
  server = createServer((request, response) => {
    const file = join(released, request.url.slice(1));
    if (!existsSync(file)) return response.writeHead(404).end();
    response.end(readFileSync(file));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  address = `http://127.0.0.1:${server.address().port}`;
  await run("bash", [inRoot("scripts", "bridge", "finish.sh"), released, address]);
});

after(() => {
  server.close();
  rmSync(work, { recursive: true });
});

let folders = 0;

/** Runs an installation script with an empty home: its exit code, what it said, and the folder that it was to fill. */
async function install(script = join(released, "install.sh")) {
  const folder = join(work, `bin-${folders++}`);
  const env = { PATH: process.env.PATH, HOME: work, NEXUS_BRIDGE_FOLDER: folder };
  const ended = await run("sh", [script], { env }).catch((error) => error);
  return { code: ended.code ?? 0, said: ended.stdout + ended.stderr, folder };
}

const changed = (change) => {
  const script = join(work, `changed-${folders}.sh`);
  writeFileSync(script, change(readFileSync(join(released, "install.sh"), "utf8")));
  return script;
};

test("a release has the packed program, the scripts and the checksums of all of them", async () => {
  assert.deepEqual(readdirSync(released).sort(), ["SHA256SUMS", "install.ps1", "install.sh", packed].sort());
  await run("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: released });
  for (const script of ["install.sh", "install.ps1"]) {
    const text = readFileSync(join(released, script), "utf8");
    assert.doesNotMatch(text, /@[A-Z0-9]+@/);
    assert.match(text, new RegExp(`^[0-9a-f]{64} [ *]${packed}$`, "m"));
    assert.ok(text.includes(`${address}/${script}`));
  }
});

test("the script installs a program that runs, also over an earlier one", async () => {
  const first = await install();
  assert.equal(first.code, 0, first.said);
  assert.match(first.said, /is not on your PATH/);
  const program = join(first.folder, "nexus-bridge");
  assert.equal((await run(program)).stdout, "stand-in\n");
  assert.equal(statSync(program).mode & 0o777, 0o755);
  assert.deepEqual(readdirSync(first.folder), ["nexus-bridge"]);
});

test("a file that was exchanged after the release is refused", async () => {
  const original = readFileSync(join(released, packed));
  writeFileSync(join(released, packed), Buffer.concat([original, Buffer.from([0])]));
  const { code, said, folder } = await install();
  writeFileSync(join(released, packed), original);
  assert.equal(code, 1);
  assert.match(said, /SHA-256/);
  assert.ok(!existsSync(folder));
});

test("a system without a build and a file that is not there are named", async () => {
  const without = await install(changed((text) => text.replaceAll(packed, "nexus-bridge-other.tar.gz")));
  assert.equal(without.code, 1);
  assert.match(without.said, new RegExp(`there is no ${packed} in this release`));
  const missing = await install(changed((text) => text.replaceAll(address, `${address}/nowhere`)));
  assert.equal(missing.code, 1);
  assert.match(missing.said, /cannot be downloaded/);
});

test("a script whose download broke off anywhere installs nothing", async () => {
  const length = readFileSync(join(released, "install.sh"), "utf8").trimEnd().length - "main".length;
  for (let part = 1; part <= 12; part++) {
    const { folder } = await install(changed((text) => text.slice(0, Math.floor((length * part) / 12))));
    assert.ok(!existsSync(folder), `at ${part}/12`);
  }
});
