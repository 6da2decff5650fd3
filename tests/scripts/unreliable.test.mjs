// Proves what happens to tests that fail: once, and the run passes but names them; twice, and it fails. Further that `.ci/run` counts so,
// and that files run beside each other where they are told to.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = await mkdtemp(path.join(tmpdir(), "unreliable-"));
after(() => rm(folder, { recursive: true, force: true }));

const PASSES = 'import { test } from "node:test"; test("passes", () => {});';
const FAILS = 'import { test } from "node:test"; test("fails", () => { throw new Error("always"); });';
const FAILS_ONCE = `
import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
const mark = import.meta.filename + ".ran";
const first = !existsSync(mark);
writeFileSync(mark, "");
test("fails once", () => { if (first) throw new Error("the first time"); });
test("passes beside it", () => {});`;

/** Passes only while the file of the other index runs. */
const meets = (own, other) => `
import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
const mark = (index) => import.meta.dirname + "/met-" + index;
test("meets the other", async () => {
  writeFileSync(mark(${own}), "");
  for (let i = 0; !existsSync(mark(${other})); i++) {
    if (i === 400) throw new Error("alone");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
});`;

/** Runs files of these contents: `{ code, output, counts }`. */
async function runOf(name, contents, beside = 1) {
  const files = [];
  for (const [i, content] of contents.entries()) {
    const file = path.join(folder, `${name}-${i}.test.mjs`);
    await writeFile(file, content);
    files.push(path.basename(file));
  }
  const program = `
    import { runTests } from ${JSON.stringify(path.join(root, "scripts/lib/test-files.mjs"))};
    await runTests(process.execPath, ${JSON.stringify(files)}, { cwd: ${JSON.stringify(folder)}, beside: ${beside} });`;
  // Without this variable: a runner inside a runner runs nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { code, output } = await new Promise((resolve) => {
    execFile(process.execPath, ["--input-type=module", "-e", program], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, output: stdout + stderr }),
    );
  });
  const counted = execFileSync("awk", ["-f", path.join(root, ".ci/count-tests.awk")], { input: output });
  return { code, output, counts: counted.toString().trim().split(" ").map(Number) };
}

test("tests that pass are counted once", async () => {
  const { code, output, counts } = await runOf("good", [PASSES, PASSES]);
  assert.deepEqual([code, counts], [0, [2, 0, 0]], output);
});

test("a test that fails once is repeated with its file, and named", async () => {
  const { code, output, counts } = await runOf("once", [PASSES, FAILS_ONCE]);
  assert.deepEqual([code, counts], [0, [3, 0, 1]], output);
  assert.match(output, /Unreliable, as they passed only when repeated: once-1\.test\.mjs/);
  assert.doesNotMatch(output.split("Failed files, once more:")[1], /once-0/);
});

test("a test that fails twice fails the run", async () => {
  const { code, output, counts } = await runOf("twice", [FAILS_ONCE, FAILS]);
  assert.deepEqual([code, counts], [1, [2, 1, 1]], output);
  assert.match(output, /Failed twice: twice-1\.test\.mjs/);
});

test("as many files as are told run at once", async () => {
  const { code, output, counts } = await runOf("beside", [meets(0, 1), meets(1, 0)], 2);
  assert.deepEqual([code, counts], [0, [2, 0, 0]], output);
});

test("many failed files are not repeated", async () => {
  const { code, output, counts } = await runOf("many", Array(6).fill(FAILS_ONCE));
  assert.deepEqual([code, counts], [1, [6, 6, 0]], output);
});
