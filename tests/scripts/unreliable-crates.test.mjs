// Proves the same of `cargo test`: targets that fail are run once more, alone, and `.ci/run` counts and names them.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = await mkdtemp(path.join(tmpdir(), "unreliable-crates-"));
after(() => rm(folder, { recursive: true, force: true }));

const WHOLE = ["test", "--workspace", "--exclude", "nexus-edge", "--no-fail-fast"];
const FEATURES = ["test", "--package", "tokens", "--features", "all", "--lib", "--test", "others"];

/** What cargo prints of targets: their names and the names of the tests that failed in them. */
function printed(targets) {
  const out = [];
  const bad = [];
  for (const [target, failed] of targets) {
    for (const name of failed) out.push(`test ${name} ... FAILED`);
    out.push(
      `test result: ${failed.length ? "FAILED" : "ok"}. 5 passed; ${failed.length} failed; 0 ignored; finished in 0.1s`,
    );
    if (failed.length) bad.push(target);
  }
  const err = bad.map((target) => `error: test failed, to rerun pass \`${target}\``);
  if (bad.length)
    err.push(`error: ${bad.length} target${bad.length > 1 ? "s" : ""} failed:`, ...bad.map((it) => `    \`${it}\``));
  return { out: out.join("\n"), err: err.join("\n"), code: bad.length ? 101 : 0 };
}

/** Runs the commands against a cargo that answers so, one answer a call: `{ code, output, counts, names, calls }`. */
async function runOf(name, commands, answers) {
  const place = path.join(folder, name);
  await writeFile(`${place}.json`, JSON.stringify(answers));
  const cargo = `#!${process.execPath}
const fs = require("node:fs");
const answers = JSON.parse(fs.readFileSync(${JSON.stringify(`${place}.json`)}));
const log = ${JSON.stringify(`${place}.calls`)};
const calls = fs.existsSync(log) ? JSON.parse(fs.readFileSync(log)) : [];
const { out, err, code } = answers[calls.length];
fs.writeFileSync(log, JSON.stringify([...calls, process.argv.slice(2).join(" ")]));
fs.writeSync(1, out + "\\n");
fs.writeSync(2, err + "\\n");
process.exitCode = code;`;
  await writeFile(place, cargo);
  await chmod(place, 0o755);
  const program = `
    import { runCargoTests } from ${JSON.stringify(path.join(root, "scripts/lib/test-crates.mjs"))};
    await runCargoTests(${JSON.stringify(commands)}, { program: ${JSON.stringify(place)} });`;
  const { code, output } = await new Promise((resolve) => {
    execFile(process.execPath, ["--input-type=module", "-e", program], (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, output: stdout + stderr }),
    );
  });
  const awk = (script) =>
    execFileSync("awk", ["-f", path.join(root, ".ci", script)], { input: output })
      .toString()
      .trim();
  return {
    code,
    output,
    counts: awk("count-tests.awk").split(" ").map(Number),
    names: awk("failed-tests.awk").split("\n").filter(Boolean),
    calls: JSON.parse(await readFile(`${place}.calls`, "utf8")),
  };
}

const LIB = ["-p core --lib", []];
const good = printed([LIB, ["-p bridge --test servers", []]]);

test("targets that pass are run once", async () => {
  const { code, output, counts, names, calls } = await runOf("good", [WHOLE, FEATURES], [good, printed([LIB])]);
  assert.deepEqual([code, counts, names], [0, [15, 0, 0], []], output);
  assert.deepEqual(calls, [WHOLE.join(" "), FEATURES.join(" ")]);
});

test("a target that fails once is repeated alone, with its features, and its test is named", async () => {
  const answers = [
    printed([LIB, ["-p bridge --test servers", ["crash"]]]),
    printed([["-p tokens --test others", ["ranks"]]]),
    printed([["-p bridge --test servers", []]]),
    printed([["-p tokens --test others", []]]),
  ];
  const { code, output, counts, names, calls } = await runOf("once", [WHOLE, FEATURES], answers);
  assert.deepEqual([code, counts, names], [0, [17, 0, 2], ["test crash", "test ranks"]], output);
  assert.deepEqual(calls.slice(2), [
    "test --no-fail-fast -p bridge --test servers",
    "test --features all -p tokens --test others",
  ]);
  assert.match(
    output,
    /Unreliable, as they passed only when repeated: -p bridge --test servers, -p tokens --test others/,
  );
});

test("a target that fails twice fails the run", async () => {
  const bad = printed([["-p bridge --test servers", ["crash"]]]);
  const { code, output, counts } = await runOf("twice", [WHOLE], [bad, bad]);
  assert.deepEqual([code, counts], [1, [5, 1, 0]], output);
  assert.match(output, /Failed twice: -p bridge --test servers/);
});

test("what does not compile is not repeated", async () => {
  const bad = { out: "", err: "error: could not compile `core` (lib) due to 1 previous error", code: 101 };
  const { code, output, names, calls } = await runOf("broken", [WHOLE], [bad]);
  assert.deepEqual(
    [code, names, calls.length],
    [1, ["error: could not compile `core` (lib) due to 1 previous error"], 1],
    output,
  );
});

test("many failed targets are not repeated", async () => {
  const bad = printed(["a", "b", "c", "d", "e", "f"].map((name) => [`-p ${name} --lib`, ["t"]]));
  const { code, output, counts, calls } = await runOf("many", [WHOLE], [bad]);
  assert.deepEqual([code, counts, calls.length], [1, [30, 6, 0], 1], output);
});
