// Proves that what was cut off half way (a download, a compile, a build) is done again by the next run, whole, without a hand
// that clears up. The runs are real ones, killed as a power failure would; cargo and what it compiles are stand-ins.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { inRoot } from "../../scripts/lib/paths.mjs";

let folder;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "nexus-edge-cut-off-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (...parts) => path.join(folder, ...parts);

/** Starts a script in a process group of its own. */
function begin(args, { cwd = folder, ...env } = {}) {
  const child = spawn(process.execPath, args, {
    cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      XDG_CACHE_HOME: at("cache"),
      CARGO_TARGET_DIR: at("cargo"),
      MARK: at("mark"),
      CI: "true",
      ...env,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const exited = new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
  return { child, exited };
}

/** Runs a script until it says that it is half way, by making a file, and kills it with all it started. */
async function cutOff(args, env) {
  const { child, exited } = begin(args, env);
  const isOver = exited.then(({ output }) => assert.fail(`it ended before it was half way:\n${output}`));
  while (!existsSync(at("mark"))) await Promise.race([sleep(20), isOver]);
  process.kill(-child.pid, "SIGKILL");
  await exited;
  rmSync(at("mark"));
  isOver.catch(() => {});
}

async function complete(args, env) {
  const { code, output } = await begin(args, env).exited;
  assert.equal(code, 0, output);
  return output;
}

/** Installs something of two files; with HALF set, stops after the first one and waits to be killed. */
const installer = (how) => [
  "--input-type=module",
  "--eval",
  `
    import { writeFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { ${how} } from ${JSON.stringify(inRoot("scripts", "lib", "install-once.mjs"))};

    const install = async (folder) => {
      writeFileSync(folder + "/" + (process.env.HALF ?? "first"), "");
      if (process.env.HALF) {
        writeFileSync(process.env.MARK, "");
        await sleep(60_000);
      }
      writeFileSync(folder + "/second", "");
    };
    console.log(await ${how}("tool-1", ...(${how === "installOnce"} ? ["second", install] : [install])));
  `,
];

for (const [how, whole] of [
  ["installOnce", ["first", "second"]],
  ["installInPlace", [".complete", "first", "second"]],
]) {
  test(`${how}: an installation that was cut off is begun anew, and waits for nothing`, async () => {
    await cutOff(installer(how), { HALF: "left-behind" });
    const begun = Date.now();
    const output = await complete(installer(how));
    assert.ok(Date.now() - begun < 20_000, "it waited for the lock of a process that is gone");
    assert.deepEqual(readdirSync(output.trim()).sort(), whole);
    assert.deepEqual(readdirSync(at("cache", "nexus-edge", "tools")), ["tool-1"]);
    assert.deepEqual(readdirSync(at("cache", "nexus-edge", "locks")), []);
  });
}

const MODULE = "a whole module";

// Each leaves half of its output behind, and stops there if HALF names it.
const step = (name, output, whole) => `
  mkdir -p "$(dirname "${output}")"
  printf half > "${output}"
  if [ "$HALF" = ${name} ]; then touch "$MARK"; exec sleep 60; fi
  ${whole}
`;

const BINDGEN = `#!/bin/sh
${step("bindings", "$2/index_bg.wasm", 'cp "$1" "$2/index_bg.wasm"')}
cp "$BINDINGS" "$2/index.js"
`;

const CARGO = `#!/bin/sh
case "$*" in
--version) echo "cargo 99.0.0" ;;
*bindgen*) ${step("tool", "$CARGO_TARGET_DIR/release/bindgen", 'cat "$BINDGEN" > "$CARGO_TARGET_DIR/release/bindgen" && chmod +x "$CARGO_TARGET_DIR/release/bindgen"')} ;;
*) ${step("worker", "$CARGO_TARGET_DIR/wasm32-unknown-unknown/quick/nexus_edge.wasm", `printf '${MODULE}' > "$CARGO_TARGET_DIR/wasm32-unknown-unknown/quick/nexus_edge.wasm"`)} ;;
esac
`;

const BINDINGS = `
import source wasmModule from "./index_bg.wasm";
export const __worker_init_state = () => wasmModule;
export const __wbg_reset_state = () => {};
export class Account {}
export class ChatRoom {}
export class Circuits {}
export class Quota {}
export function fetch() {}
export function queue() {}
export function scheduled() {}
`;

/** A checkout with our scripts and stand-ins for all that is compiled. */
function makeCheckout() {
  for (const file of [
    "scripts",
    "src/entry.mjs",
    "src/recovery.mjs",
    "package.json",
    "package-lock.json",
    "Cargo.toml",
    "Cargo.lock",
    "docs/openapi.json",
    "web",
  ]) {
    cpSync(inRoot(file), at("checkout", file), { recursive: true });
  }
  symlinkSync(inRoot("node_modules"), at("checkout", "node_modules"));
  mkdirSync(at("bin"));
  writeFileSync(at("bin", "cargo"), CARGO, { mode: 0o755 });
  writeFileSync(at("bindgen"), BINDGEN, { mode: 0o755 });
  writeFileSync(at("bindings.js"), BINDINGS);
  return {
    cwd: at("checkout"),
    NEXUS_EDGE_PROFILE: "quick",
    PATH: `${at("bin")}${path.delimiter}${process.env.PATH}`,
    BINDGEN: at("bindgen"),
    BINDINGS: at("bindings.js"),
  };
}

function assertWhole() {
  const built = (file) => readFileSync(at("checkout", "build-quick", file), "utf8");
  assert.equal(built("index_bg.wasm"), MODULE);
  assert.match(built("index.js"), /import wasmModule from "\.\/index_bg\.wasm"/);
  assert.deepEqual(readdirSync(at("checkout", "build-quick")).sort(), [".stamp.json", "index.js", "index_bg.wasm"]);
}

for (const half of ["tool", "worker", "bindings"]) {
  test(`a build that was cut off (${half}) is whole after the next run`, { timeout: 120_000 }, async () => {
    const env = makeCheckout();
    await cutOff(["scripts/build.mjs"], { ...env, HALF: half });
    assert.equal(existsSync(at("checkout", "build-quick", "index.js")), false);
    await complete(["scripts/build.mjs"], env);
    assertWhole();
    assert.match(await complete(["scripts/build.mjs"], env), /The Worker is up to date/);
  });
}

test("a rebuild that was cut off leaves the old build, which is not taken for the new one", {
  timeout: 120_000,
}, async () => {
  const env = makeCheckout();
  await complete(["scripts/build.mjs"], env);
  writeFileSync(at("checkout", "src", "lib.rs"), "// changed");
  await cutOff(["scripts/build.mjs"], { ...env, HALF: "bindings" });
  const left = readFileSync(at("checkout", "build-quick", "index_bg.wasm"), "utf8");
  assert.equal(left, MODULE);
  assert.doesNotMatch(await complete(["scripts/build.mjs"], env), /The Worker is up to date/);
  assertWhole();
});
