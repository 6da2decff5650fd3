// Verifies an audit log without the gateway: `node scripts/verify-audit.mjs audit.ndjson [--after <seq> --hash <hash>] [--heads heads.json]`.
// Each line of the file is an entry as `GET /audit` answers it, or a whole page; the order does not matter. `heads.json` is an answer
// of `GET /audit/heads`: its signatures are checked, and the log must contain each of its heads.

import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const BEGINNING = "0".repeat(64);

/**
 * Checks entries `{line, hash}`. The result is `{checked, last, hash}`, with `brokenAt`, the number of the entry that is missing or
 * that shows that it or one before it was altered.
 */
export function verify(entries, after = 0, hash = BEGINNING) {
  const sorted = entries.map((entry) => ({ ...entry, seq: JSON.parse(entry.line).seq }));
  sorted.sort((a, b) => a.seq - b.seq);
  let [last, before] = [after, hash];
  for (const { seq, line, hash: stored } of sorted) {
    if (seq <= after) continue;
    const expected = createHash("sha256").update(`${before}\n${line}`).digest("hex");
    if (seq !== last + 1) return { checked: last - after, last, hash: before, brokenAt: last + 1 };
    if (expected !== stored) return { checked: last - after, last, hash: before, brokenAt: seq };
    [last, before] = [seq, expected];
  }
  return { checked: last - after, last, hash: before };
}

/**
 * The number of the first head that the log contradicts or whose signature is wrong; undefined if there is none. `keys` are those to
 * trust: an attacker who writes heads could write keys, so compare them with keys that were noted before.
 */
export function brokenHead({ heads, keys }, entries, after = 0, hash = BEGINNING) {
  const hashes = new Map(entries.map((entry) => [JSON.parse(entry.line).seq, entry.hash]));
  const byName = new Map(keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: "jwk" })]));
  const broken = heads.find((head) => {
    if (head.seq < after) return false;
    const text = `nexus-edge audit head\n${head.seq}\n${head.hash}\n${head.at}`;
    const key = byName.get(head.kid);
    const isSigned = key && verifySignature(null, Buffer.from(text), key, Buffer.from(head.signature, "base64url"));
    return !isSigned || (head.seq === after ? hash : hashes.get(head.seq)) !== head.hash;
  });
  return broken?.seq;
}

/** The entries of a file: one, or a page of them, a line. */
export function read(text) {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => JSON.parse(line)).flatMap((value) => value.entries ?? [value]);
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { after: { type: "string" }, hash: { type: "string" }, heads: { type: "string" } },
  });
  const [file] = positionals;
  if (!file) throw new Error("Name the file: node scripts/verify-audit.mjs audit.ndjson");
  const after = Number(values.after ?? 0);
  const hash = after > 0 ? values.hash : BEGINNING;
  const entries = read(readFileSync(file, "utf8"));
  const result = verify(entries, after, hash);
  if (values.heads) {
    result.brokenHead = brokenHead(JSON.parse(readFileSync(values.heads, "utf8")), entries, after, hash);
  }
  console.log(JSON.stringify(result));
  if (result.brokenHead !== undefined) {
    console.error(`The log does not contain the signed head ${result.brokenHead}, or its signature is wrong.`);
    process.exitCode = 1;
  }
  if (result.brokenAt !== undefined) {
    console.error(`The log is broken at entry ${result.brokenAt}.`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
