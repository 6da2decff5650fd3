// Proves what the build of the Worker rests on: profiles, the versions of wasm-bindgen, and the bundle.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { importModuleAsValue, withoutRepeatedSnippets } from "../../scripts/lib/bundle.mjs";
import { inRoot } from "../../scripts/lib/paths.mjs";
import { chooseProfile, profileEnvironment, PROFILES } from "../../scripts/lib/profiles.mjs";
import { checkVersions, lockedVersion } from "../../scripts/lib/bindgen.mjs";

const text = (...path) => readFileSync(inRoot(...path), "utf8");

test("the environment chooses the profile, else the command does", () => {
  assert.equal(chooseProfile("quick", {}).folder, "build-quick");
  assert.equal(chooseProfile("quick", { NEXUS_EDGE_PROFILE: "" }).name, "quick");
  assert.equal(chooseProfile("quick", { NEXUS_EDGE_PROFILE: "release" }).folder, "build");
  assert.throws(
    () => chooseProfile("quick", { NEXUS_EDGE_PROFILE: "toString" }),
    /takes quick or release, not "toString"/,
  );
});

test("a program that is started under a profile chooses the same", () => {
  for (const profile of Object.values(PROFILES)) {
    assert.equal(chooseProfile("quick", profileEnvironment(profile)), profile);
    assert.equal(chooseProfile("release", profileEnvironment(profile)), profile);
  }
});

test("Cargo.toml, wrangler.toml and .gitignore know the profiles and their folders", () => {
  for (const { cargo, folder } of Object.values(PROFILES)) {
    assert.match(text("Cargo.toml"), new RegExp(`^\\[profile\\.${cargo}\\]$`, "m"));
    assert.match(text(".gitignore"), new RegExp(`^/${folder}/$`, "m"));
  }
  assert.match(text("wrangler.toml"), /^main = "build\/index\.js"$/m);
});

const lock = (name, version) =>
  `[[package]]\nname = "other"\nversion = "9.9.9"\n\n[[package]]\nname = "${name}"\nversion = "${version}"\n`;

test("the version of a crate is read from a lock file", () => {
  assert.equal(lockedVersion(lock("wasm-bindgen", "0.2.1"), "wasm-bindgen"), "0.2.1");
  assert.throws(
    () => lockedVersion(lock("wasm-bindgen-shared", "0.2.1"), "wasm-bindgen"),
    /does not name wasm-bindgen/,
  );
});

test("library and tool of wasm-bindgen must be of one version", () => {
  assert.equal(checkVersions(lock("wasm-bindgen", "0.2.1"), lock("wasm-bindgen-cli-support", "0.2.1")), "0.2.1");
  assert.throws(
    () => checkVersions(lock("wasm-bindgen", "0.2.2"), lock("wasm-bindgen-cli-support", "0.2.1")),
    /write =0\.2\.2 into/,
  );
});

test("in this checkout they are", () => {
  checkVersions(text("Cargo.lock"), text("scripts", "bindgen", "Cargo.lock"));
});

test("the module is imported as wrangler understands it, and nothing else is touched", () => {
  assert.equal(
    importModuleAsValue('import source wasmModule from "./index_bg.wasm";'),
    'import wasmModule from "./index_bg.wasm";',
  );
  assert.equal(importModuleAsValue('a;import source b from"./index_bg.wasm";'), 'a;import b from"./index_bg.wasm";');
  assert.equal(
    importModuleAsValue('"import source code"; import source from "x";'),
    '"import source code"; import source from "x";',
  );
});

test("a snippet is named once among the imports of the module", () => {
  const line = (key, number) => `        "./snippets/${key}/inline0.js": import${number},\n`;
  assert.equal(
    withoutRepeatedSnippets(`a\n${line("x", 1)}${line("y", 2)}${line("x", 3)}z`),
    `a\n${line("x", 1)}${line("y", 2)}z`,
  );
});

test("src/entry.mjs has every Durable Object of wrangler.toml", () => {
  const declared = [...text("wrangler.toml").matchAll(/^class_name = "(\w+)"$/gm)].map(([, name]) => name);
  const exported = [...text("src", "entry.mjs").matchAll(/^export const (\w+) = recovering\(bindings\.\1\);$/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(exported.sort(), declared.sort());
});
