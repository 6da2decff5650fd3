// From what cargo compiled to what Cloudflare loads: a WebAssembly module, `index_bg.wasm`, and one file of JavaScript,
// `index.js`, in a folder. The steps are wasm-bindgen's, wasm-opt's and esbuild's.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { inRoot } from "./paths.mjs";
import { runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

export const SCRIPT = "index.js";
export const MODULE = "index_bg.wasm";

// Not `--all-features`: an encoding that is new in wasm-opt would be one that workerd does not read yet. These are the
// defaults of rustc for wasm32-unknown-unknown, and the exceptions that wasm-bindgen catches with.
const WASM_FEATURES = [
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "bulk-memory",
  "multivalue",
  "reference-types",
  "exception-handling",
];

/**
 * @param {string} compiled the module as cargo left it
 * @param {string} folder an empty folder; the two files are in it afterwards, among others
 * @param {{ optimise: boolean }} profile
 * @param {string} bindgen the program of scripts/bindgen
 */
export async function bundle(compiled, folder, { optimise }, bindgen) {
  await runStep("Writing the bindings", bindgen, [compiled, folder]);
  if (optimise) await shrink(join(folder, MODULE));
  await joinScripts(folder, optimise);
}

async function shrink(module) {
  const features = WASM_FEATURES.map((feature) => `--enable-${feature}`);
  // Names of functions stay: without them the stack of a panic says nothing.
  const args = [module, "-o", module, "-O3", ...features, "--debuginfo"];
  await runStep("Optimising the WebAssembly", inRoot("node_modules", ".bin", "wasm-opt"), args);
}

/** Puts src/entry.mjs, what wasm-bindgen wrote and the snippets of crates into one file. */
async function joinScripts(folder, minify) {
  const script = join(folder, SCRIPT);
  writeFileSync(script, withoutRepeatedSnippets(readFileSync(script, "utf8")));
  await runEsbuild({
    absWorkingDir: folder,
    entryPoints: [inRoot("src", "entry.mjs")],
    alias: { "worker-bindings": script },
    outfile: script,
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    target: "esnext",
    minify,
    external: [`./${MODULE}`, "cloudflare:*"],
    logLevel: "silent",
  });
  writeFileSync(script, importModuleAsValue(readFileSync(script, "utf8")));
}

/**
 * wasm-bindgen imports the module as the standard will have it, in the source phase. Wrangler and workerd take a plain import
 * of a `.wasm` file, and mean the same: a `WebAssembly.Module`.
 */
export const importModuleAsValue = (script) => script.replace(/\bimport source (?=[\w$]+ from\b)/g, "import ");

/** Where several functions come from one snippet, wasm-bindgen names it once for each: wrangler warns of every repetition. */
export function withoutRepeatedSnippets(script) {
  const seen = new Set();
  return script.replace(/^\s*("\.\/snippets\/[^"]+"): import\d+,\n/gm, (line, key) => {
    if (seen.has(key)) return "";
    seen.add(key);
    return line;
  });
}

async function runEsbuild(options) {
  // Not at the top: it is there only once the packages are installed.
  const { build } = await import("esbuild");
  try {
    await build(options);
  } catch (error) {
    throw new Problem(`esbuild could not join the Worker's JavaScript: ${error.message}`);
  }
}
