// The words of each dialect, compared with what the official packages for Node know.
//
// crates/core/tests/words/words.json lists the words that this gateway writes and reads; crates/core/tests/words.rs tries each.
// A word that a package knows and the list does not is one that would be refused or lost; a word of the list that no package
// knows is one that a service would refuse. tests/e2e/python/words.py compares with the packages for Python.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Declarations } from "../support/declarations.mjs";

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../crates/core/tests/words/${name}.json`, import.meta.url), "utf8"));
const lists = read("words");
const limits = read("limits");
const files = new Map();

/** The declarations of a file of node_modules. */
function declarations(path) {
  if (!files.has(path)) {
    const text = readFileSync(new URL(`../../node_modules/${path}`, import.meta.url), "utf8");
    files.set(path, new Declarations(text));
  }
  return files.get(path);
}

for (const { name, node, words, not_sent: known = {}, absent = {} } of lists.filter(({ node }) => node)) {
  test(name, () => {
    const [path, type] = node.split(":");
    const theirs = declarations(path).words(type);
    const ours = [...(Array.isArray(words) ? words : Object.keys(words)), ...Object.keys(known)];
    const expected = ours.filter((word) => !absent.node?.includes(word));
    assert.deepEqual(expected.sort(), [...theirs].sort());
  });
}

test("a word is known to a package", () => {
  for (const { name, absent = {} } of lists) {
    const both = absent.node?.filter((word) => absent.python?.includes(word)) ?? [];
    assert.deepEqual(both, [], name);
  }
});

for (const { name, said } of limits.filter(({ said }) => said)) {
  test(name, () => {
    const [path, member] = said.at.split(":");
    assert.ok(declarations(path).comment(member).includes(said.words), declarations(path).comment(member));
  });
}
